"""What an evaluation leaves behind: one number for the screen, gauges in telemetry, a line in `evaluations.jsonl`."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.layout import Control, Counter, Gauge
from engine.run_clock import run_seconds
from engine.telemetry import ProcessBlock, ProcessIndices, Telemetry
from muzero.matches import MatchResult


@dataclass(frozen=True)
class Moment:
    """How far a run was when an evaluation of it began; all starts of the run are counted.

    Attributes:
        learner_steps: gradient steps done.
        env_steps: moves played for training.
        training_games: games finished for training.
        run_seconds: time since the run began.
    """

    learner_steps: int
    env_steps: int
    training_games: int
    run_seconds: float


def moment_of(telemetry: Telemetry, indices: ProcessIndices) -> Moment:
    """Returns how far a run is now."""
    return Moment(
        learner_steps=telemetry.control(Control.LEARNER_STEPS),
        env_steps=telemetry.control(Control.ENV_STEPS_BASE) + telemetry.total(Counter.ENV_STEPS, indices.actors),
        training_games=telemetry.total(Counter.GAMES, indices.actors),
        run_seconds=round(run_seconds(telemetry), 3),
    )


def evaluation_score(result: MatchResult) -> float:
    """Returns the one number that an evaluation is judged by.

    Minus the losing lines where the opponent was exhaustive, the mean return for one player, else the score in [0, 1].
    """
    if result.losing_lines >= 0:
        return float(-result.losing_lines)
    return result.mean_return if result.opponent == "none" else result.score


def report_evaluation(block: ProcessBlock, run_dir: Path, result: MatchResult, began: Moment, seconds: float) -> None:
    """Writes a result to the evaluator's telemetry and to the run's folder.

    Args:
        block: the evaluator's telemetry.
        run_dir: the run's folder.
        result: how the matches ended.
        began: how far the run was when they began.
        seconds: how long they took.
    """
    block.set_gauge(Gauge.SCORE, evaluation_score(result))
    block.set_gauge(Gauge.LOSING_LINES, result.losing_lines)
    block.set_gauge(Gauge.EVALUATED_STEP, began.learner_steps)
    block.add(Counter.GAMES, result.games)
    block.add(Counter.EVALUATIONS, 1)
    with (run_dir / "evaluations.jsonl").open("a") as file:
        known = {**asdict(began), "seconds": round(seconds, 3), "evaluation_score": evaluation_score(result)}
        file.write(json.dumps(known | asdict(result)) + "\n")
