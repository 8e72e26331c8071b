"""The figures of a profile, by spans whose shares, latencies and rates can be worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from engine.layout import SPAN_CAPACITY, SPAN_WORDS, Counter, SpanKind
from engine.profile_figures import Phase, distribution_of, figures_of, phase_name, shares_of
from engine.profile_report import report_of
from engine.profiler import profile_record
from engine.recording import Track
from engine.trace import SpanRecorder, Spans, read_spans, request_number
from engine.verdict import Limit
from tests.engine.recording_examples import make_recording, make_recording_of_two_servers

FIGURES = figures_of(make_recording())


def phase(group: str, kind: SpanKind, thread: str = "main") -> Phase:
    (found,) = (one for one in FIGURES.phases if (one.group, one.thread, one.phase) == (group, thread, phase_name(kind)))
    return found


def test_shares_are_parts_of_the_time_of_a_thread() -> None:
    assert phase("actors", SpanKind.WAIT_REPLY).share == pytest.approx(0.69)
    assert phase("actors", SpanKind.TREE).share == pytest.approx(0.06)
    assert phase("learner", SpanKind.BACKWARD).share == pytest.approx(0.2)
    assert phase("learner", SpanKind.SAMPLE, "prefetch").share == pytest.approx(0.05)


def test_what_lies_within_a_phase_is_no_part_of_it() -> None:
    recorder = SpanRecorder(np.array([1 << 62]), np.zeros(1, np.int64), records := np.zeros((SPAN_CAPACITY, SPAN_WORDS), np.int64))
    for kind, begin, end in ((SpanKind.SEND, 20, 30), (SpanKind.WAIT_REPLY, 30, 70), (SpanKind.SEARCH, 10, 90), (SpanKind.SEND, 90, 100)):
        recorder.record(kind, begin, end)
    shares = shares_of(read_spans(records, 4, 0, 1, 101), stop=101)
    assert shares[[SpanKind.SEARCH, SpanKind.SEND, SpanKind.WAIT_REPLY]].tolist() == [0.3, 0.2, 0.4]


def test_spans_are_counted_over_all_processes_of_a_role() -> None:
    assert (phase("actors", SpanKind.TREE).count, phase("actors", SpanKind.BEGIN_MOVE).mean_milliseconds) == (2, pytest.approx(3.0))


def test_requests_wait_until_their_forward_pass_and_are_no_part_of_the_servers_time() -> None:
    assert phase_name(SpanKind.QUEUED) not in {one.phase for one in FIGURES.phases}
    assert (FIGURES.queue_milliseconds.count, FIGURES.queue_milliseconds.mean) == (4, pytest.approx(5.0))


def test_latency_runs_from_a_request_to_its_own_reply() -> None:
    assert (FIGURES.latency_milliseconds.count, FIGURES.latency_milliseconds.p50) == (4, pytest.approx(20.0))


def test_a_reply_before_its_request_is_that_of_another_one() -> None:
    recording = make_recording()
    tracks = [replace(track, spans=with_a_number_again(track)) if track.group == "actors" else track for track in recording.tracks]
    found = figures_of(replace(recording, tracks=tuple(tracks))).latency_milliseconds
    assert (found.count, found.p50) == (2, pytest.approx(20.0))


def with_a_number_again(track: Track) -> Spans:
    """Returns spans in which the number of the second reply, at 49 ms, is that of the last request, at 71 ms."""
    number, spans = request_number(track.process_index, 1), track.spans
    argument = np.where(spans.kind == SpanKind.TREE, number + 5, spans.argument)
    return replace(spans, argument=np.where(spans.kind == SpanKind.SEND, number, argument))


def test_rates_are_growth_over_the_interval() -> None:
    rates = (FIGURES.simulations_per_second, FIGURES.moves_per_second, FIGURES.samples_per_second, FIGURES.learner_steps_per_second)
    assert rates == pytest.approx((640, 80, 160, 10))
    assert (FIGURES.replay_ratio, FIGURES.policy_lag_versions) == (2.0, 1.5)


def test_counters_that_are_read_late_dilute_no_share() -> None:
    late = figures_of(make_recording(counted=400))
    assert [(one.phase, one.share) for one in late.phases] == [(one.phase, one.share) for one in FIGURES.phases]
    assert (late.load.device_busy, late.load.learner_busy) == (FIGURES.load.device_busy, FIGURES.load.learner_busy)
    assert (late.seconds, late.simulations_per_second, late.load.server_busy) == pytest.approx((0.4, 160, 0.33 / 4))


def test_passes_across_the_edges_of_a_recording_count_as_busy_time() -> None:
    recording = make_recording()
    recording.after.counters[recording.indices.servers[0], Counter.DEVICE_BUSY_NANOSECONDS] += 70_000_000
    assert figures_of(recording).load.device_busy == pytest.approx(0.92)


def test_figures_of_two_servers_are_of_both() -> None:
    figures = figures_of(make_recording_of_two_servers())
    assert (figures.forward_milliseconds.mean, figures.queue_milliseconds.mean) == (
        pytest.approx((9 + 29) / 2),
        pytest.approx((9 + 19) / 2),
    )
    assert (figures.batch_size.count, figures.batch_size.mean, figures.load.mean_batch) == (2, 4.5, 4.5)
    assert figures.load.device_busy == pytest.approx(0.29)  # of the busiest


def test_the_verdict_is_judged_from_what_was_recorded() -> None:
    load = FIGURES.load
    assert (load.device_busy, load.server_busy, load.mean_batch) == (pytest.approx(0.22), pytest.approx(0.33), 6.0)
    assert (load.learner_busy, load.learner_paused, load.actors_paused) == pytest.approx((0.39, 0.6, 0.1))
    assert load.cores_of == pytest.approx({"actors": 1.0, "server": 0.5})
    assert load.idle_cores == pytest.approx(0.3)
    assert FIGURES.verdict.limit == Limit.REPLAY_RATIO


def test_a_histogram_has_a_bin_for_each_power_of_two() -> None:
    found = distribution_of(np.array([0.0, 0.9, 1.0, 2.0, 3.9, 8.0]), unit=1.0)
    assert found.bins == (2, 1, 2, 0, 1)
    assert distribution_of(np.zeros(0), unit=1.0).count == 0


def test_the_report_begins_with_the_verdict_and_shows_every_phase() -> None:
    report = report_of(FIGURES, "tictactoe")
    assert f"**{FIGURES.verdict.sentence}**" in report.splitlines()[2]
    assert "| actors | wait reply | 69.0% | 6 | 23.000 |" in report
    assert "| learner, prefetch thread | sample | 5.0% | 1 | 5.000 |" in report
    assert "| request to reply, ms | 4 | 20 | 20 | 20 | 20 |" in report
    assert "8 to 16          1  ########################################" in report


def test_a_record_names_the_limit_and_says_the_sentence() -> None:
    record = profile_record(FIGURES)
    assert (record["limit"], record["verdict"]) == ("replay ratio", FIGURES.verdict.sentence)
    assert record["load"]["num_actors"] == 2
