"""The worlds that can be played, by name; how each works is in its own file, imported when it is asked for."""

from muzero.config import EnvConfig
from muzero.games.catalogue import GAMES, PREFIXES, World, world_of
from muzero.games.game import BoardGame, Game
from muzero.games.user_class import make_user_game

__all__ = ["GAMES", "PREFIXES", "BoardGame", "Game", "World", "make_game", "world_of"]


def make_game(config: EnvConfig) -> Game:
    """Returns a new game of the configured name; call `reset` before playing it.

    Args:
        config: the name and the keyword arguments of its constructor.

    Raises:
        UnknownName: no game has that name.
        UnsupportedGame: the game exists, but this engine cannot play it.
        UserError: the game does not take these keyword arguments, or a user's class cannot be imported or made.
    """
    world = world_of(config.name)
    return make_user_game(config) if world is None else world.make(config)
