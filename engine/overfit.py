"""The self-test of `--overfit-batch`: one batch of played positions, learnt by heart. Nothing is written, no process is started.

A network, a loss and an optimiser that are put together rightly drive every head's loss to the floor that the targets allow. What
stays above it names the part that is wrong before a long run is wasted on it.
"""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
import torch

from engine.config import RunConfig
from engine.device import out_of_memory_is_final, resolve_device
from engine.errors import RunFailed
from engine.inference_core import InferenceCore, LocalModel
from engine.layout import policy_entries_for, ring_layout_of
from engine.one_process import drive_move
from engine.replay import Replay
from engine.ring import Ring
from engine.shared_memory import Segment
from muzero.batch_rows import batch_rows
from muzero.games import Game, make_game
from muzero.loss_floor import loss_floor
from muzero.networks.network import MuZeroNetwork, build_network, flatten_state, num_floats
from muzero.randomness import Purpose, generator
from muzero.search import BatchedSearch
from muzero.self_play import SelfPlay
from muzero.train_batch import to_device
from muzero.train_step import Trainer
from muzero.types import Batch, GameSpec

DEFAULT_STEPS = 2000
"""Learner steps in which the batch must be learnt; tic-tac-toe, CartPole and Connect Four need a few hundred."""
MAX_POSITIONS = 128
"""More positions in the batch would show nothing more and take longer."""
POSITIONS_PLAYED_FOR_EACH = 4
"""Positions are played for each one that is kept: many games begin alike, and of equal positions one is kept."""
MAX_SIMULATIONS = 8
"""Moves of an untrained network are as good as random however long it searches."""
MAX_PIECE_STEPS = 64
"""Episodes of one player may be long; their value targets bootstrap, so that pieces of them do. Two players play to the end."""
PASSED_SHARE = 0.05
"""Excess loss of a head, over that at the start, below which it has learnt its targets: noise of the optimiser stays at a few per
cent, a wrong sign, a shifted target or a detached gradient leaves tens."""
NEGLIGIBLE_LOSS = 0.01
"""Excess loss, in nats or squared points, that is near zero whatever it was at the start: a scalar head may start at its target."""
PROGRESS_STEPS = 50
"""Learner steps between two reports."""
HEADS = ("value", "reward", "policy")


@dataclass(frozen=True)
class Progress:
    """Where the self-test stands.

    Attributes:
        step: learner steps done.
        excess: loss above its floor by head, in nats (categorical heads and policy) or squared points.
        share: the same over its value at the start.
    """

    step: int
    excess: dict[str, float]
    share: dict[str, float]

    @property
    def unlearnt(self) -> list[str]:
        """The heads that do not know their targets yet."""
        return [head for head in HEADS if not (self.share[head] <= PASSED_SHARE or self.excess[head] <= NEGLIGIBLE_LOSS)]


@out_of_memory_is_final()
def overfit_batch(config: RunConfig, report: Callable[[Progress], None]) -> Progress:
    """Trains on one batch until all heads know its targets or the steps are used up.

    Args:
        config: of the run that is tested; `steps` limits the steps, DEFAULT_STEPS where it is None.
        report: called every PROGRESS_STEPS steps.

    Returns:
        Where it ended; nothing is unlearnt if the test passed.

    Raises:
        RunFailed: the loss was not finite.
    """
    torch.set_num_threads(config.learner.num_threads)
    config = overfit_config(config)
    game, device = make_game(config.env), resolve_device(config.learner.device)
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    batch = distinct_positions(played_batch(config, game, network), config.training.batch_size)
    trainer = Trainer(network, config.scheduled_training, device, use_amp=False)
    return _learn(trainer, batch, game.spec.num_actions, config.last_step, report)


