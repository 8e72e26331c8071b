"""Measures a trial of `muzero tune`: a real run in a temporary folder, ended after some steady seconds. What is tried stands elsewhere."""

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import msgspec

from engine.config import CheckpointConfig, EvaluationConfig, RunConfig
from engine.errors import RunFailed
from engine.governor import governor_of
from engine.layout import State
from engine.status import Status
from engine.stop_signals import StopSignals
from engine.training import train
from launch.tune_search import Figures

PIECE_STEPS = 32
"""Long episodes are stored in pieces of so many steps: learning would else begin when the first games end, which may take minutes."""
CATCH_UP_SECONDS = 10.0
"""What was stored before the first learner step is little and soon trained on: a learner that takes longer is what limits the run."""
PATIENCE_SECONDS = 180.0
"""Longest wait until learning is steady, once all processes are there."""
NEVER_SECONDS = 1e9
MANY_STEPS = 1_000_000_000
RESTARTING = ": starting it again"
"""Stands in the event of a role that died, see `engine/supervisor.py`."""
Show = Callable[[Callable[[], str]], None]
"""Shows the text that a function returns, see `progress_line`."""


class TrialStopped(Exception):
    """A signal ended the trial, or came before it began."""


class TrialEnded(Exception):
    """The trial is over: raised out of the run, which is killed at once rather than drained, for there is nothing to save."""

    def __init__(self, outcome: Figures | RunFailed) -> None:
        """Keeps what the trial led to."""
        super().__init__(outcome)
        self.outcome = outcome


def measure_trial(config: RunConfig, seconds: float, signals: StopSignals, name: str = "", show: Show = lambda text: None) -> Figures:
    """Returns how fast a configuration runs.

    Args:
        config: what a user would run.
        seconds: how long to measure, once learning is steady.
        signals: counts what should end it.
        name: what the trial is called.
        show: shown how far it is.

    Raises:
        MuZeroError: it cannot run on this machine, a process of it died, or it did not become steady.
        TrialStopped: a signal came.
    """
    if signals.count:
        raise TrialStopped
    display = TrialDisplay(trial_config(config), seconds, lambda phase: show(lambda: f"{name}: {phase}"))
    with tempfile.TemporaryDirectory(prefix="mz-tune-") as folder:
        try:
            train(display.config, run_dir=Path(folder), mode="new", display=display, command_line=sys.argv, signals=signals)
        except TrialEnded as end:
            if isinstance(end.outcome, RunFailed):
                raise end.outcome from None
            return end.outcome
    raise TrialStopped


def trial_config(config: RunConfig) -> RunConfig:
    """Returns a configuration without an end, evaluations and checkpoints, that learns as soon as it has a batch."""
    replace = msgspec.structs.replace
    return replace(
        config,
        steps=None,
        minutes=None,
        self_play=replace(config.self_play, max_trajectory_steps=min(config.self_play.max_trajectory_steps, PIECE_STEPS)),
        training=replace(config.training, training_steps=MANY_STEPS),
        replay=replace(config.replay, min_steps=min(config.replay.min_steps, config.training.batch_size)),
        evaluation=EvaluationConfig(is_enabled=False),
        checkpoint=CheckpointConfig(interval_seconds=NEVER_SECONDS),
    )


class TrialDisplay:
    """The Display of a trial: waits until learning is steady, measures, and ends the run by raising TrialEnded."""

    def __init__(self, config: RunConfig, seconds: float, show: Callable[[str], None]) -> None:
        """Begins before the run.

        Args:
            config: of the run, see `trial_config`.
            seconds: how long to measure.
            show: told in words what the trial does.
        """
        self.config, self._seconds, self._show = config, seconds, show
        self._run_dir = Path()
        self._death = ""
        self._first_ready: Status | None = None
        self._first_learning: Status | None = None
        self._first_steady: Status | None = None

    def start(self, config: RunConfig, run_dir: Path) -> None:
        """See Display."""
        self._run_dir = run_dir
        self._show("starting")

    def update(self, status: Status) -> None:
        """See Display."""
        if status.restarts or self._death:
            raise TrialEnded(RunFailed(f"{self._death}{last_words(self._run_dir)}."))
        if self._first_steady is None:
            self._wait_until_steady(status)
            return
        seconds = _seconds_between(self._first_steady, status)
        self._show(f"measured {seconds:.0f} of {self._seconds:g} s")
        if seconds >= self._seconds:
            raise TrialEnded(figures_between(self._first_steady, status))

    def message(self, text: str) -> None:
        """See Display."""
        if RESTARTING in text:
            self._death = text.partition(RESTARTING)[0]

    def close(self) -> None:
        """See Display."""

    def _wait_until_steady(self, status: Status) -> None:
        """Looks whether to begin measuring, or to give up."""
        if self._first_ready is None:
            self._first_ready = None if State.STARTING.name in status.roles.values() else status
            return
        self._show("waits for the first learner steps" if status.learner_steps == 0 else "waits until learning is steady")
        if self._is_steady(status):
            self._first_steady = status
        elif _seconds_between(self._first_ready, status) > PATIENCE_SECONDS:
            counts = f"{status.env_steps:,} moves, {status.learner_steps:,} learner steps"
            remedy = "set fewer games, a lower search.num_simulations or a smaller network"
            raise TrialEnded(RunFailed(f"learning was not steady within {PATIENCE_SECONDS:.0f} s ({counts}): {remedy}."))

    def _is_steady(self, status: Status) -> bool:
        """Returns whether the learner has caught up with the moves stored before its first step, or holds the actors back."""
        if status.learner_steps == 0:
            return False
        self._first_learning = self._first_learning or status
        config, governor = self.config, governor_of(self.config)
        samples = status.learner_steps * config.training.batch_size
        if governor.has_caught_up(samples, status.env_steps):
            return True
        num_games = config.actors.num_actors * config.actors.games_per_actor
        has_held_actors = status.env_steps <= governor.env_step_limit(samples, governor.min_steps) + num_games
        return has_held_actors and _seconds_between(self._first_learning, status) >= CATCH_UP_SECONDS


def figures_between(before: Status, after: Status) -> Figures:
    """Returns how fast a run was between two looks at it."""
    seconds = max(_seconds_between(before, after), 1e-9)
    return Figures(
        moves_per_second=round((after.env_steps - before.env_steps) / seconds, 2),
        simulations_per_second=round((after.simulations - before.simulations) / seconds, 1),
        learner_steps_per_second=round((after.learner_steps - before.learner_steps) / seconds, 2),
        limit=str(after.limit),
    )


def last_words(run_dir: Path) -> str:
    """Returns the last line that a process of a run left when it crashed, in brackets, or an empty text."""
    path = max((run_dir / "crash").glob("*.txt"), default=None, key=lambda path: path.stat().st_mtime_ns)
    lines = path.read_text(errors="replace").split("\n") if path else []
    return next((f" ({line.strip().rstrip('.')})" for line in reversed(lines) if line.strip()), "")


def _seconds_between(before: Status, after: Status) -> float:
    return after.elapsed_seconds - before.elapsed_seconds
