"""What an evaluation leaves behind: one number for the screen, gauges in telemetry, a line in `evaluations.jsonl`."""

import json
from dataclasses import asdict
from pathlib import Path

from engine.layout import Counter, Gauge
from engine.telemetry import ProcessBlock
from muzero.matches import MatchResult


def evaluation_score(result: MatchResult) -> float:
    """Returns the one number that an evaluation is judged by.

    Minus the losing lines where the opponent was exhaustive, the mean return for one player, else the score in [0, 1].
    """
    if result.losing_lines >= 0:
        return float(-result.losing_lines)
    return result.mean_return if result.opponent == "none" else result.score


def report_evaluation(block: ProcessBlock, run_dir: Path, result: MatchResult, learner_steps: int) -> None:
    """Writes a result to the evaluator's telemetry and to the run's folder."""
    block.set_gauge(Gauge.SCORE, evaluation_score(result))
    block.set_gauge(Gauge.LOSING_LINES, result.losing_lines)
    block.set_gauge(Gauge.EVALUATED_STEP, learner_steps)
    block.add(Counter.GAMES, result.games)
    block.add(Counter.EVALUATIONS, 1)
    with (run_dir / "evaluations.jsonl").open("a") as file:
        file.write(json.dumps({"learner_steps": learner_steps, **asdict(result)}) + "\n")
