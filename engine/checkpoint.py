"""Writes checkpoints: a folder that is complete or not there, checked by SHA-256, never pickle. Reading: checkpoint_manifest.py.

A checkpoint is written under a temporary name, each file fsynced, the manifest last, then renamed. The ring is saved beside it
as a log, of which each checkpoint appends only what is new.
"""

import json
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError

from engine.array_file import array_bytes
from engine.checkpoint_manifest import (
    ASIDE_SUFFIX,
    FORMAT,
    LATEST,
    MANIFEST,
    Checkpoint,
    checkpoint_folder,
    checkpoint_paths,
    checksum_of,
    replay_folder,
    sha256_of,
)
from engine.config import RunConfig
from engine.durable_files import fsync, write_atomically
from engine.errors import CorruptCheckpoint, MachineProblem
from engine.replay_archive import ReplayArchive
from engine.ring import Ring
from engine.state_tree import StateTree, save_tree

UNFINISHED_SUFFIX = ".writing"


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
        beat: Callable[[], None] = lambda: None,
    ) -> Path:
        """Writes a checkpoint and drops those that are not kept.

        Args:
            config: the run.
            state, network: see Learning.
            ring: the replay log; only what is new in it is written.
            facts: what the manifest says besides: learner_steps, env_steps, counters.
            beat: called after each file, so that a long save is not taken for a silent process.

        Returns:
            Its folder.

        Raises:
            MachineProblem: the disk is full or cannot be written; the checkpoints before are still whole.
        """
        final = self._folder / f"step_{facts['learner_steps']:09d}"
        temporary = self._folder / f".{final.name}{UNFINISHED_SUFFIX}"
        try:
            self._make_empty(temporary)
            (temporary / "weights.safetensors").write_bytes(array_bytes(network))
            save_tree(state, temporary / "state")
            beat()
            keep_sequence, keep_files = self._replay_needed(ring)
            replay = self._archive.save(ring, keep_sequence=keep_sequence, keep_files=keep_files, beat=beat)
            write_manifest(temporary, {"format": FORMAT, **facts, "config": msgspec.to_builtins(config), "replay": replay})
            for path in temporary.iterdir():
                fsync(path)
                beat()
            fsync(temporary)
            self._put_in_place(temporary, final)
        except (OSError, SafetensorError) as error:
            shutil.rmtree(temporary, ignore_errors=True)
            raise MachineProblem(f"no checkpoint could be written to {self._folder} ({error}): make room on that disk.") from error
        self._drop_old()
        return final

    def adopt_ring(self, checkpoint: Checkpoint) -> None:
        """Goes on from this checkpoint with a ring that outlived the learner: what its files hold is not written again.

        What cannot be read of them is written again: the ring in memory has it all.
        """
        with suppress(CorruptCheckpoint):
            self._archive.adopt(checkpoint.manifest["replay"])

    def restore_ring(self, checkpoint: Checkpoint, ring: Ring) -> None:
        """Fills the ring as it was at this checkpoint."""
        self._archive.restore(ring, checkpoint.manifest["replay"])

    def _make_empty(self, temporary: Path) -> None:
        """Makes the folder of a new checkpoint and removes what killed saves left."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for unfinished in self._folder.glob(f".step_*{UNFINISHED_SUFFIX}"):
            shutil.rmtree(unfinished)
        temporary.mkdir()

    def _put_in_place(self, temporary: Path, final: Path) -> None:
        """Gives a complete checkpoint its name; one of the same step is moved aside first and then deleted."""
        aside = self._folder / f".{final.name}{ASIDE_SUFFIX}"
        if final.exists():
            shutil.rmtree(aside, ignore_errors=True)
            final.rename(aside)
        temporary.rename(final)
        fsync(self._folder)
        shutil.rmtree(aside, ignore_errors=True)
        write_atomically(self._folder / LATEST, final.name)
        fsync(self._folder)

    def _replay_needed(self, ring: Ring) -> tuple[int, set[str]]:
        """Returns the oldest trajectory that the ring holds or a checkpoint refers to, and all files that checkpoints refer to.

        Those that the new checkpoint will replace count too: until it is in place they may be all there is.
        """
        oldest, files = ring.oldest_sequence, set[str]()
        for path in checkpoint_paths(self._folder):
            try:
                replay = json.loads((path / MANIFEST).read_text())["replay"]
                oldest = min(oldest, int(replay["oldest_sequence"]))
                files.update(replay["files"])
            except (OSError, ValueError, KeyError, TypeError):
                continue
        return oldest, files

    def _drop_old(self) -> None:
        for path in checkpoint_paths(self._folder)[self._keep :]:
            shutil.rmtree(path, ignore_errors=True)


def write_manifest(folder: Path, facts: dict[str, Any]) -> None:
    """Writes what a checkpoint is, with the checksums of all files in its folder."""
    manifest = {**facts, "files": {path.name: sha256_of(path) for path in sorted(folder.iterdir())}}
    (folder / MANIFEST).write_text(json.dumps({**manifest, "checksum": checksum_of(manifest)}))
