"""What a recording amounts to: shares of time by role and phase, distributions, rates, and what the verdict is judged from.

Pure functions of a recording; nothing is read from a run and nothing is written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.layout import Counter, SpanKind, ThreadTrack
from engine.recording import MAIN_THREAD, SENDING_KINDS, Recording, Track, group_of
from engine.trace import Spans
from engine.verdict import Load, Verdict, judge

OUTER_KINDS = (SpanKind.SEARCH, SpanKind.MATCH)
"""Kinds with other spans of their thread within, which are taken off their time."""
OVERLAPPING_KINDS = (SpanKind.QUEUED,)
"""Kinds that overlap one another: no part of their thread's time."""
MILLISECONDS = 1e3
PERCENTILES = (50, 95, 99)
BUSY_LEARNING = (
    SpanKind.HOST_TO_DEVICE,
    SpanKind.FORWARD,
    SpanKind.BACKWARD,
    SpanKind.READ_LOSS,
    SpanKind.OPTIMIZER,
    SpanKind.PUBLISH,
    SpanKind.CHECKPOINT,
)


@dataclass(frozen=True)
class Distribution:
    """Many values of one kind.

    Attributes:
        count: how many.
        mean, p50, p95, p99: mean and percentiles; 0 where there is none.
        bins: how many lie in [2^(i-1), 2^i) of `unit`, the first one below 1 of them.
        unit: what the bins count in.
    """

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    bins: tuple[int, ...]
    unit: float


@dataclass(frozen=True)
class Phase:
    """The part that one phase has of the time of a role's threads.

    Attributes:
        group: the role, in the plural where there are several; servers are always `server`.
        thread: "main", or another thread's name.
        phase: name of the phase.
        share: part of the time, in [0, 1], mean of all processes.
        count: how many spans.
        mean_milliseconds: mean length of a span, with what lies within.
    """

    group: str
    thread: str
    phase: str
    share: float
    count: int
    mean_milliseconds: float


@dataclass(frozen=True)
class Figures:
    """Everything that a profile says in numbers.

    Attributes:
        seconds: length of the interval.
        num_spans, num_lost_spans: spans recorded, and those that were overwritten.
        phases: shares of time.
        latency_milliseconds: from a request of an actor to its reply.
        forward_milliseconds: of the server's network.
        queue_milliseconds: from a request's receipt by the server to its forward pass.
        batch_size: leaves per forward pass of the server.
        simulations_per_second, moves_per_second, games_per_second: of all actors. Each move is one environment step.
        samples_per_second, learner_steps_per_second: of the learner.
        policy_lag_versions: versions between search and training, mean per sample.
        replay_ratio: samples per move in the interval.
        reanalyzed_per_second: positions searched again.
        load: what the verdict was judged from.
        verdict: what limits the run.
    """

    seconds: float
    num_spans: int
    num_lost_spans: int
    phases: tuple[Phase, ...]
    latency_milliseconds: Distribution
    forward_milliseconds: Distribution
    queue_milliseconds: Distribution
    batch_size: Distribution
    simulations_per_second: float
    moves_per_second: float
    games_per_second: float
    samples_per_second: float
    learner_steps_per_second: float
    policy_lag_versions: float
    replay_ratio: float
    reanalyzed_per_second: float
    load: Load
    verdict: Verdict


def figures_of(recording: Recording) -> Figures:
    """Returns the figures of a recording."""
    phases = phases_of(recording)
    load = load_of(recording, phases)
    indices, seconds = recording.indices, max(recording.seconds, 1e-9)
    actors, learner = tuple(indices.actors), indices.learner
    forward, queued = recording.forward, recording.queued
    samples, moves = recording.growth(Counter.SAMPLES, learner), recording.growth(Counter.ENV_STEPS, *actors)
    return Figures(
        seconds=recording.seconds,
        num_spans=sum(len(track.spans) for track in recording.tracks),
        num_lost_spans=sum(track.spans.num_lost for track in recording.tracks),
        phases=phases,
        latency_milliseconds=distribution_of(_joined([_latencies(track) for track in recording.of_group("actors")]), unit=0.125),
        forward_milliseconds=distribution_of(_joined([spans.seconds for spans in forward]) * MILLISECONDS, unit=0.125),
        queue_milliseconds=distribution_of(_joined([spans.seconds for spans in queued]) * MILLISECONDS, unit=0.125),
        batch_size=distribution_of(_joined([spans.argument for spans in forward]), unit=1.0),
        simulations_per_second=recording.growth(Counter.SIMULATIONS, *actors) / seconds,
        moves_per_second=moves / seconds,
        games_per_second=recording.growth(Counter.GAMES, *actors) / seconds,
        samples_per_second=samples / seconds,
        learner_steps_per_second=max(0, recording.after.learner_steps - recording.before.learner_steps) / seconds,
        policy_lag_versions=recording.growth(Counter.LAG_VERSIONS, learner) / max(1, samples),
        replay_ratio=samples / max(1, moves),
        reanalyzed_per_second=recording.growth(Counter.REANALYZED_POSITIONS, *indices.reanalyzers) / seconds,
        load=load,
        verdict=judge(load),
    )


