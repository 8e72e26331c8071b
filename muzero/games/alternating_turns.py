"""Finds out, by playing at random, whether a game of OpenSpiel lets a player move twice in a row; no game says so itself."""

import random
import time
from functools import cache
from typing import Any

import pyspiel

from muzero.errors import UnsupportedGame

NUM_GAMES = 30
MAX_SECONDS = 0.25


def require_alternating_turns(rules: Any) -> None:
    """Refuses a game where one of 30 random games lets a player move twice in a row; looks at a game once per process.

    Most such games show it within 20 moves. One that hides it longer is stopped by the first such move of a run.

    Args:
        rules: a sequential game without chance, of OpenSpiel.

    Raises:
        UnsupportedGame: its players do not alternate.
    """
    if not alternates(str(rules), MAX_SECONDS):
        raise UnsupportedGame(f"game '{rules}' lets a player move twice in a row: choose a game whose players alternate.")


@cache
def alternates(game_string: str, max_seconds: float) -> bool:
    """Returns whether players alternated in up to 30 random games, as many as there was time for.

    Args:
        game_string: a game that `require_alternating_turns` would take.
        max_seconds: how long to play.
    """
    rules, rng = pyspiel.load_game(game_string), random.Random(0)
    end = time.perf_counter() + max_seconds
    return all(_alternates_once(rules, rng, end) for _ in range(NUM_GAMES))


def _alternates_once(rules: Any, rng: random.Random, end: float) -> bool:
    """Returns whether players alternate in one random game, as far as the time goes."""
    state = rules.new_initial_state()
    while not state.is_terminal() and time.perf_counter() < end:
        player = state.current_player()
        state.apply_action(rng.choice(state.legal_actions()))
        if state.current_player() == player:
            return False
    return True
