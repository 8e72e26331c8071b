"""Evaluations of a run: how one is held, and what it leaves behind: gauges in telemetry, a line in `evaluations.jsonl`."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from engine.config import RunConfig
from engine.layout import Counter, Gauge
from engine.opponents import open_opponent, opening_moves_against
from engine.telemetry import ProcessBlock
from muzero.matches import MatchResult, evaluate
from muzero.search import BatchedSearch
from muzero.types import Model


def hold_evaluation(
    model: Model, search: BatchedSearch, config: RunConfig, learner_steps: int, should_stop: Callable[[], bool] = lambda: False
) -> MatchResult | None:
    """Returns the agent's result against the run's opponent, or None once should_stop() said so.

    Args:
        model: evaluates positions, for search.num_trees trees.
        search: chooses the agent's moves.
        config: the run.
        learner_steps: of the weights; every evaluation has other games.
        should_stop: asked between moves, and while another program is waited for.
    """
    settings = config.evaluation
    with open_opponent(settings.opponent, config.env, in_run=True, on_wait=should_stop) as opponent:
        return evaluate(
            model,
            search,
            config.env,
            opponent,
            num_games=settings.episodes,
            seed=config.seed + learner_steps,
            opening_moves=opening_moves_against(opponent, settings.opening_moves),
            should_stop=should_stop,
        )


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
