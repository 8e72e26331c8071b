"""A diagnosis of a run's newest checkpoint: its network on the positions saved with it. Nothing is written or drawn here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import torch

from engine.checkpoint_manifest import Checkpoint, replay_folder
from engine.config import RunConfig
from engine.device import out_of_memory_is_final, resolve_device
from engine.layout import ring_layout_of
from engine.load_network import find_checkpoint, load_for_evaluation
from engine.replay_archive import ReplayArchive
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.stored_positions import stored_positions
from muzero.config import require
from muzero.dead_units import UnitWatch
from muzero.diagnosis import Diagnosis, diagnose
from muzero.games import make_game
from muzero.networks.flat_state import load_flat_state
from muzero.networks.network import MuZeroNetwork, build_network
from muzero.position_numbers import PositionNumbers, StoredPositions, measure
from muzero.types import GameSpec


@dataclass(frozen=True)
class CheckpointDiagnosis:
    """A diagnosis and what it is of.

    Attributes:
        run_dir: the run's folder.
        environment: name of the world.
        learner_steps: gradient steps behind the checkpoint.
        diagnosis: the numbers.
    """

    run_dir: Path
    environment: str
    learner_steps: int
    diagnosis: Diagnosis


@out_of_memory_is_final()
def diagnose_checkpoint(
    path: Path, *, num_positions: int, on_problem: Callable[[str], None] = lambda sentence: None
) -> CheckpointDiagnosis:
    """Returns the diagnosis of a run's newest checkpoint, or of one checkpoint.

    Args:
        path: a run folder or a checkpoint folder.
        num_positions: stored positions to look at, at most.
        on_problem: called with a sentence for each damaged checkpoint that was passed over.

    Raises:
        UserError: there is no checkpoint, it holds no games, or it is a milestone.
        CorruptCheckpoint: none passes its checksums, or its saved ring does not.
        NotEnoughMemory: the ring is larger than the memory.
    """
    checkpoint = find_checkpoint(path, on_problem)
    require("replay" in checkpoint.manifest, f"{path} is a milestone, which holds no games: name the run or one of its checkpoints.")
    config, values, learner_steps = load_for_evaluation(checkpoint.path)
    game, device = make_game(config.env), resolve_device("auto")
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    load_flat_state(network, values)
    parts = stored_positions(_saved_ring(checkpoint, config, game.spec), game.spec, config, num_positions)
    diagnosis = diagnose_network(network.to(device).eval(), parts, device, game.spec.num_actions)
    return CheckpointDiagnosis(_run_dir(checkpoint), config.env.name, learner_steps, diagnosis)


def diagnose_network(network: MuZeroNetwork, parts: Iterable[StoredPositions], device: torch.device, num_actions: int) -> Diagnosis:
    """Returns the diagnosis of a network, in evaluation mode, on all positions of some parts."""
    with UnitWatch(network) as watch:
        numbers = PositionNumbers.concatenate([measure(network, part, device) for part in parts])
    return diagnose(numbers, watch.layers(), num_actions, network.value_codec.limit)


def _run_dir(checkpoint: Checkpoint) -> Path:
    return checkpoint.path.parent.parent


def _saved_ring(checkpoint: Checkpoint, config: RunConfig, spec: GameSpec) -> Ring:
    """Returns a ring in this process's memory, as it was at the checkpoint."""
    remedy = "diagnose on a machine with the memory of the run's"
    ring = Ring(Segment.private(ring_layout_of(config, spec), remedy=remedy), None)
    ReplayArchive(replay_folder(_run_dir(checkpoint))).restore(ring, checkpoint.manifest["replay"])
    return ring
