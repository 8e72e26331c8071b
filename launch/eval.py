"""Measures a checkpoint against an opponent. Matches themselves are in `muzero/matches.py`, opponents in `engine/opponents`."""

import math
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import msgspec

from launch.progress_line import progress_line
from launch.tables import print_record
from muzero.elo import elo_record
from muzero.match_result import NO_OPPONENT, NOT_EXHAUSTIVE, MatchResult, Returns, Tally

NUM_TREES = 32
"""Games played at the same time."""
ONLY_AGAINST_OPPONENTS = {
    "wins",
    "draws",
    "losses",
    "as_first",
    "as_second",
    "elo_difference",
    "elo_low",
    "elo_high",
    "losing_lines",
    "opening_moves",
    "distinct_games",
}
"""What says nothing where one plays alone, so that no table shows it; JSON always has all keys."""


def evaluate_run(
    path: Path,
    *,
    opponent: str,
    num_games: int,
    num_simulations: int | None,
    opening_moves: int | None,
    seed: int,
    device: str | None,
) -> dict[str, Any]:
    """Returns the record of a match, ready for JSON.

    Args:
        path: the run's folder, for its newest checkpoint, or the folder of one checkpoint.
        opponent: its name in full, see docs/cli.md; ignored where there is one player.
        num_games: games or episodes; `perfect` walks every line instead.
        num_simulations: simulations per move, or None for the run's own.
        opening_moves: random plies that each game starts with, or None for what suits the opponent.
        seed: seed of the opponent's moves, the openings and the environment.
        device: where networks run, or None for the run's own.

    Returns:
        What `docs/cli.md` lists; None where something is not known or not of this kind of match.

    Raises:
        UserError: the folder holds no run, or the opponent does not know the game.
        MachineProblem: the opponent's program is not installed.
        OpponentFailed: the opponent's program cannot go on.
        CorruptCheckpoint: no checkpoint passed its checksums.
    """
    import torch

    from engine.inference_core import InferenceCore, LocalModel
    from engine.load_network import load_for_evaluation
    from engine.opponents import open_opponent, opening_moves_against
    from muzero.games import make_game
    from muzero.matches import evaluate
    from muzero.search import BatchedSearch

    started = time.monotonic()
    config, values, learner_steps = load_for_evaluation(path, lambda sentence: click.echo(sentence, err=True))
    if num_simulations is not None:
        config = msgspec.structs.replace(config, search=msgspec.structs.replace(config.search, num_simulations=num_simulations))
    if device is not None:
        config = msgspec.structs.replace(config, inference=msgspec.structs.replace(config.inference, device=device))
    # Left to itself torch takes all cores for batches too small for it: 103 s instead of 4 s for 40 games beside other work on 2 cores.
    torch.set_num_threads(config.inference.num_threads)
    game = make_game(config.env)
    with open_opponent(opponent, config.env, in_run=False, device=device) as rival:
        num_openings = opening_moves_against(rival, opening_moves)
        core = InferenceCore(config, game.spec, game.action_planes(), num_slots=NUM_TREES, typical_batch=NUM_TREES)
        core.load(values, version=1)
        with progress_line() as show:
            result = evaluate(
                LocalModel(core, first_slot=0, num_trees=NUM_TREES),
                BatchedSearch(config.search, num_trees=NUM_TREES, spec=game.spec),
                config.env,
                rival,
                num_games=num_games,
                seed=seed,
                opening_moves=num_openings,
                on_progress=lambda returns: show(lambda: progress_text(returns, num_games, has_opponent=rival is not None)),
            )
    assert result is not None  # nothing asks it to stop
    facts = {"seed": seed, "simulations": config.search.num_simulations, "learner_steps": learner_steps}
    return {**_match_record(result), **facts, "seconds": round(time.monotonic() - started, 3)}


def _match_record(result: MatchResult) -> dict[str, Any]:
    """Returns what the result of a match says, ready for JSON."""
    has_colours = result.as_first.games > 0
    return {
        "opponent": result.opponent,
        "games": result.games,
        "wins": result.wins,
        "draws": result.draws,
        "losses": result.losses,
        "score": _number(result.score),
        "as_first": _tally_record(result.as_first) if has_colours else None,
        "as_second": _tally_record(result.as_second) if has_colours else None,
        **elo_record(result.elo),
        "losing_lines": None if result.losing_lines == NOT_EXHAUSTIVE else result.losing_lines,
        "mean_return": _number(result.mean_return),
        "mean_length": result.mean_length,
        "opening_moves": result.opening_moves,
        "distinct_games": result.distinct_games,
    }


def _tally_record(tally: Tally) -> dict[str, Any]:
    """Returns a tally as JSON shows it."""
    return {**asdict(tally), "score": tally.score}


def _number(value: float) -> float | None:
    """Returns a number as JSON can hold it: None for not-a-number."""
    return value if math.isfinite(value) else None


def progress_text(returns: Returns, num_games: int, *, has_opponent: bool) -> str:
    """Returns the games played so far in words.

    Args:
        returns: float64 [n], the agent's return of each finished game.
        num_games: games to be played.
        has_opponent: whether they are won and lost.
    """
    text = f"{len(returns)} of {num_games} games"
    if len(returns) and has_opponent:
        tally = Tally.of(returns)
        return f"{text}: {tally.wins} won, {tally.draws} drawn, {tally.losses} lost"
    return f"{text}: mean return {returns.mean():,.4g}" if len(returns) else text


def print_evaluation(record: dict[str, Any]) -> None:
    """Prints the record as a table."""
    is_alone = record["opponent"] == NO_OPPONENT
    shown = {key: value for key, value in record.items() if not (is_alone and key in ONLY_AGAINST_OPPONENTS)}
    for key in ("as_first", "as_second"):
        if (tally := record[key]) is not None:
            shown[key] = f"{tally['wins']} won, {tally['draws']} drawn, {tally['losses']} lost"
    print_record(shown, title="Evaluation")
