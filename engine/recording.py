"""An interval of a run as it was recorded: the spans of every thread, and all counters at its begin and end. No figures are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.config import RunConfig
from engine.layout import Control, Counter, SpanKind, ThreadTrack
from engine.slots import server_names
from engine.telemetry import ProcessIndices, Telemetry
from engine.trace import Spans
from muzero.types import Int64Array

MAIN_THREAD = "main"
SENDING_KINDS = (SpanKind.TREE, SpanKind.BEGIN_MOVE, SpanKind.SEND)
"""Spans that end with a request; their argument is its number."""
NANOSECONDS = 1e9


@dataclass(frozen=True)
class Moment:
    """The numbers of a run at one time.

    Attributes:
        nanoseconds: the time, monotonic.
        counters: int64 [S, 32], of every process.
        span_counts: int64 [rings], spans ever recorded in each ring.
        learner_steps: gradient steps done.
        cpu_seconds: processor time that each role has taken, by process id and name; also the supervisor's.
        idle_core_seconds: time that the run's cores have been idle, added up.
    """

    nanoseconds: int
    counters: Int64Array
    span_counts: Int64Array
    learner_steps: int
    cpu_seconds: Mapping[tuple[int, str], float]
    idle_core_seconds: float


@dataclass(frozen=True)
class Track:
    """What one thread did.

    Attributes:
        role: name of its process, for example "actor-3".
        process_index: its process's block in telemetry.
        thread: "main", or the name of its ThreadTrack in small letters.
        spans: its spans.
    """

    role: str
    process_index: int
    thread: str
    spans: Spans

    @property
    def group(self) -> str:
        """The role's name in the plural, where there are several of it: "actors", "reanalyzers"; but servers are always "server"."""
        return group_of(self.role)


@dataclass(frozen=True)
class Recording:
    """What was recorded of a run.

    Attributes:
        config: the run.
        indices: its processes.
        tracks: one per thread.
        before, after: its begin and end, for what was counted.
        stop: end of the spans, in monotonic nanoseconds: none begins later, however late the counters were read.
        num_cores: cores that the run may use.
    """

    config: RunConfig
    indices: ProcessIndices
    tracks: tuple[Track, ...]
    before: Moment
    after: Moment
    stop: int
    num_cores: float

    @property
    def seconds(self) -> float:
        """How long was counted."""
        return (self.after.nanoseconds - self.before.nanoseconds) / NANOSECONDS

    def growth(self, counter: Counter, *processes: int) -> int:
        """Returns how much a counter of some processes grew, added up; never negative, as a learner that resumes goes back."""
        grown = self.after.counters[list(processes), counter] - self.before.counters[list(processes), counter]
        return max(0, int(grown.sum()))

    @property
    def forward(self) -> list[Spans]:
        """The forward passes of each server's device, one after another."""
        return [device.spans.of(SpanKind.FORWARD) for device in self.of_group("server", ThreadTrack.DEVICE.name.lower())]

    @property
    def queued(self) -> list[Spans]:
        """The requests at each server, from their receipt until their forward pass begins; those without one are left out.

        A device computes its batches in the order it got them, so that of a request is the first to begin once it was handed over.
        """
        return [
            _until(server.spans.of(SpanKind.QUEUED), forward.begin)
            for server, forward in zip(self.of_group("server"), self.forward, strict=True)
        ]

    def of_group(self, group: str, thread: str = MAIN_THREAD) -> list[Track]:
        """Returns the tracks of a group's threads of one name."""
        return [track for track in self.tracks if track.group == group and track.thread == thread]


def _until(spans: Spans, moments: Int64Array) -> Spans:
    """Returns spans that end at the next of ascending moments instead; those without one are left out."""
    index = np.searchsorted(moments, spans.end)
    is_known = index < len(moments)
    return replace(spans.chosen(is_known), end=moments[index[is_known]])


def group_of(role: str) -> str:
    """Returns what all processes like this one are called together, see Track.group."""
    kind = role.partition("-")[0]
    return f"{kind}s" if kind in ("actor", "reanalyzer") else kind


def moment_of_run(telemetry: Telemetry, nanoseconds: int, cpu_seconds: Mapping[tuple[int, str], float], idle_core_seconds: float) -> Moment:
    """Returns the numbers of a run now."""
    return Moment(
        nanoseconds,
        telemetry.counters,
        telemetry.span_counts(),
        telemetry.control(Control.LEARNER_STEPS),
        cpu_seconds,
        idle_core_seconds,
    )


def record_of(telemetry: Telemetry, config: RunConfig, before: Moment, after: Moment, until: int, num_cores: float) -> Recording:
    """Returns an interval with the spans that are still there.

    Args:
        telemetry: the run's telemetry; nothing may be recorded any more.
        config: the run.
        before, after: begin and end of the interval.
        until: when recording ended by itself, had nobody ended it before, in monotonic nanoseconds.
        num_cores: cores that the run may use.
    """
    indices = ProcessIndices.of_run(config)
    stop = min(after.nanoseconds, until)

    def track(role: str, process: int) -> Track:
        return ring_track(role, process, MAIN_THREAD, process)

    def thread_track(role: str, process: int, thread: ThreadTrack, server: int = 0) -> Track:
        return ring_track(role, process, thread.name.lower(), telemetry.thread_ring(thread, server))

    def ring_track(role: str, process: int, thread: str, ring: int) -> Track:
        spans = telemetry.read_spans(ring, int(before.span_counts[ring]), before.nanoseconds, stop)
        return Track(role, process, thread, spans)

    tracks = [track(f"actor-{index}", block) for index, block in enumerate(indices.actors)]
    for number, (name, block) in enumerate(zip(server_names(config), indices.servers, strict=True)):
        tracks += [track(name, block), thread_track(name, block, ThreadTrack.DEVICE, number)]
    tracks += [track("learner", indices.learner), thread_track("learner", indices.learner, ThreadTrack.PREFETCH)]
    tracks += [track(f"reanalyzer-{index}", block) for index, block in enumerate(indices.reanalyzers)]
    tracks += [track("evaluator", indices.evaluator)] if indices.evaluator is not None else []
    return Recording(config, indices, tuple(tracks), before, after, stop, num_cores)
