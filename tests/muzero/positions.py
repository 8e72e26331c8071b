"""What a game shows of its position, as arrays of their own, for the tests of games. No tests."""

import numpy as np

from muzero.games import Game

POISON = 99
"""Fills what a game must overwrite."""


def frame_of(game: Game) -> np.ndarray:
    """Returns the frame of the present position."""
    frame = np.full(game.spec.frame_shape, POISON, game.spec.frame_dtype)
    game.frame(frame)
    return frame


def legal_of(game: Game) -> np.ndarray:
    """Returns the numbers of the legal actions, ascending."""
    legal_actions = np.zeros(game.spec.num_actions, np.bool_)
    game.legal_actions(legal_actions)
    return np.flatnonzero(legal_actions)


def play_actions(game: Game, actions: list[int]) -> list[tuple[float, bool]]:
    """Returns (reward of who moved, is_terminal) of each action, all of which must be legal."""
    steps = []
    for action in actions:
        assert action in legal_of(game), action
        step = game.step(action)
        steps.append((step.reward, step.is_terminal))
    return steps
