"""Profiles a live run from the outside: says when to record, reads what was recorded, and has it written. Imports neither torch nor Numba.

It belongs to the process that watches the run. Files are written in a thread, since the run must be watched meanwhile; what is asked for
by another process comes through `engine/profile_files.py`.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from engine.chrome_trace import write_trace
from engine.config import RunConfig
from engine.durable_files import write_atomically
from engine.governor import CATCH_UP_SECONDS, governor_of
from engine.layout import Control, Counter
from engine.machine_load import cpu_seconds, idle_core_seconds, usable_cores
from engine.profile_figures import Figures, figures_of
from engine.profile_files import TRACE_FOLDER, ProfileRequest, answer_request, take_request
from engine.profile_report import report_of
from engine.recording import NANOSECONDS, Moment, Recording, moment_of_run, record_of
from engine.telemetry import ProcessIndices, Telemetry

TRACE_NAME = "profile.json.gz"
REPORT_NAME = "profile.md"
LATE_SECONDS = 5.0
"""Recording ends by itself if this process is so late to end it."""
LAST_SECONDS = 60.0
"""Longest wait for the files at the end of a run."""
JOIN_SECONDS = 0.2


class Profiler:
    """Records a run when asked to: once at its command, and whenever a request lies in its folder.

    Args:
        config: the run.
        run_dir: its folder.
        telemetry: its telemetry.
        indices: its processes.
        pids: returns the process id of each role that runs.
        tell: told of each profile.
        seconds: how long to record once the run is in its steady state, None for not at all.
    """

    def __init__(
        self,
        config: RunConfig,
        run_dir: Path,
        telemetry: Telemetry,
        indices: ProcessIndices,
        pids: Callable[[], Mapping[str, int]],
        tell: Callable[[str], None],
        seconds: float | None,
    ) -> None:
        self._config, self._run_dir, self._telemetry, self._indices = config, run_dir, telemetry, indices
        self._pids, self._tell, self._seconds = pids, tell, seconds
        self._first_step = telemetry.control(Control.LEARNER_STEPS)
        self._learning_since: float | None = None
        self._before: Moment | None = None
        self._stop_at, self._until = 0.0, 0
        self._request: ProfileRequest | None = None
        self._writer: threading.Thread | None = None
        self._written: dict[str, Any] | None = None

    def look(self) -> None:
        """Does what is due; call it several times a second."""
        if self._writer is not None and not self._writer.is_alive():
            self._report()
        if self._before is None and self._writer is None:
            self._begin_if_wanted()
            return
        seconds = max(1.0, self._stop_at - time.monotonic())  # writing takes about as long
        self._refuse_others(f"the run records another profile: ask again in {seconds:.0f} seconds.")
        if self._before is not None and time.monotonic() >= self._stop_at:
            self._end()

    def end(self) -> None:
        """Ends with the training: what was recorded so far is written, while whatever still has to be done goes on."""
        if self._before is not None:
            self._end()

    def look_after_training(self) -> None:
        """Does what is due while the last weights are evaluated: tells what is written, and refuses whoever asks now."""
        if self._writer is not None and not self._writer.is_alive():
            self._report()
        self._refuse_others("the training has ended: there is nothing to record any more.")

    def finish(self, is_hurried: Callable[[], bool]) -> None:
        """Ends with the run: what was recorded is written and told when this returns.

        Args:
            is_hurried: asked several times a second; True leaves unwritten what is not written yet.
        """
        self.end()
        if self._seconds is not None:
            self._tell("profile: the run ended before its learning was in a steady state, so nothing was recorded")
        if self._writer is not None:
            deadline = time.monotonic() + LAST_SECONDS
            while self._writer.is_alive() and time.monotonic() < deadline and not is_hurried():
                self._writer.join(timeout=JOIN_SECONDS)
            self._report()

    def _begin_if_wanted(self) -> None:
        self._request = take_request(self._run_dir)
        if self._request is not None:
            self._begin(self._request.seconds)
        elif self._seconds is not None and self._is_steady():
            self._begin(self._seconds)
            self._seconds = None

    def _refuse_others(self, reason: str) -> None:
        """Tells whoever asks meanwhile why not: a recording may take minutes, and there is one at a time."""
        request = take_request(self._run_dir)
        if request is not None:
            self._answer(request, {"error": reason})

    def _is_steady(self) -> bool:
        """Returns whether learning has begun and caught up with the moves that were stored before it."""
        if self._telemetry.control(Control.LEARNER_STEPS) <= self._first_step:
            return False
        self._learning_since = self._learning_since or time.monotonic()
        telemetry = self._telemetry
        env_steps = telemetry.control(Control.ENV_STEPS_BASE) + telemetry.total(Counter.ENV_STEPS, self._indices.actors)
        samples = telemetry.block(self._indices.learner).get(Counter.SAMPLES)
        return governor_of(self._config).has_caught_up(samples, env_steps) or time.monotonic() >= self._learning_since + CATCH_UP_SECONDS

    def _begin(self, seconds: float) -> None:
        self._before = self._moment()
        self._stop_at = time.monotonic() + seconds
        self._until = self._before.nanoseconds + int(NANOSECONDS * (seconds + LATE_SECONDS))
        self._telemetry.set_control(Control.RECORD_UNTIL_NANOSECONDS, self._until)
        self._tell(f"profile: recording for {seconds:g} s")

    def _end(self) -> None:
        """Reads what was recorded and has it written."""
        assert self._before is not None
        self._telemetry.set_control(Control.RECORD_UNTIL_NANOSECONDS, 0)
        recording = record_of(self._telemetry, self._config, self._before, self._moment(), self._until, usable_cores())
        self._before = None
        self._writer = threading.Thread(target=self._write, args=(recording,), name="profile", daemon=True)
        self._writer.start()

    def _moment(self) -> Moment:
        """Returns the numbers of this moment."""
        pids = {**self._pids(), "supervisor": os.getpid()}
        taken = {(pid, role): seconds for role, pid in pids.items() if (seconds := cpu_seconds(pid)) is not None}
        idle = idle_core_seconds(os.sched_getaffinity(0))
        return moment_of_run(self._telemetry, time.monotonic_ns(), taken, idle)

    def _write(self, recording: Recording) -> None:
        """Writes the profile, in a thread of its own; whatever fails here must not cost the run."""
        try:
            record = write_profile(self._run_dir, recording)
        except Exception as error:
            record = {"error": f"the profile could not be written ({type(error).__name__}: {error})."}
        self._written = record

    def _report(self) -> None:
        """Tells what was written, here and where it was asked for."""
        self._writer = None
        record = self._written or {"error": "the run ended before the profile was written."}
        self._written = None
        if "error" in record:
            self._tell(f"profile: {record['error']}")
        else:
            self._tell(f"profile: {record['verdict']}")
            self._tell(f"profile: {record['report']}, and {record['trace']} for https://ui.perfetto.dev")
        if self._request is not None:
            self._answer(self._request, record)
            self._request = None

    def _answer(self, request: ProfileRequest, record: dict[str, Any]) -> None:
        with suppress(OSError):  # a full disk costs the answer, not the run
            answer_request(self._run_dir, request.identity, record)


def write_profile(run_dir: Path, recording: Recording) -> dict[str, Any]:
    """Writes the files of a profile and returns it as a record, ready for JSON.

    Args:
        run_dir: the run's folder.
        recording: what was recorded.
    """
    figures = figures_of(recording)
    folder = run_dir / TRACE_FOLDER
    write_trace(folder / TRACE_NAME, recording)
    write_atomically(folder / REPORT_NAME, report_of(figures, recording.config.env.name))
    return profile_record(figures) | {"report": str(folder / REPORT_NAME), "trace": str(folder / TRACE_NAME)}


def profile_record(figures: Figures) -> dict[str, Any]:
    """Returns figures as JSON can hold them: `limit` and `verdict` are the verdict's name and sentence."""
    return asdict(figures) | {"limit": figures.verdict.limit.value, "verdict": figures.verdict.sentence}
