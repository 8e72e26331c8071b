"""The worlds that can be played, by name; how each works is in its own file."""

from collections.abc import Callable

from muzero.config import GameConfig
from muzero.errors import UnknownName, UserError
from muzero.games.cartpole import cartpole
from muzero.games.connect4 import connect4
from muzero.games.game import BoardGame, Game
from muzero.games.tictactoe import tictactoe

__all__ = ["GAMES", "BoardGame", "Game", "make_game"]

GAMES: dict[str, Callable[..., Game]] = {"tictactoe": tictactoe, "connect4": connect4, "cartpole": cartpole}


def make_game(config: GameConfig) -> Game:
    """Returns a new game of the configured name; call `reset` before playing it.

    Args:
        config: the name and the keyword arguments of its constructor.

    Raises:
        UnknownName: no game has that name.
        UserError: the game does not take these keyword arguments.
    """
    if config.name not in GAMES:
        raise UnknownName("environment", config.name, GAMES)
    try:
        return GAMES[config.name](**config.kwargs)
    except (TypeError, ValueError) as error:
        raise UserError(f"game.kwargs {config.kwargs} do not fit environment '{config.name}': {error}; change game.kwargs.") from error
