"""What limits a run at the moment, in a word, from counters alone: no spans are recorded for it. The rules are `engine/verdict.py`'s.

A profile measures the same shares by its spans, and the cores of each role.
"""

import os
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from engine.config import RunConfig
from engine.layout import Control, Counter, State
from engine.machine_load import idle_core_seconds, quota_core_seconds, usable_cores
from engine.telemetry import ProcessIndices, Telemetry
from engine.verdict import Limit, Load, judge
from muzero.types import Int64Array

WINDOW_SECONDS = 10.0


class Look(NamedTuple):
    """What was counted at a moment: seconds, counters int64 [S, 32], learner steps, core-seconds idle and taken out of a quota."""

    seconds: float
    counters: Int64Array
    learner_steps: int
    idle_core_seconds: float
    quota_core_seconds: float


class LiveLimit:
    """Compares counters with those of some seconds before.

    Args:
        telemetry: the run's telemetry.
        config: its settings, with the devices that were found.
        indices: its processes.
        idle_seconds: returns how long the run's cores have been idle, added up.
    """

    def __init__(
        self,
        telemetry: Telemetry,
        config: RunConfig,
        indices: ProcessIndices,
        idle_seconds: Callable[[], float] = lambda: idle_core_seconds(os.sched_getaffinity(0)),
    ) -> None:
        self._telemetry, self._config, self._indices, self._idle_seconds = telemetry, config, indices, idle_seconds
        self._looks: deque[Look] = deque()

    def read(self, now: float) -> Limit | None:
        """Returns what limits the run over about the last 10 s: START while learner and servers do not all work, None once training
        has ended.

        Args:
            now: time in seconds on the monotonic clock.
        """
        telemetry = self._telemetry
        if telemetry.control(Control.TRAINING_ENDED) or telemetry.control(Control.STOP_REQUESTED):
            return None
        if not self._is_at_work():
            self._looks.clear()  # what happens before all work says nothing of the time after
            return Limit.START
        look = Look(now, telemetry.counters, telemetry.control(Control.LEARNER_STEPS), self._idle_seconds(), quota_core_seconds())
        self._looks.append(look)
        while len(self._looks) > 1 and now - self._looks[1].seconds >= WINDOW_SECONDS:
            self._looks.popleft()
        if len(self._looks) == 1:
            return Limit.START
        return judge(self._load(self._looks[0], look)).limit

    def _is_at_work(self) -> bool:
        blocks = (self._telemetry.block(index) for index in (self._indices.learner, *self._indices.servers))
        return all(block.state == State.READY for block in blocks)

    def _load(self, before: Look, after: Look) -> Load:
        """Returns the load between two looks. All cores in use count as those of self-play: whose they are is not known."""
        seconds, indices, config = max(after.seconds - before.seconds, 1e-9), self._indices, self._config
        grown = after.counters - before.counters

        def total(counter: Counter, *processes: int) -> int:
            return max(0, int(grown[list(processes), counter].sum()))

        def share(counter: Counter, *processes: int) -> float:
            return min(1.0, total(counter, *processes) * 1e-9 / seconds / len(processes))

        actors, servers, learner = tuple(indices.actors), tuple(indices.servers), indices.learner
        num_cores, fresh_waited = usable_cores(), share(Counter.FRESH_WAIT_NANOSECONDS, learner)
        unused = num_cores - (after.quota_core_seconds - before.quota_core_seconds) / seconds
        idle_cores = max(0.0, min(unused, (after.idle_core_seconds - before.idle_core_seconds) / seconds))
        return Load(
            num_actors=config.actors.num_actors,
            games_per_actor=config.actors.games_per_actor,
            num_servers=config.inference.num_servers,
            replay_ratio=config.replay.replay_ratio,
            learner_steps=after.learner_steps,
            learner_busy=share(Counter.BUSY_NANOSECONDS, learner),
            learner_paused=max(0.0, share(Counter.THROTTLED_NANOSECONDS, learner) - fresh_waited),
            fresh_waited=fresh_waited,
            data_waited=share(Counter.WAIT_NANOSECONDS, learner),
            actors_paused=share(Counter.THROTTLED_NANOSECONDS, *actors),
            actors_waiting=share(Counter.WAIT_NANOSECONDS, *actors),
            device=config.inference.device,
            device_busy=max(share(Counter.DEVICE_BUSY_NANOSECONDS, server) for server in servers),
            server_busy=max(share(Counter.BUSY_NANOSECONDS, server) for server in servers),
            mean_batch=float(total(Counter.SIMULATIONS, *servers) / max(1, total(Counter.BATCHES, *servers))),
            num_cores=num_cores,
            idle_cores=idle_cores,
            cores_of={"actors": num_cores - idle_cores},
            learner_device=config.learner.device,
            parts={},
        )
