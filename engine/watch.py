"""Looks at a running run once a second: shows and stores its status, and says when it should end. Processes are not its matter."""

import time
from pathlib import Path

from engine.config import RunConfig
from engine.display import Display
from engine.environment_failures import latest_traceback
from engine.evaluation_text import evaluation_text
from engine.metrics_log import MetricsLog
from engine.status import Status, StatusReader

STATUS_SECONDS = 1.0
LONG_WAIT_FRACTION = 0.25
"""Part of the learner's time that it may wait for fresh positions before that is said."""
LONG_WAIT_LOOKS = 15
"""Looks in a row at such a wait before it is said: the wait for the first fresh positions, which every run has, is over by then, and out
of the seconds that a status tells of."""


class Watch:
    """Reads the status once a second, shows and stores it, and decides whether the run should end."""

    def __init__(self, config: RunConfig, run_dir: Path, display: Display, reader: StatusReader, resumed_at: int | None) -> None:
        self._config = config
        self._run_dir = run_dir
        self._display = display
        self._reader = reader
        self._metrics = MetricsLog(run_dir, resumed_at)
        self._next_look = time.monotonic()
        self._evaluations = 0
        self._good_evaluations = 0
        self._failures_before: int | None = 0 if resumed_at is None else None
        self._has_shown_failure = False
        self._looks_at_wait = 0
        self._has_said_when_learning_begins = False
        self.reason = ""

    def look(self, roles: dict[str, str], restarts: int) -> bool:
        """Shows the status if a second has passed; returns whether the run should end, with the reason in `reason`."""
        now = time.monotonic()
        if now < self._next_look:
            return bool(self.reason)
        self._next_look = now + STATUS_SECONDS
        status = self.look_now(roles, restarts)
        minutes = self._config.minutes
        if not self.reason and minutes is not None and status.elapsed_seconds >= 60 * minutes:
            self.reason = f"the time limit of {minutes:g} minutes is reached"
        return bool(self.reason)

    def look_now(self, roles: dict[str, str], restarts: int) -> Status:
        """Shows, stores and returns the status of this moment."""
        status = self._reader.read(time.monotonic(), roles, restarts)
        self._metrics.write(status)
        self._display.update(status)
        self._look_at_beginning(status)
        self._look_at_evaluation(status)
        self._look_at_failures(status)
        self._look_at_reanalysis(status)
        return status

    def close(self) -> None:
        """Closes the metrics."""
        self._metrics.close()

    def _look_at_beginning(self, status: Status) -> None:
        """Says once, after the first stored game, what learning waits for; a run that learns, or has learned, waits for nothing."""
        min_steps = self._config.replay.min_steps
        if 0 < status.ring_steps < min_steps and status.learner_steps == 0 and not self._has_said_when_learning_begins:
            self._has_said_when_learning_begins = True
            self._display.message(f"learning begins once {min_steps:,} steps are stored (replay.min_steps)")

    def _look_at_failures(self, status: Status) -> None:
        """Shows the first exception that ended a game or an evaluation; later ones are only counted."""
        if self._failures_before is None:
            self._failures_before = status.failed_games
        if status.failed_games > self._failures_before and not self._has_shown_failure:
            self._has_shown_failure = True
            self._display.message(f"an exception ended a game or an evaluation; more are only counted:\n{latest_traceback(self._run_dir)}")

    def _look_at_reanalysis(self, status: Status) -> None:
        """Says once that reanalysis holds learning up for long; how much it does later is in the status."""
        if self._looks_at_wait == LONG_WAIT_LOOKS:
            return
        is_waiting = status.learner_steps > 0 and status.fresh_wait_fraction > LONG_WAIT_FRACTION
        self._looks_at_wait = self._looks_at_wait + 1 if is_waiting else 0
        if self._looks_at_wait == LONG_WAIT_LOOKS:
            self._display.message(
                f"learning waits for fresh positions ({status.fresh_wait_fraction:.0%} of the time): give more --reanalyzers or a larger "
                "reanalyze.samples_per_position or reanalyze.max_policy_age"
            )

    def _look_at_evaluation(self, status: Status) -> None:
        if status.evaluations == self._evaluations:
            return
        self._evaluations = status.evaluations
        self._display.message(f"evaluation at learner step {status.evaluated_step}: {evaluation_text(status)}")
        evaluation = self._config.evaluation
        if evaluation.stop_score is None or self.reason:
            return
        self._good_evaluations = self._good_evaluations + 1 if status.score >= evaluation.stop_score else 0
        if self._good_evaluations >= evaluation.stop_evaluations:
            self.reason = f"{self._good_evaluations} evaluations in a row reached the score {evaluation.stop_score:g}"
