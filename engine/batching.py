"""Dynamic batching: which requests go into the next forward pass, and when. Pure logic on a clock; no sockets, no network.

A batch goes when it is full, or when the share expected of all active clients is in. The share is one group of each actor: while
one group's leaves are evaluated the others run their trees, so waiting for all groups would serialise the two. While the device
computes, a smaller batch costs nothing by waiting; once the device is idle, it waits only for clients that are about to ask, at
most until the deadline.
"""

from collections.abc import Iterable
from math import inf
from typing import NamedTuple

from engine.messages import Header
from engine.slots import Client

ACTIVE_SECONDS = 0.05
"""A client that was answered within this time is expected to ask again."""
MEAN_WEIGHT = 0.1
"""Share of the newest measurement in a client's mean time to think."""
PATIENCE = 2.0
"""A client that has taken this many times its mean is no longer waited for."""


class Pending(NamedTuple):
    """A request that waits to be answered; its arrays are not checked yet.

    Attributes:
        identity: of the socket that sent it.
        header, client: who asks for what.
        message: what was received.
        received: monotonic nanoseconds of its receipt while spans are recorded, else 0.
    """

    identity: bytes
    header: Header
    client: Client
    message: bytes
    received: int = 0


class Batcher:
    """Collects requests until a batch is worth computing. Moments are seconds on the monotonic clock.

    Of a client that asks twice, because a reply was late, only the newest request counts: no batch has more leaves than there are
    trees.

    Args:
        max_batch: a batch of so many leaves is full; its last request may make it larger.
        deadline_seconds: longest wait of an idle device after the first request.
        groups: groups per actor.
    """

    def __init__(self, max_batch: int, deadline_seconds: float, groups: int) -> None:
        self._max_batch, self._deadline_seconds, self._groups = max_batch, deadline_seconds, groups
        self._batch: dict[int, Pending] = {}
        self._leaves = 0
        self._waits_since = 0.0
        self._num_computed = 0
        self._thinking: dict[int, float] = {}  # client -> when it was answered, the earliest first
        self._mean_seconds: dict[int, float] = {}  # client -> how long it thinks

    @property
    def is_full(self) -> bool:
        """Whether no further request may be added."""
        return self._leaves >= self._max_batch

    def add(self, pending: Pending, now: float) -> None:
        """Takes a request into the batch."""
        client = pending.client.index
        if client not in self._batch:
            self._leaves += pending.client.num_trees
            self._measure(client, now)
        if not self._batch:
            self._waits_since = now
        self._batch[client] = pending

    def seconds_to_wait(self, now: float, idle_since: float | None) -> float:
        """Returns how long the batch should wait for more at this moment: 0 if it goes now, infinity if something must happen first.

        Args:
            now: the moment.
            idle_since: when the device last had nothing to do, None while it computes.
        """
        if not self._batch:
            return inf
        if self.is_full or len(self._batch) >= self._share(now):
            return 0.0
        if idle_since is None:
            return inf
        deadline = max(self._waits_since, idle_since) + self._deadline_seconds
        return max(0.0, self._last_expected(now, deadline) - now)

    def take(self) -> list[Pending]:
        """Returns the batch and begins another one."""
        batch, self._batch, self._leaves = list(self._batch.values()), {}, 0
        self._num_computed += len(batch)
        return batch

    def answered(self, clients: Iterable[int], now: float) -> None:
        """Notes that these clients, whose requests were taken, have their replies and think."""
        for client in clients:
            self._num_computed -= 1
            self._thinking.pop(client, None)
            self._thinking[client] = now

    def _measure(self, client: int, now: float) -> None:
        """Learns from how long a client thought, unless it was away."""
        seconds = now - self._thinking.pop(client, -inf)
        if seconds < ACTIVE_SECONDS:
            mean = self._mean_seconds.get(client, self._deadline_seconds)
            self._mean_seconds[client] = mean + MEAN_WEIGHT * (seconds - mean)

    def _share(self, now: float) -> int:
        """Returns the requests that make a batch worth computing at once: of clients that are not away, one group of each actor."""
        while self._thinking and next(iter(self._thinking.values())) < now - ACTIVE_SECONDS:
            del self._thinking[next(iter(self._thinking))]
        num_active = len(self._batch) + self._num_computed + len(self._thinking)
        return -(-num_active // self._groups)

    def _last_expected(self, now: float, deadline: float) -> float:
        """Returns until when it pays to wait: when the patience with the last client ends that should come before the deadline."""
        until = now
        for client, answered in self._thinking.items():
            seconds = self._mean_seconds.get(client, self._deadline_seconds)
            if answered + seconds <= deadline:
                until = max(until, answered + PATIENCE * seconds)
        return min(deadline, until)
