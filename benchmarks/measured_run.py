"""The run that a row measures: which world it learned, and how its folder is written down."""

import json
import tomllib
from pathlib import Path

from benchmarks.commands import default_run_dir
from benchmarks.machine import ROOT
from benchmarks.row import Row
from engine.checkpoint_manifest import MANIFEST
from engine.run_folder import CONFIG_NAME
from muzero.errors import UserError


def require_world(row: Row, run_dir: Path) -> None:
    """Refuses a run of another world than the row's.

    Args:
        row: one that trains nothing.
        run_dir: a run's folder, or a checkpoint's.

    Raises:
        UserError: it is of another world, or no run.
    """
    world = _world_of(run_dir)
    if world is None:
        raise UserError(f"there is no run in {run_dir}: measure the row {row.trained_by} first, or name a run with --run-dir.")
    if world != row.env:
        raise UserError(f"the run in {run_dir} learned {world}, but the row {row.name} measures {row.env}: name another --run-dir.")


def shown_run_dir(row: Row, seed: int, run_dir: Path) -> Path:
    """Returns the folder that stored commands show: the usual one of a row that trains, the real one where another run is measured."""
    if row.trained_by is None:
        return default_run_dir(row, seed)
    return run_dir.relative_to(ROOT) if run_dir.is_relative_to(ROOT) else run_dir


def _world_of(run_dir: Path) -> str | None:
    """Returns the world of a run or of a checkpoint, None where there is neither."""
    try:
        if (run_dir / CONFIG_NAME).is_file():
            return str(tomllib.loads((run_dir / CONFIG_NAME).read_text())["env"]["name"])
        return str(json.loads((run_dir / MANIFEST).read_text())["config"]["env"]["name"])
    except (OSError, ValueError, KeyError):
        return None
