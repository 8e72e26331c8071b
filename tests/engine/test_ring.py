"""The ring inside one process: contents, wrap-around, what is refused, and a crash between any two of its stores."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine import ring as ring_module
from engine.atomics import store
from engine.layout import POISON_BYTE
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.storable import ROW_ARRAYS
from muzero.errors import UserError
from tests.engine.ring_examples import are_equal, is_whole, make_layout, make_ring, make_trajectory


class Killed(BaseException):
    """Stands for a SIGKILL at one store."""


def readable(ring: Ring) -> list[int]:
    return [sequence for sequence in range(ring.claimed_trajectories) if ring.read(sequence) is not None]


def test_a_trajectory_is_read_as_it_was_appended():
    ring, trajectory = make_ring(), make_trajectory(game=3, length=7, is_terminal=False)
    assert ring.append(trajectory) == 0
    stored = ring.read(0)
    assert stored is not None
    assert are_equal(stored, trajectory)
    assert (ring.claimed_rows, ring.claimed_trajectories, ring.oldest_sequence, ring.published_rows) == (7, 1, 0, 7)


def test_the_oldest_are_overwritten_first_and_rows_never_wrap():
    ring = make_ring(steps=10)
    for game in range(4):
        ring.append(make_trajectory(game=game, length=4))
    # 0..3, 4..7, then 8 and 9 are skipped: 10..13, 14..17
    starts = [entry.start for entry in map(ring.entry, range(4)) if entry is not None]
    assert starts == [10, 14]
    assert ring.oldest_sequence == 2
    assert ring.published_rows == 16
    assert readable(ring) == [2, 3]


def test_an_index_smaller_than_the_rows_limits_the_trajectories():
    ring = make_ring(steps=1000, trajectories=3)
    for game in range(5):
        ring.append(make_trajectory(game=game, length=2))
    assert readable(ring) == [2, 3, 4]


def test_unknown_and_future_sequences_are_not_published():
    ring = make_ring()
    ring.append(make_trajectory())
    assert ring.entry(-1) is None
    assert ring.entry(1) is None
    assert ring.read(1 + ring.max_trajectories) is None


@settings(deadline=None, max_examples=60)
@given(st.lists(st.integers(1, 12), min_size=1, max_size=60), st.integers(12, 30), st.integers(1, 8))
def test_whatever_is_appended_the_newest_stay_whole_and_within_capacity(lengths, steps, trajectories):
    ring = make_ring(steps, trajectories)
    for game, length in enumerate(lengths):
        assert ring.append(make_trajectory(game=game, length=length)) == game
        alive = readable(ring)
        assert alive == list(range(ring.oldest_sequence, game + 1))
        assert len(alive) <= trajectories
        assert all(is_whole(ring.read(sequence)) for sequence in alive)
        entries = [ring.entry(sequence) for sequence in alive]
        assert sum(entry.length for entry in entries) <= steps
        assert all(entry.start % steps + entry.length <= steps for entry in entries)
        assert entries[0].start >= ring.claimed_rows - steps


def test_rows_nobody_wrote_stay_poisoned():
    segment = Segment.create("ring", make_layout(steps=40), poison=True)
    ring = Ring(segment, None)
    ring.append(make_trajectory(length=5))
    for name in ROW_ARRAYS:
        assert (ring.arrays[name][5:].view(np.uint8) == POISON_BYTE).all()
    assert is_whole(ring.read(0))
    segment.close()


@pytest.mark.parametrize("name", ["reward", "root_value", "policy_weight"])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_numbers_that_are_not_finite_never_enter(name, bad):
    ring, trajectory = make_ring(), make_trajectory(length=5)
    getattr(trajectory, name)[4] = bad
    with pytest.raises(ValueError, match=f"{name} holds a number that is not finite"):
        ring.append(trajectory)
    assert ring.claimed_trajectories == 0


def test_a_trajectory_longer_than_the_ring_is_refused_with_the_remedy():
    with pytest.raises(UserError, match="21 steps, but the ring holds 20: raise replay.capacity_steps"):
        make_ring(steps=20).append(make_trajectory(length=21))


def test_arrays_of_another_shape_or_dtype_are_refused():
    trajectory = make_trajectory(length=5)
    trajectory.reward = trajectory.reward.astype(np.float64)
    with pytest.raises(ValueError, match=r"reward is float64 \[5\], but the ring stores float32 \[5\]"):
        make_ring().append(trajectory)
    with pytest.raises(ValueError, match="writer 0"):
        make_ring().append(make_trajectory(actor=1))


def test_a_copy_that_was_overwritten_meanwhile_is_not_returned(monkeypatch):
    ring = make_ring(steps=10)
    ring.append(make_trajectory(game=0, length=5))
    real_rows = ring.rows

    def rows_while_others_write(start, length):
        monkeypatch.setattr(ring, "rows", real_rows)
        for game in range(1, 4):
            ring.append(make_trajectory(game=game, length=5))
        return real_rows(start, length)

    monkeypatch.setattr(ring, "rows", rows_while_others_write)
    assert ring.read(0) is None


@pytest.mark.parametrize("num_stores", range(7))
def test_a_writer_killed_before_any_of_its_stores_leaves_a_usable_ring(monkeypatch, num_stores):
    ring = make_ring(steps=12)
    for game in range(4):
        ring.append(make_trajectory(game=game, length=4))
    done = []

    def store_or_die(array, index, value):
        if len(done) == num_stores:
            raise Killed
        done.append(index)
        store(array, index, value)

    with monkeypatch.context() as patch, pytest.raises(Killed if num_stores < 6 else AssertionError):
        patch.setattr(ring_module, "store", store_or_die)
        ring.append(make_trajectory(game=4, length=5))
        raise AssertionError("an append makes six stores")
    before = ring.claimed_trajectories
    assert all(is_whole(ring.read(sequence)) for sequence in readable(ring))
    for game in range(before, before + 10):
        assert ring.append(make_trajectory(game=game, length=3)) == game
        assert is_whole(ring.read(game))
        assert all(is_whole(ring.read(sequence)) for sequence in readable(ring))
    assert readable(ring) == list(range(before + 6, before + 10))
