"""Tests of the positions taken from a saved ring: what followed them, at ends, cuts and later pieces of episodes."""

import numpy as np
import pytest

from engine.config import RunConfig
from engine.ring import Ring
from engine.stored_positions import PART_POSITIONS, stored_positions
from muzero.config import TrainingConfig
from muzero.errors import UserError
from muzero.position_numbers import StoredPositions
from muzero.types import HISTORY_ONLY, NO_ACTION
from tests.engine.ring_examples import SPEC, make_ring, make_trajectory

CONFIG = RunConfig(training=TrainingConfig(unroll_steps=2, td_steps=1))


def positions_of(ring: Ring, num_positions: int = 1000) -> StoredPositions:
    """Returns the only part of a small ring."""
    (part,) = stored_positions(ring, SPEC, CONFIG, num_positions)
    return part


def sample_of(part: StoredPositions, row: int) -> int:
    """Returns the first sample that begins at an absolute row."""
    return int(np.flatnonzero(part.batch.row == row)[0])


def filled_ring(length: int = 3, *, is_terminal: bool, history: int = 0) -> Ring:
    """Returns a ring with 6 rows of another game, then one trajectory with rewards 0, 0, 1 and root values 0.1, 0.2, ..."""
    ring = make_ring()
    ring.append(make_trajectory(game=9, length=6))
    trajectory = make_trajectory(length=length, is_terminal=is_terminal)
    trajectory.reward[:] = [0.0] * (length - 1) + [1.0]
    trajectory.root_value[:] = 0.1 * np.arange(1, length + 1)
    trajectory.action[:history] = HISTORY_ONLY
    ring.append(trajectory)
    return ring


def test_past_an_end_nothing_is_stored_or_played() -> None:
    part = positions_of(filled_ring(is_terminal=True))
    sample = sample_of(part, 7)
    assert part.is_stored[sample].tolist() == [True, True, False]
    assert part.action[sample].tolist() == [1, 2, NO_ACTION]
    assert part.to_play[sample, :2].tolist() == [1, 0]
    assert part.frames[sample, :2, -1, 0, 0].tolist() == [1, 2]


def test_the_outcome_is_seen_by_the_player_to_move() -> None:
    part = positions_of(filled_ring(is_terminal=True))
    assert [float(part.outcome[sample_of(part, row)]) for row in (6, 7, 8)] == [1.0, -1.0, 1.0]


def test_the_last_row_of_a_cut_trajectory_is_stored_but_not_played() -> None:
    part = positions_of(filled_ring(is_terminal=False))
    sample = sample_of(part, 7)
    assert part.is_stored[sample].tolist() == [True, True, False]
    assert part.action[sample].tolist() == [1, NO_ACTION, NO_ACTION]
    assert float(part.outcome[sample]) == pytest.approx(-0.3)
    assert 8 not in part.batch.row


def test_rows_kept_as_history_are_seen_but_not_taken() -> None:
    part = positions_of(filled_ring(5, is_terminal=True, history=1))
    assert 6 not in part.batch.row
    np.testing.assert_array_equal(part.frames[sample_of(part, 7), 0, :, 0, 0], [0, 1])


def test_no_more_positions_than_asked_for_in_parts() -> None:
    ring = make_ring(steps=1000, trajectories=200)
    for game in range(100):
        ring.append(make_trajectory(game=game))
    sizes = [len(part.outcome) for part in stored_positions(ring, SPEC, CONFIG, PART_POSITIONS + 6)]
    assert sizes == [PART_POSITIONS, 6]
    assert all(len(part.batch.frames) == len(part.outcome) for part in stored_positions(ring, SPEC, CONFIG, 3))


def test_a_run_in_micro_batches_can_be_looked_at_too() -> None:
    config = RunConfig(training=TrainingConfig(batch_size=96, micro_batch_size=48))
    (part,) = stored_positions(filled_ring(is_terminal=True), SPEC, config, 5)
    assert len(part.outcome) == 5


def test_an_empty_ring_is_refused() -> None:
    with pytest.raises(UserError, match="holds no finished games"):
        next(stored_positions(make_ring(), SPEC, CONFIG, 10))
