"""Reading and writing the telemetry segment: control words, and each process's state, heartbeat, counters, gauges and spans.

No logic of what the numbers mean (`engine/status.py`) and no decisions taken on them (`engine/supervisor.py`).

Each word has one writer and is an aligned 8-byte integer or float: numpy loads and stores those in one instruction, so that a
reader never sees half of one, on x86 and on ARM. Nothing else is guarded by these words, so no ordering is needed; that keeps
Numba out of the supervisor.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.config import RunConfig
from engine.layout import WORDS_PER_LINE, Control, Counter, Gauge, State, ThreadTrack
from engine.slots import num_reanalyzers
from engine.trace import SpanRecorder, Spans, read_spans
from muzero.types import Int64Array


@dataclass(frozen=True)
class ProcessIndices:
    """Which block of the telemetry belongs to whom.

    Attributes:
        actors: blocks of the actors; one block in one-process mode.
        servers: blocks of the inference servers; one block in one-process mode.
        learner: block of the learner.
        reanalyzers: blocks of the reanalyzers.
        evaluator: block of the evaluator, None when there is none.
    """

    actors: range
    servers: range
    learner: int
    reanalyzers: range
    evaluator: int | None

    @classmethod
    def of(cls, num_actors: int, *, num_servers: int = 1, num_reanalyzers: int = 0, has_evaluator: bool) -> Self:
        """Returns the numbering of a run: actors first, then servers, learner, reanalyzers and evaluator.

        Args:
            num_actors: actor processes; 0 (one process) still counts its self-play in one block.
            num_servers: inference servers.
            num_reanalyzers: reanalyzer processes, or 1 where one process reanalyzes.
            has_evaluator: whether an evaluator runs.
        """
        actors = max(1, num_actors)
        learner = actors + num_servers
        end = learner + 1 + num_reanalyzers
        return cls(range(actors), range(actors, learner), learner, range(learner + 1, end), end if has_evaluator else None)

    @classmethod
    def of_run(cls, config: RunConfig) -> Self:
        """Returns the numbering of a run with these settings."""
        return cls.of(
            config.actors.num_actors,
            num_servers=config.inference.num_servers,
            num_reanalyzers=num_reanalyzers(config),
            has_evaluator=config.evaluation.is_enabled,
        )

    @property
    def players(self) -> tuple[int, ...]:
        """Blocks of those who play games: actors and evaluator."""
        return (*self.actors,) if self.evaluator is None else (*self.actors, self.evaluator)

    @property
    def num_processes(self) -> int:
        """Blocks of the segment."""
        return len(self.actors) + len(self.servers) + 1 + len(self.reanalyzers) + (self.evaluator is not None)


class ProcessBlock:
    """The numbers of one process; written by that process alone, and by its supervisor while it is not there.

    Attributes:
        spans: records what its main thread does.
    """

    def __init__(
        self, state: Int64Array, heartbeat: Int64Array, counters: Int64Array, gauges: NDArray[np.float64], spans: SpanRecorder
    ) -> None:
        """Takes the process's rows of the segment.

        Args:
            state: int64 [8], word 0 is its State.
            heartbeat: int64 [8], word 0 in monotonic nanoseconds.
            counters: int64 [32], indexed by Counter.
            gauges: float64 [32], indexed by Gauge.
            spans: records into its ring.
        """
        self.spans = spans
        self._state, self._heartbeat, self._counters, self._gauges = state, heartbeat, counters, gauges

    @property
    def state(self) -> State:
        """What the process last said of itself."""
        return State(int(self._state[0]))

    def set_state(self, state: State) -> None:
        """Says what the process is doing."""
        self._state[0] = state

    @property
    def heartbeat_ns(self) -> int:
        """Monotonic time of the last beat, in nanoseconds; 0 before the first."""
        return int(self._heartbeat[0])

    def beat(self) -> None:
        """Says that the process is alive now."""
        self._heartbeat[0] = time.monotonic_ns()

    def get(self, counter: Counter) -> int:
        """Returns a counter."""
        return int(self._counters[counter])

    def set(self, counter: Counter, value: int) -> None:
        """Sets a counter."""
        self._counters[counter] = value

    def add(self, counter: Counter, amount: int = 1) -> None:
        """Adds to a counter."""
        self._counters[counter] += amount

    def gauge(self, gauge: Gauge) -> float:
        """Returns the last value of a gauge."""
        return float(self._gauges[gauge])

    def set_gauge(self, gauge: Gauge, value: float) -> None:
        """Sets a gauge."""
        self._gauges[gauge] = value


class Telemetry:
    """The whole segment: the run's control words and one block per process."""

    def __init__(self, segment_arrays: dict[str, NDArray[Any]]) -> None:
        """Takes the arrays of `engine.layout.telemetry_layout`, by name."""
        self._arrays = segment_arrays
        self._control: Int64Array = segment_arrays["control"]
        self._counters: Int64Array = segment_arrays["counters"]

    def control(self, word: Control) -> int:
        """Returns a control word of the run."""
        return int(self._control[word * WORDS_PER_LINE])

    def set_control(self, word: Control, value: int) -> None:
        """Writes a control word; each has one writer, see `Control`."""
        self._control[word * WORDS_PER_LINE] = value

    @property
    def fresh_ages(self) -> Int64Array:
        """Fresh policy targets trained on by their age, int64 [NUM_AGE_BINS]; written by the learner alone."""
        ages: Int64Array = self._arrays["fresh_ages"]
        return ages

    def block(self, process_index: int) -> ProcessBlock:
        """Returns the numbers of one process."""
        state, heartbeat, counters, gauges = (self._arrays[name][process_index] for name in ("state", "heartbeat", "counters", "gauges"))
        return ProcessBlock(state, heartbeat, counters, gauges, self._recorder(process_index))

    def thread_spans(self, track: ThreadTrack, server: int = 0) -> SpanRecorder:
        """Returns what records the spans of a thread beside the main threads; of a device, that of this server."""
        return self._recorder(self.thread_ring(track, server))

    def thread_ring(self, track: ThreadTrack, server: int = 0) -> int:
        """Returns the number of such a thread's ring."""
        return self.num_processes + track + server

    @property
    def num_processes(self) -> int:
        """Blocks of the segment; the span rings of further threads follow those of the processes."""
        return len(self._counters)

    @property
    def counters(self) -> Int64Array:
        """A copy of all counters, int64 [S, 32]."""
        return self._counters.copy()

    def span_counts(self) -> Int64Array:
        """Returns how many spans each ring was ever given, int64 [S + threads]."""
        counts: Int64Array = self._arrays["span_count"][:, 0].copy()
        return counts

    def read_spans(self, ring_index: int, count_before: int, start: int, stop: int) -> Spans:
        """Returns the spans of an interval of one ring, see `engine.trace.read_spans`."""
        count = int(self._arrays["span_count"][ring_index, 0])
        return read_spans(self._arrays["spans"][ring_index], count, count_before, start, stop)

    def _recorder(self, ring_index: int) -> SpanRecorder:
        word = Control.RECORD_UNTIL_NANOSECONDS * WORDS_PER_LINE
        arrays = self._arrays
        return SpanRecorder(self._control[word : word + 1], arrays["span_count"][ring_index, :1], arrays["spans"][ring_index])

    def total(self, counter: Counter, process_indices: Iterable[int]) -> int:
        """Returns the sum of a counter over some processes."""
        return sum(int(self._counters[index, counter]) for index in process_indices)


