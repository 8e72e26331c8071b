"""Random first moves of a game, so that two players who always do the same do not play the same game again and again."""

import numpy as np

from muzero.errors import UserError
from muzero.games import Game

MOST_ATTEMPTS = 100
"""Openings that end the game are drawn anew, so often at most."""


def random_opening(game: Game, game_seed: int, num_moves: int, rng: np.random.Generator) -> list[int]:
    """Returns moves, each drawn from the legal ones with the same probability, after which the game still goes on.

    Args:
        game: left in some position of its own.
        game_seed: what it is reset with.
        num_moves: how many, 0 or more.
        rng: source of the draws.

    Raises:
        UserError: games of that length hardly ever go on.
    """
    legal_actions = np.zeros(game.spec.num_actions, np.bool_)
    for _ in range(MOST_ATTEMPTS):
        game.reset(game_seed)
        moves, is_over = list[int](), False
        while len(moves) < num_moves and not is_over:
            game.legal_actions(legal_actions)
            moves.append(int(rng.choice(np.flatnonzero(legal_actions))))
            step = game.step(moves[-1])
            is_over = step.is_terminal or step.is_truncated
        if not is_over:
            return moves
    raise UserError(f"{num_moves} random opening moves end nearly every game of '{game.spec.name}': set fewer opening moves.")
