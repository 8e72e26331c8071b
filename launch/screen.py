"""The picture of the live screen, for one status. When it is drawn is `dashboard.py`'s matter."""

import math
import textwrap
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from engine.config import RunConfig
from engine.evaluation_text import evaluation_text
from engine.status import Status

UNKNOWN = "-"
FIXED_LINES = 19
"""Lines of the screen without events: frame, head, progress, four roles, six rows of numbers, spaces and the cursor's line."""
STATE_STYLES = {"ready": "green", "starting": "yellow", "failed": "bold red", "absent": "dim", "stopped": "dim"}
ONE_PROCESS = "all"
"""What the engine calls the only process of a run without actors."""
ROLES = ("actors", "server", "servers", "learner", "reanalyzers", "evaluator")
EVENT_MARGIN = 16
"""Columns beside the text of an event: frame, time and spaces."""
LINES_OF_REANALYSIS = 2
"""One role and one row of numbers more."""


@dataclass(frozen=True)
class Event:
    """Something that happened, and when."""

    elapsed_seconds: float
    text: str


def screen(config: RunConfig, run_dir: Path, status: Status | None, events: Sequence[Event], *, width: int, height: int) -> RenderableType:
    """Returns the whole screen.

    Args:
        config: the run's configuration.
        run_dir: its folder.
        status: the latest status, None before the first.
        events: the latest events, oldest first; as many of the newest are shown as the height allows.
        width: columns of the terminal.
        height: lines of the terminal.
    """
    if status is None:
        body: list[RenderableType] = [_head(config), Text("starting ...", style="yellow")]
    else:
        body = [_head(config), _progress(status, config.minutes), Text(), _roles(status, config), Text(), _numbers(status, config)]
    fixed_lines = FIXED_LINES + LINES_OF_REANALYSIS * config.reanalyze.is_enabled
    if events:
        body += [Text(), _events(events, width=width - EVENT_MARGIN, num_lines=height - fixed_lines)]
    return Panel(
        Group(*body),
        title=f"[bold]MuZero[/bold] {config.env.name}",
        title_align="left",
        subtitle=Text(str(run_dir), style="dim", overflow="ellipsis", no_wrap=True),
        subtitle_align="right",
        border_style="cyan",
        padding=(0, 1),
    )


def _head(config: RunConfig) -> Text:
    """Returns one line of what is trained."""
    network = config.network
    size = f"{network.hidden_size}" if network.kind == "mlp" else f"{network.num_blocks}x{network.num_channels}"
    rule = f"{config.search.rule}, {config.search.num_simulations} simulations"
    return _line(f"{rule}   {network.kind} {size}   batch {config.training.batch_size}   seed {config.seed}", style="dim")


def _line(text: str, style: str = "") -> Text:
    """Returns a text that is cut rather than wrapped."""
    return Text(text, style=style, no_wrap=True, overflow="ellipsis")


def _progress(status: Status, minutes: float | None) -> Table:
    """Returns the progress bar with times; it follows the steps or the time limit, whichever is further."""
    grid = Table.grid(padding=(0, 2, 0, 0), expand=True)
    grid.add_column(ratio=1)
    grid.add_column(justify="right", no_wrap=True)
    fraction, limit = progress_fraction(status), ""
    if minutes is not None:
        fraction, limit = max(fraction, min(1.0, status.elapsed_seconds / (60 * minutes))), f" of {clock(60 * minutes)}"
    times = f"{clock(status.elapsed_seconds)}{limit}  ETA {clock(status.eta_seconds)}"
    words = f"{status.learner_steps:,} / {status.training_steps:,}  {fraction:4.0%}  {times}"
    grid.add_row(ProgressBar(total=1.0, completed=fraction, complete_style="cyan", finished_style="green"), Text(words, style="bold"))
    return grid


def progress_fraction(status: Status) -> float:
    """Returns the part of the learner steps done, in [0, 1]."""
    return min(1.0, status.learner_steps / max(1, status.training_steps))


