"""What a checkpoint on disk says and whether it can be trusted. Writing one is `engine/checkpoint.py`; no Numba, no torch.

    checkpoints/step_000001200/   weights.safetensors   the tensors by name of the network that plays
                                  state.safetensors     optimizer, sampler, counters: arrays; the trained network where its average plays
                                  state.json            the same: everything else
                                  manifest.json         what it is, checksums of all files, which replay segments belong to it
    checkpoints/latest            name of the newest
    replay/segment_*.safetensors  the ring as a log (engine/replay_archive.py), shared by checkpoints
    replay/fresh_*.safetensors    its fresh targets (engine/fresh_archive.py), shared too

A checkpoint is written under a temporary name, each file fsynced, the manifest last, then renamed.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors.numpy import load_file

from engine.config import RunConfig
from engine.errors import CorruptCheckpoint
from engine.state_tree import StateTree, load_tree
from muzero.errors import UserError

MANIFEST = "manifest.json"
LATEST = "latest"
ASIDE_SUFFIX = ".replaced"
"""Ends the hidden name of a checkpoint that is being replaced by another one of the same learner step."""
FORMAT = 2


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint whose checksums are right.

    Attributes:
        path: its folder.
        manifest: its manifest.
    """

    path: Path
    manifest: dict[str, Any]

    @property
    def learner_steps(self) -> int:
        """Learner steps done."""
        return int(self.manifest["learner_steps"])

    def config(self) -> RunConfig:
        """Returns the configuration it was made under.

        Raises:
            UserError: another version of this program made it, with settings that this one does not know.
        """
        try:
            return msgspec.convert(self.manifest["config"], RunConfig)
        except msgspec.ValidationError as error:
            raise UserError(f"checkpoint {self.path} is of another version ({error}): use the version that made it.") from None

    def network(self) -> dict[str, np.ndarray[Any, Any]]:
        """Returns the tensors by name of the network that plays: the moving average where the run had one."""
        return load_file(self.path / "weights.safetensors")

    def state(self) -> dict[str, StateTree]:
        """Returns everything else that was saved."""
        tree: dict[str, StateTree] = load_tree(self.path / "state")
        return tree


def checkpoint_folder(run_dir: Path) -> Path:
    """Returns where a run keeps its checkpoints."""
    return run_dir / "checkpoints"


def replay_folder(run_dir: Path) -> Path:
    """Returns where a run keeps the segments of its saved ring."""
    return run_dir / "replay"


def checkpoint_paths(folder: Path) -> list[Path]:
    """Returns the checkpoints in this folder, newest first.

    One that was moved aside for its successor counts as long as that is not there: its writer was killed in between.
    """
    aside = [
        path for path in folder.glob(f".step_*{ASIDE_SUFFIX}") if not path.with_name(path.name[1:].removesuffix(ASIDE_SUFFIX)).exists()
    ]
    return sorted([*folder.glob("step_*"), *aside], key=lambda path: path.name.removeprefix("."), reverse=True)


def newest_checkpoint(
    run_dir: Path, on_problem: Callable[[str], None] = lambda sentence: None, *, with_replay: bool = False
) -> Checkpoint | None:
    """Returns the newest checkpoint that passes its checksums, or None if there never was one.

    Args:
        run_dir: the run's folder.
        on_problem: called with a sentence for each checkpoint that does not pass.
        with_replay: see verify.

    Raises:
        CorruptCheckpoint: if there are some and none passes.
    """
    folder = checkpoint_folder(run_dir)
    problems = []
    for path in checkpoint_paths(folder):
        try:
            return verify(path, with_replay=with_replay)
        except CorruptCheckpoint as problem:
            problems.append(str(problem))
            on_problem(f"{problem} Falling back to the one before.")
    if problems:
        raise CorruptCheckpoint(f"no checkpoint in {folder} can be used: {problems[0]}")
    return None


def verify(path: Path, *, with_replay: bool = False) -> Checkpoint:
    """Returns the checkpoint in this folder after checking every file.

    Args:
        path: its folder.
        with_replay: whether the saved ring is checked as well; who only wants the network need not read all of it.

    Raises:
        CorruptCheckpoint: naming the file that is missing or changed.
    """
    try:
        manifest = json.loads((path / MANIFEST).read_text())
        checksums = manifest["files"]
        learner_steps = manifest["learner_steps"]
        segments = manifest["replay"]["files"] if with_replay else {}
        is_changed = manifest.pop("checksum", None) != checksum_of(manifest)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CorruptCheckpoint(f"checkpoint {path.name} has no readable manifest.") from error
    if manifest.get("format") != FORMAT or not isinstance(checksums, dict) or not isinstance(learner_steps, int):
        raise CorruptCheckpoint(
            f"checkpoint {path.name} is of format {manifest.get('format')}, this version reads {FORMAT}: use the version that made it."
        )
    if is_changed:
        raise CorruptCheckpoint(f"checkpoint {path.name} is damaged: {MANIFEST} does not match its checksum.")
    for folder, files in ((path, checksums), (replay_folder(path.parent.parent), segments)):
        for name, expected in files.items():
            if not (folder / name).is_file() or sha256_of(folder / name) != expected:
                raise CorruptCheckpoint(f"checkpoint {path.name} is damaged: {name} does not match its checksum.")
    return Checkpoint(path, manifest)


def checksum_of(manifest: dict[str, Any]) -> str:
    """Returns the SHA-256, as hex, of a manifest that does not hold its checksum."""
    return hashlib.sha256(json.dumps(manifest).encode()).hexdigest()


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
