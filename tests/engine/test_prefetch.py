"""Batches are assembled in the background: as many as allowed, never one that was not drawn, and failures are not hidden."""

import threading
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from engine.prefetch import Prefetcher
from engine.replay import Replay
from muzero.config import ReplayConfig, TrainingConfig
from muzero.types import Batch
from tests.engine.ring_examples import SPEC, make_ring, make_trajectory

BATCH = 4


class WatchedReplay(Replay):
    """A replay that notes who calls it; `is_empty` makes draws fail."""

    def __init__(self, num_games: int = 4) -> None:
        ring = make_ring(steps=1000, trajectories=64)
        for game in range(num_games):
            ring.append(make_trajectory(0, game))
        training = TrainingConfig(batch_size=BATCH, unroll_steps=2)
        super().__init__(ring, SPEC, ReplayConfig(is_prioritized=True), training, 1.0, np.random.default_rng(0))
        self.is_empty = False
        self.threads: set[str] = set()
        self.updates: list[tuple[Any, Any]] = []

    def sample(self, out: Batch) -> bool:
        self.threads.add(threading.current_thread().name)
        return not self.is_empty and super().sample(out)

    def update_priorities(self, row: Any, priority: Any) -> None:
        self.updates.append((row.copy(), priority.copy()))
        super().update_priorities(row, priority)


def prefetching(replay: Replay, may_draw: Callable[[int, int], bool] = lambda batches_drawn, fresh_drawn: True) -> Prefetcher:
    return Prefetcher(replay, 2, may_draw)


def next_batch(prefetcher: Prefetcher) -> Batch:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        batch = prefetcher.get()
        if batch is not None:
            return batch
    raise AssertionError("no batch came")


def until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.005)


def test_batches_are_drawn_in_the_background_and_buffers_come_back() -> None:
    replay = WatchedReplay()
    prefetcher = prefetching(replay)
    buffers = set()
    for _ in range(10):
        batch = next_batch(prefetcher)
        assert batch.policy_weight[:, 0].sum() == pytest.approx(BATCH)
        buffers.add(id(batch))
        prefetcher.put_back(batch, np.ones(BATCH, np.float32))
    prefetcher.close()
    assert len(buffers) <= 3
    assert replay.threads == {"prefetch"}


def test_no_more_batches_are_counted_than_were_drawn_while_the_learner_is_slow() -> None:
    prefetcher = prefetching(WatchedReplay())
    until(lambda: prefetcher.batches_drawn == 3)
    time.sleep(0.1)  # several of its rounds, without a free buffer
    assert prefetcher.batches_drawn == 3
    prefetcher.close()


def test_the_governor_sees_the_batches_drawn_and_its_limit_is_kept() -> None:
    prefetcher = prefetching(WatchedReplay(), lambda batches_drawn, fresh_drawn: batches_drawn < 5)
    for _ in range(5):
        prefetcher.put_back(next_batch(prefetcher), np.ones(BATCH, np.float32))
    assert [prefetcher.get() for _ in range(3)] == [None, None, None]
    assert prefetcher.batches_drawn == 5
    prefetcher.close()


def test_a_batch_that_could_not_be_drawn_is_not_handed_out() -> None:
    replay = WatchedReplay()
    replay.is_empty = True
    prefetcher = prefetching(replay)
    assert [prefetcher.get() for _ in range(5)] == [None] * 5
    assert prefetcher.batches_drawn == 0
    replay.is_empty = False
    assert next_batch(prefetcher) is not None
    prefetcher.close()


def test_priorities_reach_the_replay_with_the_rows_of_their_batch() -> None:
    replay = WatchedReplay()
    prefetcher = prefetching(replay)
    batch = next_batch(prefetcher)
    rows, priority = batch.row.copy(), np.arange(BATCH, dtype=np.float32)
    prefetcher.put_back(batch, priority)
    until(lambda: bool(replay.updates))
    prefetcher.close()
    np.testing.assert_array_equal(replay.updates[0][0], rows)
    np.testing.assert_array_equal(replay.updates[0][1], priority)


def test_nothing_is_drawn_while_it_is_paused() -> None:
    prefetcher = prefetching(WatchedReplay())
    prefetcher.put_back(next_batch(prefetcher), np.ones(BATCH, np.float32))
    with prefetcher.paused():
        drawn = prefetcher.batches_drawn
        while (batch := prefetcher.get()) is not None:
            prefetcher.put_back(batch, np.ones(BATCH, np.float32))
        assert prefetcher.batches_drawn == drawn
    next_batch(prefetcher)
    prefetcher.close()


def test_a_failure_of_the_thread_is_raised_where_batches_are_taken() -> None:
    def fail(batches_drawn: int, fresh_drawn: int) -> bool:
        raise RuntimeError("no such luck")

    prefetcher = prefetching(WatchedReplay(), fail)
    with pytest.raises(RuntimeError, match="no such luck"):
        next_batch(prefetcher)
    prefetcher.close()
