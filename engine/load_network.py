"""The trained network of a run or of one checkpoint, ready to play with. Nothing of training in here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from engine.checkpoint_manifest import MANIFEST, Checkpoint, newest_checkpoint, verify
from engine.config import RunConfig
from engine.run_folder import CONFIG_NAME
from muzero.errors import UserError
from muzero.games import make_game
from muzero.networks.flat_state import flatten_state, load_named_state, num_floats
from muzero.networks.network import build_network
from muzero.types import Float32Array


def load_for_evaluation(path: Path, on_problem: Callable[[str], None] = lambda sentence: None) -> tuple[RunConfig, Float32Array, int]:
    """Returns configuration, weights (float32 [W]) and learner steps of a run's newest checkpoint, or of one checkpoint.

    Args:
        path: a run folder or a checkpoint folder.
        on_problem: called with a sentence for each damaged checkpoint that was passed over.

    Raises:
        UserError: if there is no checkpoint, or its network has other layers than this version makes.
        CorruptCheckpoint: if none passes its checksums.
    """
    checkpoint = find_checkpoint(path, on_problem)
    config = checkpoint.config()
    game = make_game(config.env)
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    load_named_state(network, {name: torch.from_numpy(array) for name, array in checkpoint.network().items()})
    values = np.zeros(num_floats(network), dtype=np.float32)
    flatten_state(network, values)
    return config, values, checkpoint.learner_steps


def find_checkpoint(path: Path, on_problem: Callable[[str], None]) -> Checkpoint:
    """Returns a run's newest checkpoint that passes its checksums, or this one; arguments and errors as in load_for_evaluation."""
    checkpoint = verify(path) if (path / MANIFEST).is_file() else newest_checkpoint(path, on_problem)
    if checkpoint is None:
        _require_run(path)
        raise UserError(f"the run in {path} has no checkpoint yet: wait for its first one, or stop it with Ctrl-C, which writes one.")
    return checkpoint


def _require_run(path: Path) -> None:
    """Raises a UserError where a folder that holds no checkpoint is not a run's either, with the checkpoints that lie beside it."""
    if (path / CONFIG_NAME).is_file():
        return
    kept = sorted(file.parent.name for file in path.parent.glob(f"[!.]*/{MANIFEST}"))
    if kept:
        raise UserError(f"there is no checkpoint in {path}: choose one that the run keeps, {' or '.join(kept)}.")
    raise UserError(f"there is no run in {path}: name the folder of a run, with its {CONFIG_NAME}, or the folder of one checkpoint.")
