"""A ring whose index fills before its rows: replay.capacity_games is the limit, the oldest trajectories go."""

import numpy as np

from engine.replay import Replay
from muzero.config import ReplayConfig, TrainingConfig
from tests.engine.ring_examples import SPEC, are_equal, make_ring, make_trajectory

GAMES, LENGTH = 4, 5


def filled_ring(num_trajectories: int):
    """A ring of 1,000 rows and 4 trajectories."""
    ring = make_ring(steps=1000, trajectories=GAMES)
    for game in range(num_trajectories):
        ring.append(make_trajectory(game=game, length=LENGTH))
    return ring


def test_the_oldest_trajectories_are_dropped_though_their_rows_are_still_there():
    ring = filled_ring(10)

    assert ring.oldest_sequence == 6
    assert all(ring.read(sequence) is None for sequence in range(6))
    assert all(are_equal(ring.read(sequence), make_trajectory(game=sequence, length=LENGTH)) for sequence in range(6, 10))


def test_only_what_the_index_holds_is_drawn():
    ring = filled_ring(0)
    replay = Replay(ring, SPEC, ReplayConfig(), TrainingConfig(batch_size=64), 1.0, np.random.default_rng(0))
    for game in range(10):
        ring.append(make_trajectory(game=game, length=LENGTH))
        replay.ingest()
    batch = replay.make_batch_buffers()

    assert replay.sample(batch)

    assert replay.num_steps == GAMES * LENGTH
    assert batch.row.min() >= 6 * LENGTH
    assert set((batch.row // LENGTH).tolist()) == {6, 7, 8, 9}
