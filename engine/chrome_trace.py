"""A recording as Chrome trace events, which Perfetto shows: a process track per role, a thread track per thread, arrows for requests.

The format is described in "Trace Event Format" (the Chrome project); times are in microseconds since the recording began.
"""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from engine.durable_files import fsync
from engine.layout import NO_REQUEST, SpanKind, ThreadTrack
from engine.profile_figures import OVERLAPPING_KINDS, phase_name
from engine.recording import MAIN_THREAD, SENDING_KINDS, Recording, Track
from engine.trace import Spans
from muzero.types import Int64Array

MAX_SPANS = 400_000
"""Spans in one file, about 8 MB packed: with many processes only the newest of each are shown, so that a browser can still open it."""
ARGUMENT_NAMES = {
    SpanKind.GAME_STEP: "trees",
    SpanKind.WRITE_TRAJECTORY: "rows",
    SpanKind.GATHER: "requests",
    SpanKind.ASSEMBLE: "leaves",
    SpanKind.FORWARD: "leaves",
    SpanKind.REPLY: "leaves",
    SpanKind.SWAP_WEIGHTS: "version",
    SpanKind.SAMPLE: "samples",
    SpanKind.SEARCH: "trees",
}
COMPRESSION = 4
"""Twice as fast as gzip's own default, for a file a tenth larger."""


def write_trace(path: Path, recording: Recording) -> None:
    """Writes a recording as a packed file, which is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.writing")
    with gzip.open(temporary, "wt", compresslevel=COMPRESSION, encoding="ascii") as file:
        file.write('{"displayTimeUnit":"ms","traceEvents":[\n')
        for number, event in enumerate(trace_events(recording)):
            file.write(f",\n{event}" if number else event)
        file.write("\n]}\n")
    fsync(temporary)
    temporary.replace(path)


def trace_events(recording: Recording) -> Iterator[str]:
    """Yields the events of a recording, each as JSON."""
    start, newest = recording.before.nanoseconds, max(1, MAX_SPANS // len(recording.tracks))
    shown = [(track, _newest(track.spans, newest)) for track in recording.tracks]
    for number, (track, spans) in enumerate(shown):
        yield from _names(track, thread_of(track), number)
        yield from _slices(spans, process_of(track), thread_of(track), start)
    yield from _arrows(recording, shown)


def process_of(track: Track) -> int:
    """Returns the number of a track's process in the trace."""
    return track.process_index + 1


def thread_of(track: Track) -> int:
    """Returns the number of a track's thread in its process."""
    return 1 if track.thread == MAIN_THREAD else 2


def _names(track: Track, thread: int, order: int) -> Iterator[str]:
    process = process_of(track)
    if track.thread == MAIN_THREAD:
        yield _meta("process_name", process, thread, {"name": track.role})
        yield _meta("process_sort_index", process, thread, {"sort_index": order})
    yield _meta("thread_name", process, thread, {"name": track.thread})


def _meta(name: str, process: int, thread: int, arguments: dict[str, str | int]) -> str:
    return json.dumps({"name": name, "ph": "M", "pid": process, "tid": thread, "args": arguments})


def _newest(spans: Spans, count: int) -> Spans:
    """Returns the newest spans of a thread."""
    is_shown = np.zeros(len(spans), np.bool_)
    is_shown[-count:] = True
    return spans.chosen(is_shown)


def _slices(spans: Spans, process: int, thread: int, start: int) -> Iterator[str]:
    """Yields one complete event per span; written by hand, as there are hundreds of thousands."""
    slices = spans.chosen(~np.isin(spans.kind, OVERLAPPING_KINDS))
    names = [phase_name(kind) for kind in SpanKind]
    arguments = [ARGUMENT_NAMES.get(kind) for kind in SpanKind]
    begin, length = (slices.begin - start) / 1e3, (slices.end - slices.begin) / 1e3
    columns = (begin.tolist(), length.tolist(), slices.kind.tolist(), slices.argument.tolist())
    for at, microseconds, kind, argument in zip(*columns, strict=True):
        detail = f',"args":{{"{arguments[kind]}":{argument}}}' if arguments[kind] else ""
        yield f'{{"name":"{names[kind]}","ph":"X","ts":{at:.3f},"dur":{microseconds:.3f},"pid":{process},"tid":{thread}{detail}}}'


def _arrows(recording: Recording, shown: list[tuple[Track, Spans]]) -> Iterator[str]:
    """Yields the arrows of requests whose three ends are shown: sent, computed, answered."""
    devices = [(track, spans) for track, spans in shown if track.thread == ThreadTrack.DEVICE.name.lower()]
    for (device, passes), queued in zip(devices, recording.queued, strict=True):
        computed = queued.chosen(np.isin(queued.end, passes.begin))
        yield from _arrows_through(device, computed, shown, recording.before.nanoseconds)


def _arrows_through(device: Track, computed: Spans, shown: list[tuple[Track, Spans]], start: int) -> Iterator[str]:
    """Yields the arrows of the requests that one device computed."""
    for track, spans in shown:
        sent, answered = spans.of(*SENDING_KINDS), spans.of(SpanKind.WAIT_REPLY)
        answered = answered.chosen(answered.argument != NO_REQUEST)
        numbers, at_sent, at_answered = np.intersect1d(sent.argument, answered.argument, return_indices=True)
        numbers, at_known, at_computed = np.intersect1d(numbers, computed.argument, return_indices=True)
        begins = computed.end[at_computed]
        # A sender that was interrupted just after sending ends its span later than the server begins.
        times = (np.minimum(sent.end[at_sent[at_known]] - 1, begins), begins, answered.end[at_answered[at_known]] - 1)
        yield from _flows(numbers, times, start, _place(track), _place(device))


def _place(track: Track) -> str:
    return f'"pid":{process_of(track)},"tid":{thread_of(track)}'


def _flows(numbers: Int64Array, times: tuple[Int64Array, Int64Array, Int64Array], start: int, client: str, device: str) -> Iterator[str]:
    """Yields begin, step and end of each arrow. The outer two lie a nanosecond within their spans."""
    sent, computed, answered = ((column - start).tolist() for column in times)
    for number, out, at, back in zip(numbers.tolist(), sent, computed, answered, strict=True):
        head = f'{{"name":"request","cat":"request","id":{number}'
        yield f'{head},"ph":"s","ts":{out / 1e3:.3f},{client}}}'
        yield f'{head},"ph":"t","ts":{at / 1e3:.3f},{device}}}'
        yield f'{head},"ph":"f","bp":"e","ts":{back / 1e3:.3f},{client}}}'
