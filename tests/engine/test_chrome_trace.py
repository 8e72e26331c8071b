"""The trace file: JSON that Perfetto reads, every role a process with a name, spans that nest, arrows with all their ends."""

import gzip
import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine import chrome_trace
from engine.chrome_trace import write_trace
from engine.layout import SpanKind
from engine.trace import Spans
from tests.engine.recording_examples import MILLISECOND, START, make_recording, make_recording_of_two_servers

Event = dict[str, Any]


def read_trace(path: Path) -> list[Event]:
    """Returns the events of a trace file."""
    with gzip.open(path, "rt") as file:
        events: list[Event] = json.load(file)["traceEvents"]
    return events


def assert_is_sound(events: list[Event]) -> None:
    """Checks what holds for every trace, whatever was recorded."""
    names = {(event["pid"], event["tid"]): event["args"]["name"] for event in events if event["name"] == "thread_name"}
    processes = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert len(set(processes.values())) == len(processes)
    slices = defaultdict(list)
    for event in events:
        assert {"name", "ph", "pid", "tid"} <= event.keys()
        assert event["pid"] in processes and (event["pid"], event["tid"]) in names
        if event["ph"] == "X":
            assert event["ts"] >= 0 and event["dur"] >= 0
            slices[event["pid"], event["tid"]].append((event["ts"], -event["dur"]))
    for track in slices.values():
        assert_nests(track)
    assert_flows_are_whole([event for event in events if event["ph"] in "stf"], slices)


def assert_nests(track: list[tuple[float, float]]) -> None:
    """Checks that spans of one thread lie within one another or do not overlap; times have a resolution of a nanosecond."""
    ends: list[float] = []
    for begin, minus_length in sorted(track):
        while ends and ends[-1] <= begin + 0.002:
            ends.pop()
        assert not ends or begin - minus_length <= ends[-1] + 0.002
        ends.append(begin - minus_length)


def assert_flows_are_whole(flows: list[Event], slices: dict[tuple[int, int], list[tuple[float, float]]]) -> None:
    """Checks that each arrow begins, passes and ends, in this order, each time within a span."""
    by_number = defaultdict(list)
    for event in flows:
        by_number[event["id"]].append(event)
        assert any(begin <= event["ts"] <= begin - length for begin, length in slices[event["pid"], event["tid"]])
    for ends in by_number.values():
        assert [event["ph"] for event in ends] == ["s", "t", "f"]
        assert ends[0]["ts"] <= ends[1]["ts"] <= ends[2]["ts"] and ends[0]["pid"] == ends[2]["pid"] != ends[1]["pid"]


def test_a_recording_becomes_a_sound_trace(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.json.gz", make_recording())
    events = read_trace(tmp_path / "trace.json.gz")
    assert_is_sound(events)
    assert [path.name for path in tmp_path.iterdir()] == ["trace.json.gz"]


def test_each_request_goes_to_the_device_of_its_server(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.json.gz", make_recording_of_two_servers())
    events = read_trace(tmp_path / "trace.json.gz")
    assert_is_sound(events)
    names = {event["pid"]: event["args"]["name"] for event in events if event["name"] == "process_name"}
    flows = [(names[event["pid"]], event["ts"] // 1e4) for event in events if event["ph"] in "stf"]
    assert flows == [
        *(("actor-0", 0), ("server-0", 2), ("actor-0", 2)),
        *(("actor-1", 3), ("server-1", 6), ("actor-1", 8)),
    ]


def test_every_role_is_a_process_with_device_and_prefetcher_as_threads(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.json.gz", make_recording())
    events = read_trace(tmp_path / "trace.json.gz")
    processes = [event["args"]["name"] for event in events if event["name"] == "process_name"]
    threads = [event["args"]["name"] for event in events if event["name"] == "thread_name"]
    assert processes == ["actor-0", "actor-1", "server", "learner", "evaluator"]
    assert threads == ["main", "main", "main", "device", "main", "prefetch", "main"]


def test_each_answered_request_has_an_arrow_and_no_other(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.json.gz", make_recording())
    arrows = [event for event in read_trace(tmp_path / "trace.json.gz") if event["ph"] == "t"]
    assert sorted((event["ts"], event["pid"]) for event in arrows) == [(11000.0, 3), (11000.0, 3), (34000.0, 3), (34000.0, 3)]


def test_a_slice_tells_name_time_and_argument(tmp_path: Path) -> None:
    write_trace(tmp_path / "trace.json.gz", make_recording())
    found = [event for event in read_trace(tmp_path / "trace.json.gz") if event["pid"] == 3 and event["name"] == "forward"]
    assert found[0] == {"name": "forward", "ph": "X", "ts": 11000.0, "dur": 10000.0, "pid": 3, "tid": 2, "args": {"leaves": 8}}


def test_a_large_recording_shows_the_newest_spans_of_each_thread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chrome_trace, "MAX_SPANS", 28)
    write_trace(tmp_path / "trace.json.gz", make_recording())
    events = read_trace(tmp_path / "trace.json.gz")
    assert_is_sound(events)
    assert [event["name"] for event in events if event["ph"] == "X" and event["pid"] == 1] == [
        "game step",
        "throttled",
        "send",
        "wait reply",
    ]


def test_an_arrow_never_begins_after_its_request_is_computed(tmp_path: Path) -> None:
    recording = make_recording()
    late = [replace(track, spans=with_late_sender(track.spans)) for track in recording.tracks]
    write_trace(tmp_path / "trace.json.gz", replace(recording, tracks=tuple(late)))
    events = read_trace(tmp_path / "trace.json.gz")
    assert_is_sound(events)
    assert 11000.0 in [event["ts"] for event in events if event["ph"] == "s"]


def with_late_sender(spans: Spans) -> Spans:
    """Returns spans whose first sender is interrupted until after the forward pass began at 11 ms."""
    is_first = spans.kind == SpanKind.BEGIN_MOVE
    is_wait = (spans.kind == SpanKind.WAIT_REPLY) & (spans.begin == START + 3 * MILLISECOND)
    late = START + 12 * MILLISECOND
    return replace(spans, end=np.where(is_first, late, spans.end), begin=np.where(is_wait, late, spans.begin))
