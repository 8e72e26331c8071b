"""Spans: recorded only while they are asked for, kept in order, the oldest lost and counted; written by the roles that they tell of."""

import time
import timeit

import numpy as np
import pytest

from engine.inference_client import START_SHIFT
from engine.layout import NO_REQUEST, SPAN_CAPACITY, SPAN_WORDS, Control, SpanKind, ThreadTrack, telemetry_layout
from engine.shared_memory import Segment
from engine.step_spans import StepSpans
from engine.telemetry import Telemetry
from engine.trace import CLIENT_SHIFT, WRITTEN_MEANWHILE, SpanRecorder, read_spans, request_number, silent_recorder
from muzero.train_step import StepPhase

FOR_EVER = 1 << 62


@pytest.fixture
def telemetry() -> Telemetry:
    """Telemetry of two processes that record."""
    telemetry = Telemetry(Segment.private(telemetry_layout(2)).arrays)
    telemetry.set_control(Control.RECORD_UNTIL_NANOSECONDS, FOR_EVER)
    return telemetry


def test_nothing_is_recorded_while_nobody_asks(telemetry: Telemetry) -> None:
    telemetry.set_control(Control.RECORD_UNTIL_NANOSECONDS, 0)
    spans = telemetry.block(0).spans
    assert spans.begin() == 0
    assert spans.end(SpanKind.TREE, 0) == 0
    assert telemetry.span_counts().tolist() == [0, 0, 0, 0]


def test_recording_ends_by_itself_at_its_time(telemetry: Telemetry) -> None:
    telemetry.set_control(Control.RECORD_UNTIL_NANOSECONDS, time.monotonic_ns() - 1)
    assert telemetry.block(0).spans.begin() == 0


def test_a_span_is_read_back_from_the_ring_of_its_thread(telemetry: Telemetry) -> None:
    started = time.monotonic_ns()
    spans = telemetry.thread_spans(ThreadTrack.PREFETCH)
    began = spans.begin()
    ended = spans.end(SpanKind.SAMPLE, began, 64)
    found = telemetry.read_spans(2, 0, started, ended + 1)
    assert (found.begin.tolist(), found.end.tolist()) == ([began], [ended])
    assert (found.kind.tolist(), found.argument.tolist(), found.num_lost) == ([SpanKind.SAMPLE], [64], 0)
    assert telemetry.span_counts().tolist() == [0, 0, 1, 0]


def test_spans_come_in_the_order_of_their_begin_with_the_outer_one_first(telemetry: Telemetry) -> None:
    spans = telemetry.block(1).spans
    for kind, begin, end in ((SpanKind.SEND, 20, 30), (SpanKind.WAIT_REPLY, 30, 50), (SpanKind.SEARCH, 20, 60), (SpanKind.DRAW, 10, 20)):
        spans.record(kind, begin, end)
    found = telemetry.read_spans(1, 0, 0, 100)
    assert found.kind.tolist() == [SpanKind.DRAW, SpanKind.SEARCH, SpanKind.SEND, SpanKind.WAIT_REPLY]


def test_only_the_interval_is_read_and_what_outlasts_it_is_cut(telemetry: Telemetry) -> None:
    spans = telemetry.block(0).spans
    for begin, end in ((5, 12), (12, 15), (18, 30), (20, 21)):
        spans.record(SpanKind.TREE, begin, end)
    found = telemetry.read_spans(0, 0, 10, 20)
    assert (found.begin.tolist(), found.end.tolist()) == ([12, 18], [15, 20])


def test_a_full_ring_loses_the_oldest_spans_and_says_how_many() -> None:
    until, count = np.array([FOR_EVER]), np.zeros(1, np.int64)
    records = np.zeros((SPAN_CAPACITY, SPAN_WORDS), np.int64)
    spans = SpanRecorder(until, count, records)
    for number in range(1, SPAN_CAPACITY + 4):
        spans.record(SpanKind.TREE, number, number + 1, number)
    found = read_spans(records, int(count[0]), 0, 0, FOR_EVER)
    lost = 3 + WRITTEN_MEANWHILE
    assert (found.num_lost, len(found), found.argument[0], found.since) == (lost, SPAN_CAPACITY + 3 - lost, lost + 1, lost + 2)


def test_spans_from_before_the_interval_are_not_lost_but_not_asked_for(telemetry: Telemetry) -> None:
    spans = telemetry.block(0).spans
    spans.record(SpanKind.TREE, 1, 2)
    before = int(telemetry.span_counts()[0])
    spans.record(SpanKind.TREE, 3, 4)
    assert telemetry.read_spans(0, before, 0, 10).begin.tolist() == [3]


def test_request_numbers_differ_between_clients_and_from_no_request() -> None:
    numbers = {request_number(client, request) for client in (0, 1, 500) for request in (0, 1, 10**9)}
    assert len(numbers) == 9 and NO_REQUEST not in numbers and max(numbers) < 2**63
    starts = {request_number(1, start << START_SHIFT) for start in (0, 1, 255)}
    assert len(starts) == 3
    assert request_number(1, 999 << START_SHIFT) >> CLIENT_SHIFT == 1


def test_a_recorder_that_nobody_asks_takes_any_number_of_spans() -> None:
    spans = silent_recorder()
    for number in range(3):
        spans.record(SpanKind.TREE, 1, 2, number)
    assert spans.begin() == 0


def test_phases_of_a_training_step_follow_one_another_without_a_gap(telemetry: Telemetry) -> None:
    step = StepSpans(telemetry.block(0).spans)
    step.begin()
    for phase in StepPhase:
        step(phase)
    found = telemetry.read_spans(0, 0, 0, FOR_EVER)
    kinds = [SpanKind.HOST_TO_DEVICE, SpanKind.FORWARD, SpanKind.BACKWARD, SpanKind.READ_LOSS, SpanKind.OPTIMIZER]
    assert found.kind.tolist() == kinds
    assert found.begin[1:].tolist() == found.end[:-1].tolist()


def test_a_span_that_nobody_asks_for_costs_less_than_a_microsecond(telemetry: Telemetry) -> None:
    telemetry.set_control(Control.RECORD_UNTIL_NANOSECONDS, 0)
    spans = telemetry.block(0).spans
    seconds = min(timeit.repeat(lambda: spans.end(SpanKind.TREE, spans.begin()), number=10_000, repeat=20)) / 10_000
    assert seconds < 1e-6  # 70 ns on a quiet machine
