"""Dynamic batching: which requests go into the next forward pass. Pure logic over a queue; no sockets, no network."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.messages import Header
from engine.slots import Client
from muzero.types import Request

ACTIVE_SECONDS = 0.05
"""A client that asked within this time is expected to ask again soon."""


@dataclass(frozen=True)
class Pending:
    """A request that waits to be answered.

    Attributes:
        identity: of the socket that sent it.
        header, client, request: what it says.
        received: monotonic nanoseconds of its receipt while spans are recorded, else 0.
    """

    identity: bytes
    header: Header
    client: Client
    request: Request
    received: int = 0


class Batcher:
    """Collects requests until a batch is worth computing.

    A batch goes when it is full (max_batch leaves), when the share expected of all active clients is in, or when the deadline
    after its first request has passed. The share is one group of each actor: while one group's leaves are evaluated the
    others run their trees, so waiting for all groups would serialise the two. Of a client that asks twice, because a reply was
    late, only the newest request counts: no batch has more leaves than there are trees.

    Args:
        max_batch: most leaves in one forward pass.
        deadline_seconds: longest wait after the first request.
        groups: groups per actor.
    """

    def __init__(self, max_batch: int, deadline_seconds: float, groups: int) -> None:
        self._max_batch = max_batch
        self._deadline_seconds = deadline_seconds
        self._groups = groups
        self._last_seen: dict[int, float] = {}

    def gather(
        self,
        receive: Callable[[], Pending | None],
        wait: Callable[[float], bool],
        now: Callable[[], float],
        idle_seconds: float,
    ) -> list[Pending]:
        """Returns the next batch, or nothing if no request came within idle_seconds.

        Args:
            receive: returns the next request at once, or None.
            wait: waits for a request at most that many seconds.
            now: the monotonic clock.
            idle_seconds: longest wait for the first request.
        """
        batch: dict[int, Pending] = {}
        leaves, deadline = 0, 0.0
        while leaves < self._max_batch:
            pending = receive()
            if pending is not None:
                client, moment = pending.client, now()
                leaves += 0 if client.index in batch else client.num_trees
                batch[client.index] = pending
                self._last_seen[client.index] = moment
                deadline = deadline or moment + self._deadline_seconds
                continue
            if batch and (len(batch) >= self._expected(now()) or now() >= deadline):
                break
            if not batch and not wait(idle_seconds):
                break
            if batch:
                wait(max(0.0, deadline - now()))
        return list(batch.values())

    def _expected(self, moment: float) -> int:
        active = sum(moment - seen < ACTIVE_SECONDS for seen in self._last_seen.values())
        return -(-active // self._groups)
