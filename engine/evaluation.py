"""Evaluations of a run: how one is held, and what it leaves behind: gauges in telemetry, a line in `evaluations.jsonl`."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from engine.config import RunConfig
from engine.layout import Control, Counter, Gauge
from engine.opponents import open_opponent, opening_moves_against
from engine.run_clock import run_seconds
from engine.telemetry import ProcessBlock, ProcessIndices, Telemetry
from muzero.elo import elo_record
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
    block.set_gauge(Gauge.EVALUATED_GAMES, result.games)
    block.add(Counter.GAMES, result.games)
    block.add(Counter.EVALUATIONS, 1)
    with (run_dir / "evaluations.jsonl").open("a") as file:
        known = {**asdict(began), "seconds": round(seconds, 3), "evaluation_score": evaluation_score(result)}
        matches = asdict(result)
        del matches["elo"]
        file.write(json.dumps(known | matches | elo_record(result.elo)) + "\n")