def _roles(status: Status, config: RunConfig) -> Table:
    """Returns one row per role: how its processes are and what they do."""
    batch = f"batch {number(status.batch_size_mean)}, {percent(status.batch_fill)} full"
    inference = f"{compact(status.simulations_per_second)} sims/s   {batch}"
    work = {
        "actors": f"{compact(status.env_steps_per_second)} moves/s   {compact(status.games_per_second)} games/s",
        "server": inference,
        "servers": inference,
        "learner": _learning(status, config),
        "evaluator": _evaluation(status),
    }
    if config.reanalyze.is_enabled:
        share = f"{percent(status.reanalysis_share)} of all sims"
        work["reanalyzers"] = f"{compact(status.reanalyzed_per_second)} positions/s   {share}"
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(style="cyan", width=11 if config.reanalyze.is_enabled else 9, no_wrap=True)
    grid.add_column(min_width=9, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    states = states_by_role(status.roles)
    for role in ROLES:
        of_role = states.get(role, states.get(ONE_PROCESS))
        if of_role and role in work:
            grid.add_row(role, _states(of_role), work[role])
    return grid


def states_by_role(roles: Mapping[str, str]) -> dict[str, list[str]]:
    """Returns role -> states of its processes, in lower case; all actors together, and all reanalyzers."""
    states: dict[str, list[str]] = {}
    for name, state in roles.items():
        role, _, number = name.partition("-")
        role = f"{role}s" if number else role
        states.setdefault(role, []).append(state.lower())
    return states


def _states(states: Sequence[str]) -> Text:
    """Returns the states as words: the number of each where there are several processes."""
    text = Text()
    for state, count in Counter(states).most_common():
        words = f"{count} {state}" if len(states) > 1 else state
        text.append((", " if text else "") + words, style=STATE_STYLES.get(state, "yellow"))
    return text


def _learning(status: Status, config: RunConfig) -> str:
    """Returns what the learner does, or what it waits for before its first step."""
    min_steps = config.replay.min_steps
    if status.learner_steps == 0 and status.ring_steps < min_steps:
        return f"waits for {min_steps:,} stored steps (replay.min_steps)"
    return f"{compact(status.learner_steps_per_second)} steps/s   {compact(status.samples_per_second)} samples/s"


def _evaluation(status: Status) -> str:
    """Returns the latest evaluation in words."""
    if status.evaluations == 0 or not math.isfinite(status.score):
        return "no evaluation yet"
    return f"{evaluation_text(status)} at step {status.evaluated_step:,}"


def _numbers(status: Status, config: RunConfig) -> Table:
    """Returns what is learned from, how it goes and what holds it up."""
    grid = Table.grid(padding=(0, 3, 0, 0))
    grid.add_column(style="cyan", width=9, no_wrap=True)
    grid.add_column(no_wrap=True, overflow="ellipsis")
    filled = percent(status.ring_steps / max(1, status.ring_capacity))
    grid.add_row(
        "replay", f"{status.ring_steps:,} of {status.ring_capacity:,} steps ({filled})   lag {number(status.policy_lag_versions)} versions"
    )
    grid.add_row(
        "ratio", f"{number(status.replay_ratio)} of {number(status.replay_ratio_target)} samples per move   throttled: {status.throttled}"
    )
    grid.add_row("limit", status.limit if status.limit == "none" else f"{status.limit}   (muzero profile says why)")
    if config.reanalyze.is_enabled:
        grid.add_row("fresh", _fresh(status, config))
    losses = f"value {number(status.value_loss)}   reward {number(status.reward_loss)}   policy {number(status.policy_loss)}"
    grid.add_row("loss", f"{number(status.total_loss)}   {losses}   lr {number(status.learning_rate)}")
    grid.add_row("games", f"return {number(status.return_mean)}   length {number(status.length_mean)} moves")
    restarts = Text(f"   restarts {status.restarts}", style="yellow" if status.restarts else "dim")
    failed = Text(f"   failed games {status.failed_games:,}" if status.failed_games else "", style="yellow")
    counts = f"{compact(status.games)} games   {compact(status.env_steps)} moves   weights {status.version:,}"
    grid.add_row("so far", Text(counts) + restarts + failed)
    return grid


def _fresh(status: Status, config: RunConfig) -> str:
    """Returns how much is trained on fresh targets, and how fresh and how different they are."""
    share = f"{percent(status.fresh_fraction)} of {percent(config.reanalyze.fraction)}"
    age = f"age {number(status.fresh_age_mean)} versions   KL {number(status.policy_divergence)}"
    return f"{share}   {age}   waited {percent(status.fresh_wait_fraction)}"


def _events(events: Sequence[Event], *, width: int, num_lines: int) -> Table:
    """Returns the newest events that fit into so many lines, at least one of them, with their times."""
    lines: list[tuple[str, Text]] = []
    for event in reversed(events):
        first, *others = textwrap.wrap(event.text.partition("\n")[0], max(1, width)) or [""]
        if lines and len(lines) + 1 + len(others) > num_lines:
            break
        lines[:0] = [(clock(event.elapsed_seconds), Text(first)), *(("", Text(line)) for line in others)]
    grid = Table.grid(padding=(0, 3, 0, 0), expand=True)
    grid.add_column(style="dim", width=9, no_wrap=True)
    grid.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for line in lines:
        grid.add_row(*line)
    return grid


def compact(value: float) -> str:
    """Returns a count or rate in four characters or so: 7.5, 850, 12.3k, 4.5M."""
    if not math.isfinite(value):
        return UNKNOWN
    for threshold, unit, suffix in ((1e9, 1e9, "G"), (1e6, 1e6, "M"), (1e4, 1e3, "k")):
        if abs(value) >= threshold:
            return f"{value / unit:.1f}{suffix}"
    return f"{value:,.0f}" if abs(value) >= 100 or float(value).is_integer() else f"{value:.1f}"


def number(value: float) -> str:
    """Returns a number with three digits."""
    if not math.isfinite(value):
        return UNKNOWN
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def percent(fraction: float) -> str:
    """Returns a fraction as a percentage."""
    return f"{fraction:.0%}" if math.isfinite(fraction) else UNKNOWN


def clock(seconds: float | None) -> str:
    """Returns a time as hours:minutes:seconds."""
    if seconds is None or not math.isfinite(seconds):
        return UNKNOWN
    whole = max(0, int(seconds))
    return f"{whole // 3600}:{whole // 60 % 60:02}:{whole % 60:02}"
