"""What a person or a program sees of a run while it trains: a live screen, plain lines or JSON lines. No numbers are made here."""

import json
import math
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live

from engine.config import RunConfig
from engine.display import Display
from engine.status import Status, status_record
from launch.control_keys import unechoed_control_keys
from launch.screen import Event, clock, compact, number, percent, progress_fraction, screen

LINE_SECONDS = 10.0
"""Time between two lines of the plain and the JSON display."""
NUM_EVENTS = 6
"""Latest events on the live screen."""


def make_display(*, json_logs: bool) -> Display:
    """Returns the display for this output: JSON if asked for, the live screen on a terminal, lines elsewhere."""
    if json_logs:
        return LineDisplay(JSON)
    console = Console(highlight=False)
    return RichDisplay(console) if console.is_terminal and not console.is_dumb_terminal else LineDisplay(PLAIN)


class RichDisplay:
    """A screen that redraws itself in place."""

    def __init__(self, console: Console) -> None:
        """Remembers where to draw.

        Args:
            console: a terminal.
        """
        self._console = console
        self._live: Live | None = None
        self._restored = ExitStack()
        self._events: list[Event] = []
        self._config, self._run_dir = RunConfig(), Path()
        self._status: Status | None = None

    def start(self, config: RunConfig, run_dir: Path) -> None:
        """See Display."""
        self._config, self._run_dir = config, run_dir
        self._restored.enter_context(unechoed_control_keys(self._console.file))
        self._live = Live(console=self._console, auto_refresh=False, vertical_overflow="crop")
        self._live.start()
        self._draw()

    def update(self, status: Status) -> None:
        """See Display."""
        self._status = status
        self._draw()

    def message(self, text: str) -> None:
        """See Display; what comes before the start or after the end stands above or below the screen."""
        if self._live is None:
            self._console.print(text, markup=False, highlight=False)
            return
        if "\n" in text:  # the screen has one line for an event: a traceback stands above it, whole
            self._live.console.print(text, markup=False, highlight=False)
        elapsed_seconds = self._status.elapsed_seconds if self._status else 0.0
        self._events = [*self._events, Event(elapsed_seconds, text)][-NUM_EVENTS:]
        self._draw()

    def close(self) -> None:
        """See Display; the screen stays as it was last."""
        if self._live is not None:
            self._live.stop()
            self._live = None
            self._restored.close()

    def _draw(self) -> None:
        """Draws the screen as it is now."""
        if self._live is not None:
            width, height = self._console.size
            picture = screen(self._config, self._run_dir, self._status, self._events, width=width, height=height)
            self._live.update(picture, refresh=True)


@dataclass(frozen=True)
class LineFormat:
    """How a run is told in lines.

    Attributes:
        start: the line of what starts.
        status: the line of a status.
        message: the line of an event, given its text and the seconds since the start.
    """

    start: Callable[[RunConfig, Path], str]
    status: Callable[[Status], str]
    message: Callable[[str, float], str]


class LineDisplay:
    """One line every 10 s and one per event, for files, pipes, CI and programs."""

    def __init__(self, line_format: LineFormat) -> None:
        """Starts with nothing shown.

        Args:
            line_format: PLAIN or JSON.
        """
        self._format = line_format
        self._next_line_at = -math.inf
        self._unshown: Status | None = None
        self._elapsed_seconds = 0.0

    def start(self, config: RunConfig, run_dir: Path) -> None:
        """See Display."""
        click.echo(self._format.start(config, run_dir))

    def update(self, status: Status) -> None:
        """See Display."""
        self._unshown, self._elapsed_seconds = status, status.elapsed_seconds
        if time.monotonic() >= self._next_line_at:
            self._next_line_at = time.monotonic() + LINE_SECONDS
            self._show()

    def message(self, text: str) -> None:
        """See Display."""
        click.echo(self._format.message(text, self._elapsed_seconds))

    def close(self) -> None:
        """See Display."""
        self._show()

    def _show(self) -> None:
        """Prints the latest status unless it has been printed."""
        if self._unshown is not None:
            click.echo(self._format.status(self._unshown))
            self._unshown = None


def start_line(config: RunConfig, run_dir: Path) -> str:
    """Returns what starts as one line."""
    return f"training {config.env.name} in {run_dir}, seed {config.seed}, {config.actors.num_actors} actors"


def message_line(text: str, elapsed_seconds: float) -> str:
    """Returns an event as one line."""
    return f"{clock(elapsed_seconds)}  {text}"


def status_line(status: Status) -> str:
    """Returns the status as one line."""
    parts: tuple[str, ...] = (
        f"step {status.learner_steps:,}/{status.training_steps:,} ({progress_fraction(status):.0%})",
        f"env {compact(status.env_steps_per_second)}/s",
        f"sims {compact(status.simulations_per_second)}/s",
        f"learner {compact(status.learner_steps_per_second)}/s",
        f"fill {percent(status.batch_fill)}",
        f"lag {number(status.policy_lag_versions)}",
        f"ratio {number(status.replay_ratio)}/{number(status.replay_ratio_target)}",
        f"limit {status.limit}",
        f"loss {number(status.total_loss)}",
        f"return {number(status.return_mean)}",
        f"score {number(status.score)}",
        f"ETA {clock(status.eta_seconds)}",
    )
    if status.reanalyzed_per_second > 0 or status.fresh_fraction > 0:
        parts += (
            f"reanalyzed {compact(status.reanalyzed_per_second)}/s",
            f"fresh {percent(status.fresh_fraction)}, age {number(status.fresh_age_mean)}, waited {percent(status.fresh_wait_fraction)}",
        )
    failed = (f"failed games {status.failed_games:,}",) if status.failed_games else ()
    return f"{clock(status.elapsed_seconds)}  " + "  ".join((*parts, *failed))


def json_line(event: str, record: dict[str, Any]) -> str:
    """Returns one event as a JSON object; numbers that are not known are null, as JSON has no NaN."""
    known = {key: None if isinstance(value, float) and not math.isfinite(value) else value for key, value in record.items()}
    return json.dumps({"event": event, "time_seconds": round(time.time(), 3), **known})


def json_start(config: RunConfig, run_dir: Path) -> str:
    """Returns what starts as a JSON object."""
    return json_line("start", {"environment": config.env.name, "run_dir": str(run_dir), "seed": config.seed})


PLAIN = LineFormat(start=start_line, status=status_line, message=message_line)
JSON = LineFormat(
    start=json_start,
    status=lambda status: json_line("status", status_record(status)),
    message=lambda text, elapsed_seconds: json_line("message", {"text": text, "elapsed_seconds": elapsed_seconds}),
)
