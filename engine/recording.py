"""An interval of a run as it was recorded: the spans of every thread, and all counters at its begin and end. No figures are made of it."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from engine.config import RunConfig
from engine.layout import Control, Counter, SpanKind, ThreadTrack
from engine.slots import num_reanalyzers
from engine.telemetry import ProcessIndices, Telemetry
from engine.trace import Spans
from muzero.types import Int64Array

MAIN_THREAD = "main"
SENDING_KINDS = (SpanKind.TREE, SpanKind.BEGIN_MOVE, SpanKind.SEND)
"""Spans that end with a request; their argument is its number."""
THREADS = {ThreadTrack.PREFETCH: "learner", ThreadTrack.DEVICE: "server"}
"""Whose the further threads are."""
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
        """The role's name in the plural, where there are several of it: "actors", "reanalyzers"."""
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
    def forward(self) -> Spans:
        """The forward passes of the server's device, one after another."""
        (device,) = self.of_group("server", ThreadTrack.DEVICE.name.lower())
        return device.spans.of(SpanKind.FORWARD)

    @property
    def queued(self) -> Spans:
        """The requests, from their receipt until their forward pass begins; those without one are left out.

        A device computes its batches in the order it got them, so that of a request is the first to begin once it was handed over.
        """
        (server,) = self.of_group("server")
        queued, begins = server.spans.of(SpanKind.QUEUED), self.forward.begin
        index = np.searchsorted(begins, queued.end)
        is_known = index < len(begins)
        return replace(queued.chosen(is_known), end=begins[index[is_known]])

    def of_group(self, group: str, thread: str = MAIN_THREAD) -> list[Track]:
        """Returns the tracks of a group's threads of one name."""
        return [track for track in self.tracks if track.group == group and track.thread == thread]


def group_of(role: str) -> str:
    """Returns what all processes like this one are called together."""
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
    indices = ProcessIndices.of(
        config.actors.num_actors, num_reanalyzers=num_reanalyzers(config), has_evaluator=config.evaluation.is_enabled
    )
    stop = min(after.nanoseconds, until)

    def track(role: str, process: int, thread: str = MAIN_THREAD, ring: int | None = None) -> Track:
        number = process if ring is None else ring
        spans = telemetry.read_spans(number, int(before.span_counts[number]), before.nanoseconds, stop)
        return Track(role, process, thread, spans)

    def threads(role: str, process: int) -> list[Track]:
        rings = {thread: telemetry.num_processes + thread for thread, owner in THREADS.items() if owner == role}
        return [track(role, process, thread.name.lower(), ring) for thread, ring in rings.items()]

    tracks = [track(f"actor-{index}", block) for index, block in enumerate(indices.actors)]
    tracks += [track("server", indices.server), *threads("server", indices.server)]
    tracks += [track("learner", indices.learner), *threads("learner", indices.learner)]
    tracks += [track(f"reanalyzer-{index}", block) for index, block in enumerate(indices.reanalyzers)]
    tracks += [track("evaluator", indices.evaluator)] if indices.evaluator is not None else []
    return Recording(config, indices, tuple(tracks), before, after, stop, num_cores)
