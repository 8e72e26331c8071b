"""Loads the rules of a game from OpenSpiel by its game string and refuses what the engine cannot play; the view is made elsewhere."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

import pyspiel

from muzero.errors import UnknownName, UnsupportedGame
from muzero.games.alternating_turns import alternates
from muzero.games.reason import reason_of
from muzero.games.silent_stderr import silent_stderr

MOST_ACTIONS = 20_000
"""Actions without a view are shown by a unit matrix [A, A], which takes 1.6 GB here; OpenSpiel's largest, shogi's, has 13,689."""
HINT_SECONDS = 0.05
"""How long each game is played to find out whether it belongs into a list of known names; all of them take half a second."""


def load_rules(game_string: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """Returns OpenSpiel's game, refusing what the engine cannot play.

    Args:
        game_string: its name in OpenSpiel, for example "tic_tac_toe", with or without parameters in parentheses.
        parameters: more of its parameters; those in parentheses win.

    Raises:
        UnknownName: there is no such game.
        UnsupportedGame: OpenSpiel refuses its parameters, its board is of no use, or it has chance, hidden information, simultaneous
            moves, other than two players or a sum that is not zero.
    """
    kinds = {kind.short_name: kind for kind in pyspiel.registered_games()}
    short_name = game_string.partition("(")[0]
    if short_name not in kinds:
        raise UnknownName("game of OpenSpiel", short_name, _playable_names(kinds))
    if not _ends_with_its_bracket(game_string):
        raise UnsupportedGame(f"game '{game_string}' goes on behind its closing bracket: remove what follows.")
    with refusals(game_string, parameters), silent_stderr():
        written = pyspiel.game_parameters_from_string(game_string)
        rules = pyspiel.load_game(short_name, {**(parameters or {}), **{key: written[key] for key in written if key != "name"}})
        missing = ([] if rules.num_players() == 2 else ["two players"]) + _missing(rules.get_type())
        if missing:
            raise UnsupportedGame(f"game '{game_string}' cannot be played, it lacks {' and '.join(missing)}: choose another game.")
        _require_something_to_play(rules)
    return rules


@contextmanager
def refusals(game_string: str, parameters: Mapping[str, Any] | None) -> Iterator[None]:
    """Turns what OpenSpiel raises, some of it only when the first position is made, into an UnsupportedGame of one sentence.

    Args:
        game_string, parameters: as the user wrote them, for the sentence.
    """
    try:
        yield
    except (pyspiel.SpielError, RuntimeError, TypeError) as error:  # the last two for parameters of a type that it cannot convert
        reason = f"OpenSpiel cannot load '{game_string}' with {dict(parameters or {})} ({reason_of(error)})"
        raise UnsupportedGame(f"{reason}: correct it.") from error


def _playable_names(kinds: Mapping[str, Any]) -> list[str]:
    """Returns the games that can be played without parameters, as far as a moment of play can tell."""
    with silent_stderr():
        return [name for name, kind in kinds.items() if not _missing(kind) and alternates(name, HINT_SECONDS)]


def _ends_with_its_bracket(game_string: str) -> bool:
    """Returns whether nothing follows the bracket that closes the parameters; OpenSpiel would read no further."""
    depth = list(accumulate((letter == "(") - (letter == ")") for letter in game_string))
    return 0 not in depth[len(game_string.partition("(")[0]) : -1]


def _missing(kind: Any) -> list[str]:
    """Returns what a kind of games lacks to be played by this engine, apart from two players."""
    needs = {
        "players who move in turn": kind.dynamics == pyspiel.GameType.Dynamics.SEQUENTIAL,
        "no chance": kind.chance_mode == pyspiel.GameType.ChanceMode.DETERMINISTIC,
        "perfect information": kind.information == pyspiel.GameType.Information.PERFECT_INFORMATION,
        "a zero sum": kind.utility == pyspiel.GameType.Utility.ZERO_SUM,
        "an observation tensor": kind.provides_observation_tensor,
    }
    return [need for need, is_met in needs.items() if not is_met]


def _require_something_to_play(rules: Any) -> None:
    """Raises UnsupportedGame where parameters that OpenSpiel takes lead to a board without cells or moves, or to far too many."""
    num_actions, shape = rules.num_distinct_actions(), rules.observation_tensor_shape()
    if not 1 <= num_actions <= MOST_ACTIONS or min(shape) < 1:
        size = f"{num_actions} actions and observations of shape {tuple(shape)}"
        raise UnsupportedGame(f"game '{rules}' has {size}: give it a board with 1 to {MOST_ACTIONS} actions.")
    if rules.max_game_length() < 1 or rules.new_initial_state().is_terminal():
        raise UnsupportedGame(f"game '{rules}' is over before its first move: give it other parameters.")
