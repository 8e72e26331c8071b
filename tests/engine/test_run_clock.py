"""The clock of a run goes on over its starts, however each of them ended."""

import json
from pathlib import Path

import pytest

from engine.layout import telemetry_layout
from engine.run_clock import METRICS_NAME, run_seconds, seconds_before, start_clock
from engine.shared_memory import Segment
from engine.telemetry import Telemetry


def fresh_telemetry() -> Telemetry:
    return Telemetry(Segment.private(telemetry_layout(1)).arrays)


def write_metrics(run_dir: Path, *lines: str) -> None:
    (run_dir / METRICS_NAME).write_text("".join(lines))


def line(seconds: float) -> str:
    return json.dumps({"elapsed_seconds": 1.0, "run_seconds": seconds, "padding": "x" * 1000}) + "\n"


def test_a_new_run_counts_from_the_start_of_its_command(tmp_path: Path) -> None:
    telemetry = fresh_telemetry()
    start_clock(telemetry, tmp_path, started=100.0)
    assert run_seconds(telemetry, now=107.5) == pytest.approx(7.5)


def test_a_resumed_run_goes_on_where_the_last_start_ended(tmp_path: Path) -> None:
    write_metrics(tmp_path, *(line(float(second)) for second in range(200)))
    telemetry = fresh_telemetry()
    start_clock(telemetry, tmp_path, started=10.0)  # another boot: smaller than what the run has behind it
    assert run_seconds(telemetry, now=11.0) == pytest.approx(200.0)


def test_a_line_that_a_kill_left_half_written_is_passed_over(tmp_path: Path) -> None:
    write_metrics(tmp_path, line(41.0), line(42.0), line(43.0)[:60])
    assert seconds_before(tmp_path) == 42.0


def test_metrics_without_a_clock_count_as_nothing(tmp_path: Path) -> None:
    write_metrics(tmp_path, '{"elapsed_seconds": 5.0}\n')
    assert seconds_before(tmp_path) == seconds_before(tmp_path / "no such folder") == 0.0
