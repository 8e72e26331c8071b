"""Counts the sequences of legal moves from a position, to compare with published numbers. No tests."""

import numpy as np

from muzero.games import BoardGame


def perft(game: BoardGame, depth: int) -> int:
    """Returns the number of sequences of `depth` >= 1 legal moves; the last move of each is counted, not played."""
    legal_actions = np.zeros(game.spec.num_actions, np.bool_)
    game.legal_actions(legal_actions)
    if depth == 1:
        return int(legal_actions.sum())
    count = 0
    for action in np.flatnonzero(legal_actions):
        twin = game.clone()
        twin.step(int(action))
        count += perft(twin, depth - 1)
    return count
