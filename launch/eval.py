"""Measures the newest checkpoint of a run against an opponent. Matches themselves are in `muzero/matches.py`."""

import math
import time
from pathlib import Path
from typing import Any

import click
import msgspec

from launch.tables import print_record
from muzero.match_result import NOT_EXHAUSTIVE

NUM_TREES = 32
"""Games played at the same time."""


def evaluate_run(
    run_dir: Path, *, opponent: str, num_games: int, num_simulations: int | None, seed: int, device: str | None
) -> dict[str, Any]:
    """Returns the record of a match, ready for JSON.

    Args:
        run_dir: the run's folder.
        opponent: `random` or `perfect`; ignored where there is one player.
        num_games: games or episodes; `perfect` walks every line instead.
        num_simulations: simulations per move, or None for the run's own.
        seed: seed of the opponent's moves and the environment.
        device: where the network runs, or None for the run's own.

    Returns:
        opponent games wins draws losses score losing_lines (None where not exhaustive) mean_return learner_steps seconds.

    Raises:
        UserError: the folder holds no run, or the opponent does not know the game.
        CorruptCheckpoint: no checkpoint passed its checksums.
    """
    from engine.inference_core import InferenceCore, LocalModel
    from engine.load_network import load_for_evaluation
    from muzero.games import make_game
    from muzero.matches import evaluate
    from muzero.search import BatchedSearch

    started = time.monotonic()
    config, values, learner_steps = load_for_evaluation(run_dir, lambda sentence: click.echo(sentence, err=True))
    if num_simulations is not None:
        config = msgspec.structs.replace(config, search=msgspec.structs.replace(config.search, num_simulations=num_simulations))
    if device is not None:
        config = msgspec.structs.replace(config, inference=msgspec.structs.replace(config.inference, device=device))
    game = make_game(config.env)
    core = InferenceCore(config, game.spec, game.action_planes(), num_slots=NUM_TREES, typical_batch=NUM_TREES)
    core.load(values, version=1)
    model = LocalModel(core, first_slot=0, num_trees=NUM_TREES)
    search = BatchedSearch(config.search, num_trees=NUM_TREES, spec=game.spec)
    result = evaluate(model, search, config.env, opponent=opponent, num_games=num_games, seed=seed)
    assert result is not None  # nothing asks it to stop
    return {
        "opponent": result.opponent,
        "games": result.games,
        "wins": result.wins,
        "draws": result.draws,
        "losses": result.losses,
        "score": _number(result.score),
        "losing_lines": None if result.losing_lines == NOT_EXHAUSTIVE else result.losing_lines,
        "mean_return": _number(result.mean_return),
        "learner_steps": learner_steps,
        "seconds": round(time.monotonic() - started, 3),
    }


def _number(value: float) -> float | None:
    """Returns a number as JSON can hold it: None for not-a-number."""
    return value if math.isfinite(value) else None


def print_evaluation(record: dict[str, Any]) -> None:
    """Prints the record as a table."""
    print_record(record, title="Evaluation")
