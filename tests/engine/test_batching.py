"""The batcher fires when a batch is full, when the expected share is in, or at its deadline."""

import numpy as np

from engine.batching import Batcher, Pending
from engine.messages import Header, Kind
from engine.slots import Client
from muzero.types import RecurrentRequest


class Queue:
    """Requests that arrive at given times of a clock that only waiting moves."""

    def __init__(self, arrivals: list[tuple[float, int]], trees: int = 8) -> None:
        self.arrivals = [(100.0 + time, client) for time, client in arrivals]
        self.time, self.trees, self.num_received = 100.0, trees, 0

    def receive(self) -> Pending | None:
        if not self.arrivals or self.arrivals[0][0] > self.time:
            return None
        client = self.arrivals.pop(0)[1]
        request = RecurrentRequest(np.zeros(self.trees, np.int32), np.zeros(self.trees, np.int32), 1)
        self.num_received += 1
        return Pending(
            b"", Header(Kind.RECURRENT, client, self.num_received, 0, 1), Client(client, client * self.trees, self.trees), request
        )

    def wait(self, seconds: float) -> bool:
        due = self.arrivals[0][0] if self.arrivals else float("inf")
        self.time = min(due, self.time + seconds)
        return self.time >= due

    def gather(self, batcher: Batcher) -> list[int]:
        return [pending.client.index for pending in batcher.gather(self.receive, self.wait, lambda: self.time, idle_seconds=0.05)]


def test_nothing_comes_when_nothing_was_asked() -> None:
    assert Queue([]).gather(Batcher(64, 0.001, groups=1)) == []


def test_a_lone_client_is_answered_at_once() -> None:
    queue = Queue([(0.0, 0)])
    assert queue.gather(Batcher(64, 0.001, groups=1)) == [0]
    assert queue.time == 100.0


def test_a_full_batch_goes_and_leaves_the_rest() -> None:
    queue = Queue([(0.0, 0), (0.0, 1), (0.0, 2)])
    batcher = Batcher(16, 0.001, groups=1)
    assert queue.gather(batcher) == [0, 1]
    assert queue.gather(batcher) == [2]


def test_the_expected_share_of_known_clients_is_waited_for() -> None:
    queue = Queue([(0.0, 0), (0.0, 1), (0.002, 0), (0.0024, 1)])
    batcher = Batcher(64, 0.001, groups=1)
    assert queue.gather(batcher) == [0, 1]
    assert queue.gather(batcher) == [0, 1]
    assert queue.time < 100.003


def test_with_two_groups_half_of_the_clients_are_enough() -> None:
    queue = Queue([(0.0, 0), (0.0, 1), (0.0, 2), (0.0, 3), (0.002, 0), (0.0022, 1), (0.01, 2), (0.01, 3)])
    batcher = Batcher(64, 0.005, groups=2)
    assert queue.gather(batcher) == [0, 1, 2, 3]
    assert queue.gather(batcher) == [0, 1]


def test_of_a_client_that_asks_twice_only_the_newest_request_counts() -> None:
    queue = Queue([(0.0, 0), (0.0, 1), (0.0, 0)])
    batch = Batcher(24, 0.001, groups=1).gather(queue.receive, queue.wait, lambda: queue.time, idle_seconds=0.05)
    assert [(pending.client.index, pending.header.request_id) for pending in batch] == [(0, 3), (1, 2)]


def test_a_client_that_does_not_come_is_waited_for_until_the_deadline_only() -> None:
    queue = Queue([(0.0, 0), (0.0, 1), (0.002, 0), (0.04, 1)])
    batcher = Batcher(64, 0.001, groups=1)
    queue.gather(batcher)
    assert queue.gather(batcher) == [0]
    assert abs(queue.time - 100.003) < 1e-3
