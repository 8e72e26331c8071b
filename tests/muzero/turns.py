"""Turns of opponents in positions of a game reached by given moves. No tests."""

from collections.abc import Sequence

import numpy as np

from muzero.config import EnvConfig
from muzero.games import make_game
from muzero.games.history import FrameHistory
from muzero.opponents import Turn


def turn_after(env_config: EnvConfig, moves: Sequence[int], *, table: int = 0, seed: int = 0) -> Turn:
    """Returns the turn of whoever is to move after these moves."""
    game = make_game(env_config)
    game.reset(0)
    history, frame = FrameHistory(game.spec, 1), np.zeros(game.spec.frame_shape, game.spec.frame_dtype)
    game.frame(frame)
    history.push(0, frame)
    for action in moves:
        game.step(action)
        game.frame(frame)
        history.push(0, frame)
    legal_actions = np.zeros(game.spec.num_actions, np.bool_)
    game.legal_actions(legal_actions)
    return Turn(table, game, history.frames[0], legal_actions, list(moves), np.random.default_rng(seed))


def random_moves(env_config: EnvConfig, num_moves: int, rng: np.random.Generator) -> list[int]:
    """Returns random legal moves from the start, fewer where the game would end."""
    game, moves = make_game(env_config), list[int]()
    game.reset(0)
    legal_actions = np.zeros(game.spec.num_actions, np.bool_)
    while len(moves) < num_moves:
        game.legal_actions(legal_actions)
        action = int(rng.choice(np.flatnonzero(legal_actions)))
        if game.step(action).is_terminal:
            return moves
        moves.append(action)
    return moves
