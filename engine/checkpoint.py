"""Writes checkpoints: a folder that is complete or not there, checked by SHA-256, never pickle. Reading: checkpoint_manifest.py.

A checkpoint is written under a temporary name, each file fsynced, the manifest last, then renamed. The ring is saved beside it
as a log, of which each checkpoint appends only what is new.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import save_file

from engine.checkpoint_manifest import (
    FORMAT,
    LATEST,
    MANIFEST,
    Checkpoint,
    checkpoint_folder,
    checkpoint_paths,
    checksum_of,
    fsync,
    replay_folder,
    sha256_of,
    write_atomically,
)
from engine.config import RunConfig
from engine.replay_archive import ReplayArchive
from engine.ring import Ring
from engine.state_tree import StateTree, save_tree


class CheckpointFolder:
    """All checkpoints of one run.

    Args:
        run_dir: the run's folder.
        keep: newest checkpoints kept.
    """

    def __init__(self, run_dir: Path, keep: int) -> None:
        self._folder = checkpoint_folder(run_dir)
        self._archive = ReplayArchive(replay_folder(run_dir))
        self._keep = keep

    def save(
        self,
        config: RunConfig,
        state: dict[str, StateTree],
        network: dict[str, np.ndarray[Any, Any]],
        ring: Ring,
        facts: dict[str, Any],
    ) -> Path:
        """Writes a checkpoint and drops those that are not kept.

        Args:
            config: the run.
            state, network: see Learning.
            ring: the replay log; only what is new in it is written.
            facts: what the manifest says besides: learner_steps, env_steps, counters.

        Returns:
            Its folder.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        final = self._folder / f"step_{facts['learner_steps']:09d}"
        temporary = self._folder / f".{final.name}.writing"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir()
        save_file(network, temporary / "weights.safetensors")
        save_tree(state, temporary / "state")
        replay = self._archive.save(ring, keep_sequence=self._oldest_sequence_needed(ring))
        checksums = {path.name: sha256_of(path) for path in sorted(temporary.iterdir())}
        manifest = {"format": FORMAT, **facts, "config": msgspec.to_builtins(config), "files": checksums, "replay": replay}
        (temporary / MANIFEST).write_text(json.dumps({**manifest, "checksum": checksum_of(manifest)}))
        for path in temporary.iterdir():
            fsync(path)
        fsync(temporary)
        replaced = self._folder / f".{final.name}.replaced"
        shutil.rmtree(replaced, ignore_errors=True)
        if final.exists():
            final.rename(replaced)
        temporary.rename(final)
        shutil.rmtree(replaced, ignore_errors=True)
        write_atomically(self._folder / LATEST, final.name)
        fsync(self._folder)
        self._drop_old()
        return final

    def adopt_ring(self, checkpoint: Checkpoint) -> None:
        """Goes on from this checkpoint with a ring that outlived the learner: what is saved of it is not saved again."""
        self._archive.adopt(checkpoint.manifest["replay"])

    def restore_ring(self, checkpoint: Checkpoint, ring: Ring) -> None:
        """Fills the ring as it was at this checkpoint."""
        self._archive.restore(ring, checkpoint.manifest["replay"])

    def _oldest_sequence_needed(self, ring: Ring) -> int:
        """Returns the oldest trajectory that a checkpoint still kept after this one refers to."""
        oldest = ring.oldest_sequence
        for path in checkpoint_paths(self._folder)[: self._keep - 1]:
            try:
                manifest = json.loads((path / MANIFEST).read_text())
                oldest = min(oldest, int(manifest["replay"]["oldest_sequence"]))
            except (OSError, ValueError, KeyError):
                continue
        return oldest

    def _drop_old(self) -> None:
        for path in checkpoint_paths(self._folder)[self._keep :]:
            shutil.rmtree(path, ignore_errors=True)
