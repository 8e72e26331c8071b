"""The names of the worlds, and where each is made. Nothing of a game is imported before it is asked for.

A name is one of GAMES, or a prefix of PREFIXES with what follows its colon (`atari:Breakout`, `gym:Acrobot-v1`,
`openspiel:breakthrough(rows=6,columns=6)`), or `package.module:ClassName` of a user's own class.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from inspect import signature
from typing import Any

from muzero.config import EnvConfig
from muzero.errors import UnknownName, UserError
from muzero.games.game import Game

USER_CLASS = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class World:
    """Where a world is made.

    Attributes:
        module: file below `muzero.games`; it has a function of the same name as `function`.
        function: takes the environment's name and keyword arguments, returns a Game.
        presets: file of its presets below `launch/presets`, without ".toml".
        source: who wrote its rules.
        kwargs: keyword arguments that belong to the name; the user's own win over them.
    """

    module: str
    function: str
    presets: str
    source: str
    kwargs: Mapping[str, Any] = field(default_factory=dict)

    def make(self, config: EnvConfig) -> Game:
        """Returns a new game.

        Raises:
            UserError: it does not take these keyword arguments.
        """
        constructor: Callable[..., Game] = getattr(import_module(f"muzero.games.{self.module}"), self.function)
        kwargs = {**self.kwargs, **config.kwargs}
        try:
            signature(constructor).bind(config.name, **kwargs)
        except TypeError as error:
            raise _misfit(config, error) from error
        try:
            return constructor(config.name, **kwargs)
        except ValueError as error:
            raise _misfit(config, error) from error


def _misfit(config: EnvConfig, error: Exception) -> UserError:
    return UserError(f"env.kwargs {config.kwargs} do not fit environment '{config.name}': {error}; change env.kwargs.")


def _go(size: int) -> World:
    return World("go", "go", f"go{size}", "OpenSpiel", {"board_size": size})


def _hex(size: int) -> World:
    return World("hex", "hex_game", f"hex{size}", "OpenSpiel", {"board_size": size})


GAMES: dict[str, World] = {
    "go5": _go(5),
    "go7": _go(7),
    "go9": _go(9),
    "go13": _go(13),
    "go19": _go(19),
    "chess": World("chess", "chess", "chess", "OpenSpiel"),
    "shogi": World("shogi", "shogi", "shogi", "OpenSpiel"),
    "othello": World("othello", "othello", "othello", "OpenSpiel"),
    "hex7": _hex(7),
    "hex11": _hex(11),
    "gomoku": World("gomoku", "gomoku", "gomoku", "OpenSpiel"),
    "connect4": World("connect4", "connect4", "connect4", "OpenSpiel"),
    "tictactoe": World("tictactoe", "tictactoe", "tictactoe", "OpenSpiel"),
    "cartpole": World("gymnasium_game", "classic", "cartpole", "gymnasium", {"environment_id": "CartPole-v1"}),
    "lunarlander": World("gymnasium_game", "classic", "lunarlander", "gymnasium", {"environment_id": "LunarLander-v3"}),
    "acrobot": World("gymnasium_game", "classic", "acrobot", "gymnasium", {"environment_id": "Acrobot-v1"}),
}
"""The worlds with a name of their own."""

PREFIXES: dict[str, World] = {
    "atari": World("atari", "atari", "atari", "ale-py"),
    "gym": World("gymnasium_game", "gym", "gym", "gymnasium"),
    "openspiel": World("openspiel_game", "openspiel", "openspiel", "OpenSpiel"),
}
"""The worlds named by what follows a colon; their constructors read it from the name."""


def world_of(name: str) -> World | None:
    """Returns where the world of that name is made, or None for a user's own class.

    Raises:
        UnknownName: nothing has that name.
    """
    prefix, colon, _ = name.partition(":")
    if name in GAMES:
        return GAMES[name]
    if colon and prefix in PREFIXES:
        return PREFIXES[prefix]
    if USER_CLASS.fullmatch(name):
        return None
    known = [*GAMES, *(f"{prefix}:..." for prefix in PREFIXES), "package.module:ClassName"]
    raise UnknownName("environment", name, known, meant=atari_name(name))


def atari_name(name: str) -> str | None:
    """Returns what an Atari game is called here that was named as elsewhere, "Breakout" or "ALE/Breakout-v5"; None if it is none."""
    roms: Callable[[], Mapping[str, Any]] = import_module("muzero.games.atari_emulator").playable_roms
    wanted = re.sub(r"(NoFrameskip|Deterministic)?(-v\d+)?$", "", name.rpartition("/")[2]).lower()
    return next((f"atari:{rom}" for rom in roms() if rom.lower() == wanted), None)
