"""Copies of the network alone, kept for ever, so that a run can be measured against its earlier selves.

    milestones/minute_0015.00/   weights.safetensors   the network's tensors by name
                                 manifest.json         what it is: settings, learner steps, environment steps, time, checksums

Training cannot go on from one: what a resume needs is `engine/checkpoint.py`.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from safetensors import SafetensorError

from engine.array_file import array_bytes
from engine.checkpoint import UNFINISHED_SUFFIX, write_manifest
from engine.checkpoint_manifest import FORMAT, MANIFEST
from engine.config import RunConfig
from engine.durable_files import fsync
from engine.errors import MachineProblem

FOLDER = "milestones"


def milestone_paths(run_dir: Path) -> list[Path]:
    """Returns the milestones of a run, oldest first."""
    return sorted((run_dir / FOLDER).glob("minute_*"))


class Milestones:
    """The milestones of one run.

    Args:
        run_dir: the run's folder.
        every_minutes: minutes of training between two, all starts of the run counted; None keeps none.
    """

    def __init__(self, run_dir: Path, every_minutes: float | None) -> None:
        self._folder = run_dir / FOLDER
        self._every_minutes = every_minutes
        self._newest = max((self._index(_seconds_of(path)) for path in milestone_paths(run_dir)), default=0)

    def is_due(self, run_seconds: float) -> bool:
        """Returns whether it is time for the next milestone, given how long the run has been going."""
        return self._index(run_seconds) > self._newest

    def save(self, config: RunConfig, network: dict[str, np.ndarray[Any, Any]], facts: dict[str, Any]) -> Path:
        """Writes a milestone, whole or not at all.

        Args:
            config: the run.
            network: its tensors by name.
            facts: what the manifest says besides: learner_steps, env_steps, run_seconds.

        Returns:
            Its folder.

        Raises:
            MachineProblem: the disk is full or cannot be written; the next one is tried when it is due.
        """
        self._newest = self._index(facts["run_seconds"])
        final = self._folder / f"minute_{self._newest * (self._every_minutes or 0.0):07.2f}"
        temporary = self._folder / f".{final.name}{UNFINISHED_SUFFIX}"
        try:
            shutil.rmtree(temporary, ignore_errors=True)
            temporary.mkdir(parents=True)
            (temporary / "weights.safetensors").write_bytes(array_bytes(network))
            write_manifest(temporary, {"format": FORMAT, **facts, "config": msgspec.to_builtins(config)})
            for path in (*temporary.iterdir(), temporary):
                fsync(path)
            temporary.rename(final)
            fsync(self._folder)
        except (OSError, SafetensorError) as error:
            raise MachineProblem(f"no milestone could be written to {self._folder} ({error}): make room on that disk.") from error
        return final

    def _index(self, run_seconds: float) -> int:
        """Returns how many milestones are due after so long."""
        return 0 if self._every_minutes is None else int(run_seconds / 60 / self._every_minutes)


def _seconds_of(path: Path) -> float:
    """Returns how long the run had been going at a milestone."""
    return float(json.loads((path / MANIFEST).read_text())["run_seconds"])
