"""What a run's folder says about its course: how long, how far, and the score at each of its own evaluations.

A run counts moves. Where one of them holds its action for several steps of the environment (`env.kwargs.frame_skip`), all of those are
environment steps here.
"""

import json
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.result import Point, Reached
from engine.run_clock import METRICS_NAME
from engine.run_folder import CONFIG_NAME

EVALUATIONS_NAME = "evaluations.jsonl"


@dataclass(frozen=True)
class Course:
    """The course of a run, all its parts together.

    Attributes:
        minutes: of training, from process start.
        env_steps: environment steps played; the last move of a game counts in full.
        games: games finished.
        learner_steps: gradient steps.
        curve: its evaluations, oldest first.
        ends: minute at which each of them ended.
    """

    minutes: float
    env_steps: int
    games: int
    learner_steps: int
    curve: tuple[Point, ...]
    ends: tuple[float, ...]

    def reached(self, score: float | None) -> Reached | None:
        """Returns when an evaluation first had at least this score, None if none had or no score is given."""
        for point, end in zip(self.curve, self.ends, strict=True):
            if score is not None and point.score >= score:
                return Reached(minutes=end, env_steps=point.env_steps, learner_steps=point.learner_steps)
        return None


def course_of(run_dir: Path) -> Course:
    """Returns the course of the run in a folder; zeros where it wrote nothing."""
    last = (_lines(run_dir / METRICS_NAME) or [{}])[-1]
    evaluations = _surviving(_lines(run_dir / EVALUATIONS_NAME))
    move_steps = _steps_of_a_move(run_dir)
    return Course(
        minutes=_minutes(last.get("run_seconds", 0.0)),
        env_steps=last.get("env_steps", 0) * move_steps,
        games=last.get("games", 0),
        learner_steps=last.get("learner_steps", 0),
        curve=tuple(_point(line, move_steps) for line in evaluations),
        ends=tuple(_minutes(line["run_seconds"] + line["seconds"]) for line in evaluations),
    )


def _surviving(evaluations: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Leaves out evaluations of what a killed part had learned and not saved: a later one began with fewer environment steps."""
    surviving: list[dict[str, Any]] = []
    for line in reversed(evaluations):
        if not surviving or line["env_steps"] <= surviving[-1]["env_steps"]:
            surviving.append(line)
    return surviving[::-1]


def _steps_of_a_move(run_dir: Path) -> int:
    path = run_dir / CONFIG_NAME
    return int(tomllib.loads(path.read_text())["env"].get("kwargs", {}).get("frame_skip", 1)) if path.is_file() else 1


def _point(line: dict[str, Any], move_steps: int) -> Point:
    lines = line.get("losing_lines", -1)
    return Point(
        minutes=_minutes(line["run_seconds"]),
        env_steps=line["env_steps"] * move_steps,
        games=line["training_games"],
        learner_steps=line["learner_steps"],
        score=line["evaluation_score"],
        opponent=line["opponent"],
        evaluation_games=line["games"],
        losing_lines=lines if lines >= 0 else None,
    )


def _lines(path: Path) -> list[dict[str, Any]]:
    """Returns the objects of a file of JSON lines; one that a kill left half written is passed over."""
    records = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            records.append(json.loads(line))
        except ValueError:
            continue
    return records


def _minutes(seconds: float) -> float:
    return round(seconds / 60, 3)
