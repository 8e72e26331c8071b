"""Loads the rules of a game from OpenSpiel by its game string and refuses what the engine cannot play; nothing is played here."""

from collections.abc import Mapping
from typing import Any

import pyspiel

from muzero.errors import UnknownName, UnsupportedGame


def load_rules(game_string: str, parameters: Mapping[str, Any] | None = None) -> Any:
    """Returns OpenSpiel's game, refusing what the engine cannot play.

    Args:
        game_string: its name in OpenSpiel, for example "tic_tac_toe", with or without parameters in parentheses.
        parameters: more of its parameters; those in parentheses win.

    Raises:
        UnknownName: there is no such game.
        UnsupportedGame: OpenSpiel refuses its parameters, or it has chance, hidden information, simultaneous moves, other than two
            players or a sum that is not zero.
    """
    kinds = {kind.short_name: kind for kind in pyspiel.registered_games()}
    short_name = game_string.partition("(")[0]
    if short_name not in kinds:
        raise UnknownName("game of OpenSpiel", short_name, [name for name, kind in kinds.items() if not _missing(kind)])
    try:
        written = pyspiel.game_parameters_from_string(game_string)
        rules = pyspiel.load_game(short_name, {**(parameters or {}), **{key: written[key] for key in written if key != "name"}})
    except pyspiel.SpielError as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UnsupportedGame(f"OpenSpiel cannot load '{game_string}' with {dict(parameters or {})} ({reason}): correct it.") from error
    missing = ([] if rules.num_players() == 2 else ["two players"]) + _missing(rules.get_type())
    if missing:
        raise UnsupportedGame(f"game '{game_string}' cannot be played, it lacks {' and '.join(missing)}: choose another game.")
    return rules


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