def phases_of(recording: Recording) -> tuple[Phase, ...]:
    """Returns the share of every phase in the time of each group's threads, in the order of the roles, the largest first."""
    groups = dict.fromkeys((track.group, track.thread) for track in recording.tracks)
    return tuple(phase for group, thread in groups for phase in _phases_of_group(recording, group, thread))


def _phases_of_group(recording: Recording, group: str, thread: str) -> list[Phase]:
    tracks = recording.of_group(group, thread)
    kinds = len(SpanKind)
    shares = np.mean([shares_of(track.spans, recording.stop) for track in tracks], axis=0)
    counts, seconds = np.zeros(kinds, np.int64), np.zeros(kinds)
    for track in tracks:
        counts += np.bincount(track.spans.kind, minlength=kinds)
        seconds += np.bincount(track.spans.kind, track.spans.seconds, minlength=kinds)
    phases = [
        Phase(group, thread, phase_name(kind), float(shares[kind]), int(counts[kind]), float(MILLISECONDS * seconds[kind] / counts[kind]))
        for kind in SpanKind
        if counts[kind] and kind not in OVERLAPPING_KINDS
    ]
    return sorted(phases, key=lambda phase: -phase.share)


def phase_name(kind: SpanKind) -> str:
    """Returns what people call a phase."""
    return kind.name.lower().replace("_", " ")


def shares_of(spans: Spans, stop: int) -> NDArray[np.float64]:
    """Returns the part of one thread's time that each kind takes, without what lies within it, float64 [kinds].

    Args:
        spans: of the thread.
        stop: end of the interval, in monotonic nanoseconds.
    """
    window = max(1, stop - spans.since)
    length = np.maximum(0, spans.end - np.maximum(spans.begin, spans.since)).astype(np.float64)
    totals = np.bincount(spans.kind, length, minlength=len(SpanKind)).astype(np.float64)
    for outer in OUTER_KINDS:
        totals[outer] -= length[_lies_within(spans, outer)].sum()
    return np.maximum(0.0, totals) / window


def _lies_within(spans: Spans, outer: SpanKind) -> NDArray[np.bool_]:
    """Returns which spans lie within one of a kind, bool [N]; spans of that kind do not."""
    around = spans.of(outer)
    if not len(around):
        return np.zeros(len(spans), np.bool_)
    nearest = np.searchsorted(around.begin, spans.begin, side="right") - 1
    is_inside = (nearest >= 0) & (spans.end <= around.end[nearest]) & (spans.kind != outer)
    return np.asarray(is_inside & ~np.isin(spans.kind, OVERLAPPING_KINDS), np.bool_)


def _joined(values: Sequence[NDArray[Any]]) -> NDArray[np.float64]:
    """Returns the values of several arrays one after another, float64 [N]."""
    return np.concatenate([np.zeros(0), *values])


def _latencies(track: Track) -> NDArray[np.float64]:
    """Returns the time from each request of an actor, once it is sent, to its reply, in milliseconds."""
    sent, replied = track.spans.of(*SENDING_KINDS), track.spans.of(SpanKind.WAIT_REPLY)
    _, at_sent, at_replied = np.intersect1d(sent.argument, replied.argument, return_indices=True)
    milliseconds = np.asarray((replied.end[at_replied] - sent.end[at_sent]) * 1e-6, np.float64)
    return milliseconds[milliseconds >= 0.0]  # the next start of a process may repeat a number, if hardly ever


