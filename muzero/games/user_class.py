"""Makes a game of a user's own class, `package.module:ClassName`; whether it keeps the contract is looked at in `contract.py`."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from types import new_class
from typing import Any

import numpy as np

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games.game import Game
from muzero.games.reason import reason_of
from muzero.symmetries import Symmetries, no_symmetries
from muzero.types import Float32Array, GameSpec


class Defaults:
    """The methods of a Game that a user's class may leave out; `key` and `clone` of a BoardGame may be missing altogether.

    Attributes:
        spec: the user's.
    """

    spec: GameSpec

    def action_planes(self) -> Float32Array:
        """Returns the unit matrix, float32 [A, A]: actions are shown by their number."""
        return np.eye(self.spec.num_actions, dtype=np.float32)

    def symmetries(self) -> Symmetries:
        """Returns the identity alone."""
        return no_symmetries(int(np.prod(self.spec.frame_shape)), self.spec.num_actions)


def make_user_game(config: EnvConfig) -> Game:
    """Returns a new game of a class that is found as `python -m` would find it: installed, or below the working directory.

    Args:
        config: name "package.module:ClassName" and the keyword arguments of the class.

    Raises:
        UserError: module or class are not there, or the class cannot be made.
    """
    completed_class = _completed_class(config.name)
    with _refusing(f"environment '{config.name}' cannot be made with env.kwargs {config.kwargs}", "correct it"):
        game: Game = completed_class(**config.kwargs)
    return game


@cache
def _completed_class(name: str) -> type[Any]:
    """Returns a subclass, of the same name, of the class that the user named; the user's methods win over Defaults."""
    user_class = _load(name)
    names = {"__module__": user_class.__module__, "__doc__": user_class.__doc__}
    with _refusing(f"environment '{name}' is not a class of which a game can be made", "give a plain class"):
        return new_class(user_class.__name__, (user_class, Defaults), exec_body=lambda namespace: namespace.update(names))


def _load(name: str) -> type[Any]:
    """Returns the class."""
    module_name, _, class_name = name.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.append(os.getcwd())
    with _refusing(f"environment '{name}': cannot import {module_name}", "start where it can be imported"):
        module = import_module(module_name)
    user_class = getattr(module, class_name, None)
    if not isinstance(user_class, type):
        raise UserError(f"environment '{name}': {module_name} has no class {class_name}: give the name of its class.")
    return user_class


@contextmanager
def _refusing(what: str, remedy: str) -> Iterator[None]:
    """Turns whatever a user's code raises, a call of sys.exit included, into a UserError: "what (reason): remedy."."""
    try:
        yield
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise UserError(f"{what} ({reason_of(error)}): {remedy}.") from error
