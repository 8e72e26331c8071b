"""How long a run has been going, all its starts together: kept in telemetry, and from start to start in `metrics.jsonl`.

Time counts from the start of the command, so warming up and what a killed start had not saved yet are part of it.
"""

import json
import os
import time
from pathlib import Path

from engine.layout import Control
from engine.telemetry import Telemetry

METRICS_NAME = "metrics.jsonl"
TAIL_BYTES = 1 << 16
"""More than the last two lines of the metrics."""


def start_clock(telemetry: Telemetry, run_dir: Path, started: float) -> None:
    """Makes the clock of a run go on where its last start left it.

    Args:
        telemetry: the run's telemetry, where every role reads the clock.
        run_dir: its folder, with the metrics of earlier starts.
        started: when this start began, in seconds on the monotonic clock.
    """
    telemetry.set_control(Control.CLOCK_ZERO_NANOSECONDS, int(1e9 * (started - seconds_before(run_dir))))


def run_seconds(telemetry: Telemetry, now: float | None = None) -> float:
    """Returns how long the run has been going in all its starts together.

    Args:
        telemetry: the run's telemetry.
        now: the moment meant, in seconds on the monotonic clock; this one if None.
    """
    return (time.monotonic() if now is None else now) - telemetry.control(Control.CLOCK_ZERO_NANOSECONDS) / 1e9


def seconds_before(run_dir: Path) -> float:
    """Returns how long the starts of a run took that are over, by its metrics; 0 where there are none.

    A last line that a kill left half written is passed over.
    """
    for line in reversed(_last_lines(run_dir / METRICS_NAME)):
        try:
            return float(json.loads(line)["run_seconds"])
        except (ValueError, KeyError, TypeError):
            continue
    return 0.0


def _last_lines(path: Path) -> list[bytes]:
    try:
        with path.open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - TAIL_BYTES))
            return file.read().splitlines()
    except FileNotFoundError:
        return []