def distribution_of(values: NDArray[np.float64], *, unit: float) -> Distribution:
    """Returns mean, percentiles and histogram of values.

    Args:
        values: float64 [N], at least 0.
        unit: the first bin lies below it.
    """
    if not len(values):
        return Distribution(0, 0.0, 0.0, 0.0, 0.0, (), unit)
    p50, p95, p99 = (float(value) for value in np.percentile(values, PERCENTILES))
    bins = np.bincount(np.ceil(np.log2(np.maximum(1.0, np.floor(values / unit) + 1.0))).astype(np.int64))
    return Distribution(len(values), float(values.mean()), p50, p95, p99, tuple(int(count) for count in bins), unit)


def load_of(recording: Recording, phases: tuple[Phase, ...]) -> Load:
    """Returns what the verdict is judged from."""
    config, indices, seconds = recording.config, recording.indices, max(recording.seconds, 1e-9)
    share = {(phase.group, phase.thread, phase.phase): phase.share for phase in phases}

    def part(group: str, *kinds: SpanKind) -> float:
        return sum(share.get((group, MAIN_THREAD, phase_name(kind)), 0.0) for kind in kinds)

    def growth_share(counter: Counter, process: int) -> float:
        return recording.growth(counter, process) * 1e-9 / seconds

    def busy(of_spans: float, of_counters: float) -> float:
        """Returns the larger of two shares that both come out too small: spans across an edge are lost, counters may be read late."""
        return min(1.0, max(of_spans, of_counters))

    fresh_waited = growth_share(Counter.FRESH_WAIT_NANOSECONDS, indices.learner)
    batches = _joined([spans.argument for spans in recording.forward])
    return Load(
        num_actors=config.actors.num_actors,
        games_per_actor=config.actors.games_per_actor,
        num_servers=config.inference.num_servers,
        replay_ratio=config.replay.replay_ratio,
        learner_steps=recording.after.learner_steps,
        learner_busy=busy(
            part("learner", *BUSY_LEARNING),
            growth_share(Counter.BUSY_NANOSECONDS, indices.learner) + part("learner", SpanKind.CHECKPOINT),
        ),
        learner_paused=max(0.0, part("learner", SpanKind.THROTTLED) - fresh_waited),
        fresh_waited=min(1.0, fresh_waited),
        data_waited=part("learner", SpanKind.WAIT_DATA),
        actors_paused=part("actors", SpanKind.THROTTLED),
        actors_waiting=part("actors", SpanKind.WAIT_REPLY),
        device=config.inference.device,
        device_busy=max(
            busy(
                float(shares_of(device.spans, recording.stop)[SpanKind.FORWARD]),
                growth_share(Counter.DEVICE_BUSY_NANOSECONDS, device.process_index),
            )
            for device in recording.of_group("server", ThreadTrack.DEVICE.name.lower())
        ),
        server_busy=min(1.0, max(growth_share(Counter.BUSY_NANOSECONDS, server) for server in indices.servers)),
        mean_batch=float(batches.mean()) if len(batches) else 0.0,
        num_cores=recording.num_cores,
        idle_cores=_idle_cores(recording),
        cores_of=_cores_of(recording),
        learner_device=config.learner.device,
        parts=_parts(phases),
    )


def _cores_of(recording: Recording) -> dict[str, float]:
    """Returns the cores that each group uses on average; a process that was restarted meanwhile counts for nothing."""
    cores: dict[str, float] = {}
    for (pid, role), after in recording.after.cpu_seconds.items():
        before = recording.before.cpu_seconds.get((pid, role), after)
        group = group_of(role)
        cores[group] = cores.get(group, 0.0) + (after - before) / max(recording.seconds, 1e-9)
    return cores


def _idle_cores(recording: Recording) -> float:
    """Returns the idle cores: none that a program uses, and under a container's quota none beyond it."""
    idle = (recording.after.idle_core_seconds - recording.before.idle_core_seconds) / max(recording.seconds, 1e-9)
    return max(0.0, min(idle, recording.num_cores - sum(_cores_of(recording).values())))


def _parts(phases: tuple[Phase, ...]) -> dict[str, float]:
    """Returns the share of each part of the work of one process, by what it is for."""
    names = {"actors": "search and games", "server": "the network's answers", "learner": "training", "reanalyzers": "reanalysis"}
    parts: dict[str, float] = {}
    for phase in phases:
        if phase.group in names and phase.phase != phase_name(SpanKind.SEARCH):
            name = names[phase.group]
            parts[name] = parts.get(name, 0.0) + phase.share
    return parts