def counters_of(telemetry: Telemetry, process_indices: Iterable[int]) -> list[dict[str, int]]:
    """Returns all counters of these processes by name, as a checkpoint keeps them."""
    return [{counter.name: telemetry.block(index).get(counter) for counter in Counter} for index in process_indices]


def reanalyzed_positions(telemetry: Telemetry, reanalyzers: Iterable[int]) -> int:
    """Returns the positions reanalyzed in the whole run, resumed parts included.

    Args:
        telemetry: the run's telemetry.
        reanalyzers: blocks of the reanalyzers.
    """
    return telemetry.control(Control.REANALYZED_BASE) + telemetry.total(Counter.REANALYZED_POSITIONS, reanalyzers)


def restore_counters(telemetry: Telemetry, actors: range, manifest: Mapping[str, Any]) -> None:
    """Sets the counters of the actors to where a checkpoint left them, whatever the number of actors is now.

    Args:
        telemetry: the run's telemetry.
        actors: blocks of the actors; those without saved counters start at 0.
        manifest: the checkpoint's. Environment steps that no actor counts go to ENV_STEPS_BASE, all reanalyzed positions to
            REANALYZED_BASE.
    """
    for index, saved in zip(actors, manifest["counters"], strict=False):
        for name, value in saved.items():
            if name in Counter.__members__:
                telemetry.block(index).set(Counter[name], value)
    telemetry.set_control(Control.ENV_STEPS_BASE, int(manifest["env_steps"]) - telemetry.total(Counter.ENV_STEPS, actors))
    telemetry.set_control(Control.REANALYZED_BASE, int(manifest.get("reanalyzed_positions", 0)))
