"""The evaluations of one run as single `muzero eval` commands, and what their JSON means for the claim."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from benchmarks.commands import eval_command
from benchmarks.intervals import wilson_interval
from benchmarks.result import Score
from benchmarks.row import RUN, Evaluation, Measure, Row
from engine.milestones import milestone_paths

KEYS: dict[Measure, str] = {"elo": "elo_difference"}
"""Key of the JSON where it is not the name of the measure."""


@dataclass(frozen=True)
class Match:
    """One `muzero eval`.

    Attributes:
        evaluation: what it is a part of.
        command: its command.
        minute: minute of the milestone that plays, None for the end of the run.
        minute_before: minute of the milestone that it plays against, None for another opponent.
    """

    evaluation: Evaluation
    command: list[str]
    minute: float | None = None
    minute_before: float | None = None


def matches_of(row: Row, run_dir: Path) -> Iterator[Match]:
    """Yields all matches of a row, for a run whose training is over."""
    for evaluation in row.evaluations:
        if evaluation.is_between_milestones:
            yield from _between_milestones(evaluation, run_dir)
        else:
            opponent = evaluation.opponent.replace(RUN, str(run_dir))
            yield Match(evaluation, eval_command(run_dir, opponent, evaluation.games, evaluation.simulations))


def _between_milestones(evaluation: Evaluation, run_dir: Path) -> Iterator[Match]:
    """Yields a match of each milestone, and of the end of the run, against the milestone before it."""
    players = [*milestone_paths(run_dir), run_dir]
    for before, player in pairwise(players):
        command = eval_command(player, f"checkpoint:{before}", evaluation.games, evaluation.simulations)
        yield Match(evaluation, command, None if player == run_dir else _minute_of(player), _minute_of(before))


def _minute_of(milestone: Path) -> float:
    return float(milestone.name.removeprefix("minute_"))


def score_of(match: Match, record: Mapping[str, Any], command: str) -> Score:
    """Returns what a match says.

    Args:
        match: which it was.
        record: the JSON of `muzero eval`.
        command: how the command is written down.
    """
    evaluation = match.evaluation
    value = record.get(KEYS.get(evaluation.measure, evaluation.measure))
    low, high = _interval(evaluation, record)
    return Score(
        measure=evaluation.measure,
        value=value,
        low=low,
        high=high,
        opponent=_without_path(str(record.get("opponent", evaluation.opponent))),
        games=record.get("games", evaluation.games),
        wins=record.get("wins", 0),
        draws=record.get("draws", 0),
        losses=record.get("losses", 0),
        simulations=evaluation.simulations,
        minute=match.minute,
        minute_before=match.minute_before,
        learner_steps=record.get("learner_steps", 0),
        seconds=record.get("seconds", 0.0),
        target=_target(evaluation),
        is_met=_is_met(evaluation, low if value is None else value, high if value is None else value),
        command=command,
    )


def _interval(evaluation: Evaluation, record: Mapping[str, Any]) -> tuple[float | None, float | None]:
    """Returns the 95 % interval that the record gives, or that of its share of points."""
    low, high = (record.get(f"{evaluation.measure}_{end}") for end in ("low", "high"))
    if (low is None and high is None) and evaluation.measure == "score" and record.get("score") is not None:
        return wilson_interval(record["score"], record["games"])
    return low, high


def _target(evaluation: Evaluation) -> str:
    bounds = ((">=", evaluation.at_least), ("<=", evaluation.at_most))
    return " and ".join(f"{sign} {bound:g}" for sign, bound in bounds if bound is not None)


def _is_met(evaluation: Evaluation, least: float | None, most: float | None) -> bool | None:
    """Returns whether a number between two bounds is what it should be; None without a target, False where a bound is missing."""
    if evaluation.at_least is None and evaluation.at_most is None:
        return None
    is_enough = evaluation.at_least is None or (least is not None and least >= evaluation.at_least)
    return is_enough and (evaluation.at_most is None or (most is not None and most <= evaluation.at_most))


def _without_path(opponent: str) -> str:
    """Returns the name of an opponent without the folders of this machine."""
    kind, colon, rest = opponent.partition(":")
    return f"{kind}:{Path(rest).name}" if colon and kind == "checkpoint" else opponent