def overfit_config(config: RunConfig) -> RunConfig:
    """Returns the run's settings as one fixed batch wants them: little play, plain targets, a schedule that ends with the test."""
    replace, steps = msgspec.structs.replace, config.steps or DEFAULT_STEPS
    spec = make_game(config.env).spec
    size = min(config.training.batch_size, MAX_POSITIONS)
    is_cut = spec.num_players == 1
    piece = min(config.self_play.max_trajectory_steps, MAX_PIECE_STEPS) if is_cut else config.self_play.max_trajectory_steps
    longest = min(spec.max_moves, piece) + spec.num_frames
    capacity = max(1000, 2 * POSITIONS_PLAYED_FOR_EACH * size + 2 * longest * config.actors.games_per_actor)
    return replace(
        config,
        steps=steps,
        search=replace(config.search, num_simulations=min(config.search.num_simulations, MAX_SIMULATIONS)),
        self_play=replace(config.self_play, max_trajectory_steps=piece, full_search_fraction=1.0),
        training=replace(
            config.training,
            training_steps=steps,
            batch_size=size,
            micro_batch_size=None,
            weight_decay=0.0,
            lr_schedule="cosine",
            lr_warmup_steps=min(config.training.lr_warmup_steps, steps // 10),
            use_symmetries=False,
            target_network_steps=None,
            consistency_loss_weight=0.0,
        ),
        replay=replace(
            config.replay, capacity_steps=capacity, min_steps=1, capacity_games=None, is_prioritized=False, policy_surprise_fraction=0.0
        ),
        reanalyze=replace(config.reanalyze, fraction=0.0),
    )


def played_batch(config: RunConfig, game: Game, network: MuZeroNetwork) -> Batch:
    """Plays with the untrained network until enough is stored and returns a large batch, equal positions included."""
    spec, num_trees = game.spec, config.actors.games_per_actor
    ring = Ring(Segment.private(ring_layout_of(config, spec)), None)
    drawn = msgspec.structs.replace(config.training, batch_size=POSITIONS_PLAYED_FOR_EACH * config.training.batch_size)
    replay = Replay(ring, spec, config.replay, drawn, config.search.discount, generator(config.seed, Purpose.REPLAY))
    core = InferenceCore(config, spec, game.action_planes(), num_slots=num_trees, typical_batch=num_trees)
    values = np.zeros(num_floats(network), dtype=np.float32)
    flatten_state(network, values)
    core.load(values, version=1)
    player, model = _player(config, spec), LocalModel(core, first_slot=0, num_trees=num_trees)
    while replay.num_steps < drawn.batch_size:
        for trajectory in drive_move(player.play_move(), model).trajectories:
            ring.append(trajectory)
        replay.ingest()
    batch = replay.make_batch_buffers()
    if not replay.sample(batch):
        raise AssertionError("nobody else writes to this ring")
    return batch


def _player(config: RunConfig, spec: GameSpec) -> SelfPlay:
    games = iter(range(1 << 60))
    return SelfPlay(
        config.env,
        config.search,
        config.self_play,
        BatchedSearch(config.search, num_trees=config.actors.games_per_actor, spec=spec),
        seed=config.seed,
        actor_index=0,
        policy_entries=policy_entries_for(spec.num_actions, config.replay.policy_entries),
        next_game_index=lambda: next(games),
    )


def distinct_positions(batch: Batch, count: int) -> Batch:
    """Returns the first samples of a batch whose observations differ, at most `count`: one observation cannot have two targets.

    Args:
        batch: samples in any order.
        count: at least 1.
    """
    seen: dict[bytes, int] = {}
    for index in range(len(batch.row)):
        seen.setdefault(batch.frames[index].tobytes() + batch.to_play[index].tobytes(), index)
    rows = np.array(list(seen.values())[:count])
    return batch_rows(batch, rows)


def _learn(trainer: Trainer, batch: Batch, num_actions: int, num_steps: int, report: Callable[[Progress], None]) -> Progress:
    network = trainer.network
    lowest = loss_floor(to_device(batch, trainer.device), network.value_codec, network.reward_codec, num_actions)
    floor = {head: float(getattr(lowest, head)) for head in HEADS}
    first = _excess(trainer, batch, floor)
    for step in range(1, num_steps + 1):
        excess = _excess(trainer, batch, floor)
        progress = Progress(step, excess, {head: excess[head] / max(first[head], NEGLIGIBLE_LOSS) for head in HEADS})
        if not progress.unlearnt or step % PROGRESS_STEPS == 0:
            report(progress)
        if not progress.unlearnt:
            break
    return progress


def _excess(trainer: Trainer, batch: Batch, floor: dict[str, float]) -> dict[str, float]:
    """Takes a step and returns by how much the losses were above their floors."""
    stats = trainer.step(batch)
    if not stats.is_finite:
        raise RunFailed(
            f"the loss was not finite at step {trainer.steps}: lower training.learning_rate, or check rewards and observations."
        )
    return {head: float(getattr(stats, f"{head}_loss")) - floor[head] for head in HEADS}
