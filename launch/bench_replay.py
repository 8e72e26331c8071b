"""Measures the replay alone: unrolled samples per second of one core, targets and priorities included, beside the bare copy of
what they are made of. No learner and no other process.
"""

import statistics
import time
from operator import truediv
from typing import Any, TypedDict

import numpy as np

from engine.layout import policy_entries_for, ring_layout
from engine.replay import Replay
from engine.ring import Ring
from engine.shared_memory import Segment
from muzero.config import EnvConfig, ReplayConfig, TrainingConfig
from muzero.games import make_game
from muzero.randomness import Purpose, generator
from muzero.types import Batch, GameSpec, Trajectory

BATCH_SIZE = 256
UNROLL_STEPS = 5
BATCHES = 20
"""Batches a timed pass draws."""
NANOSECONDS = 1e9
PRIORITIZED = ReplayConfig(is_prioritized=True)


class Shape(TypedDict):
    """What is stored: the game, TD steps and discount of its targets, and how much."""

    spec: GameSpec
    td_steps: int
    discount: float
    episode_steps: int
    capacity_steps: int


class ReplayRow(TypedDict):
    """One shape: how fast its batches are made, how fast their bytes alone could be copied, and the one over the other."""

    shape: str
    capacity_steps: int
    bytes_per_sample: int
    samples_per_second: float
    copied_per_second: float
    share_of_copy: float


def shapes() -> dict[str, Shape]:
    """Returns the shapes by name: Go with 8 positions of history, and the grey Atari screen of 84 x 84, 4 of them an observation."""
    go = make_game(EnvConfig(name="go9")).spec
    atari = GameSpec(
        name="atari 84x84", num_players=1, num_actions=18, frame_shape=(1, 84, 84), frame_dtype="uint8", num_frames=4, encoding="image",
        board_shape=(84, 84), max_moves=27_000,
    )  # fmt: skip
    return {
        "go9": Shape(spec=go, td_steps=1000, discount=1.0, episode_steps=60, capacity_steps=500_000),
        "atari84": Shape(spec=atari, td_steps=10, discount=0.997, episode_steps=200, capacity_steps=100_000),
    }


def bench_replay(*, repeats: int = 15, capacity_steps: int | None = None) -> dict[str, Any]:
    """Returns how many samples a core draws, assembles and sets the priorities of, per second.

    Args:
        repeats: timed passes of a shape, each beside one of the bare copy; medians are reported.
        capacity_steps: rows of the ring; those of the shape by default.

    Returns:
        {"bench": "replay", "rows": [ReplayRow, ...]}; a sample is an observation, 5 further steps and all their targets, drawn by
        priority from a full ring in shared memory, in batches of 256.
    """
    return {"bench": "replay", "rows": [_measure(name, shape, repeats, capacity_steps) for name, shape in shapes().items()]}


def _measure(name: str, shape: Shape, repeats: int, capacity_steps: int | None) -> ReplayRow:
    """Returns one row."""
    rows = capacity_steps or shape["capacity_steps"]
    ring = _full_ring(shape, rows)
    training = TrainingConfig(batch_size=BATCH_SIZE, unroll_steps=UNROLL_STEPS, td_steps=shape["td_steps"])
    replay = Replay(ring, shape["spec"], PRIORITIZED, training, shape["discount"], generator(0, Purpose.REPLAY))
    replay.ingest()
    batch, random = replay.make_batch_buffers(), np.random.default_rng(0)
    here, there = [], []
    for _ in range(repeats + 1):
        here.append(_samples_per_second(replay, batch, random))
        there.append(_copies_per_second(ring, shape["spec"], random))
    return ReplayRow(
        shape=name,
        capacity_steps=rows,
        bytes_per_sample=sum(count * ring.arrays[name][0].nbytes for name, count in _rows_of_sample(shape["spec"]).items()),
        samples_per_second=round(statistics.median(here[1:]), 1),
        copied_per_second=round(statistics.median(there[1:]), 1),
        share_of_copy=round(statistics.median(map(truediv, here[1:], there[1:])), 3),
    )


def _samples_per_second(replay: Replay, batch: Batch, random: np.random.Generator) -> float:
    """Returns the speed of one pass, in processor time: batches are drawn, and get new priorities as after training."""
    started = time.process_time_ns()
    for _ in range(BATCHES):
        if not replay.sample(batch):
            raise RuntimeError("a full ring gave no batch.")
        replay.update_priorities(batch.row, random.random(BATCH_SIZE, dtype=np.float32))
    return BATCHES * BATCH_SIZE * NANOSECONDS / (time.process_time_ns() - started)


def _copies_per_second(ring: Ring, spec: GameSpec, random: np.random.Generator) -> float:
    """Returns the speed of copying what as many samples are made of out of the ring, in processor time, and nothing else."""
    num_rows = _rows_of_sample(spec)
    sources = {name: ring.arrays[name].reshape(ring.capacity_steps, -1) for name in num_rows}
    copies = {name: np.empty((BATCH_SIZE, count, sources[name].shape[1]), sources[name].dtype) for name, count in num_rows.items()}
    first = random.integers(ring.capacity_steps - max(num_rows.values()), size=(BATCHES, BATCH_SIZE, 1))
    rows = {count: first + np.arange(count) for count in num_rows.values()}
    started = time.process_time_ns()
    for batch in range(BATCHES):
        for name, count in num_rows.items():
            np.take(sources[name], rows[count][batch], axis=0, out=copies[name], mode="clip")
    return BATCHES * BATCH_SIZE * NANOSECONDS / (time.process_time_ns() - started)


def _rows_of_sample(spec: GameSpec) -> dict[str, int]:
    """Returns how many rows of each array of the ring a sample is made of, by the array's name."""
    return {"frame": spec.num_frames} | dict.fromkeys(("policy_action", "policy_weight", "action", "reward"), UNROLL_STEPS + 1)


def _full_ring(shape: Shape, capacity_steps: int) -> Ring:
    """Returns a ring in shared memory whose every row is part of a finished episode."""
    spec, steps = shape["spec"], shape["episode_steps"]
    entries = policy_entries_for(spec.num_actions, ReplayConfig().policy_entries)
    layout = ring_layout(spec, capacity_steps=capacity_steps, max_trajectories=capacity_steps // 4, policy_entries=entries)
    ring, random = Ring(Segment.create("benchmark", layout, remedy="free some memory"), None), np.random.default_rng(0)
    for game in range(capacity_steps // steps):
        ring.append(noise_episode(spec, steps, entries, game, random))
    return ring


def noise_episode(spec: GameSpec, steps: int, policy_entries: int, game: int, random: np.random.Generator) -> Trajectory:
    """Returns an episode of noise."""
    weight = random.random((steps, policy_entries), dtype=np.float32)
    return Trajectory(
        frame=random.integers(0, 3, (steps, *spec.frame_shape)).astype(spec.frame_dtype),
        to_play=(np.arange(steps) % spec.num_players).astype(np.int8),
        action=random.integers(spec.num_actions, size=steps, dtype=np.int32),
        reward=random.standard_normal(steps, dtype=np.float32),
        root_value=random.standard_normal(steps, dtype=np.float32),
        policy_action=random.integers(spec.num_actions, size=(steps, policy_entries), dtype=np.int32),
        policy_weight=weight / weight.sum(axis=1, keepdims=True),
        version=np.zeros(steps, np.int64),
        surprise=np.zeros(steps, np.float32),
        legal_bits=np.zeros((steps, 0), np.uint8),
        is_terminal=True,
        actor_index=0,
        game_index=game,
        first_move=0,
    )
