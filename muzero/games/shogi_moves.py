"""The 11259 moves of shogi: their numbers, OpenSpiel's numbers of them, and the planes that show them. It knows no positions.

Squares are numbered 9 * row + column: row 0 is rank i, where the first player (Black, sente) sits, column 0 is file 9, whoever is to
move. A move's number is 139 * the square it starts from (for a drop, the square it ends on) + its type, as in arXiv:1712.01815, but
with the board never turned:

    0-63     8 * direction + distance - 1, directions clockwise from north (towards rank a): how a queen of chess moves.
    64, 65   the jumps of a knight, towards file 9 and towards file 1; forwards as its owner sees it.
    66-131   the same with promotion.
    132-138  drops of a pawn, lance, knight, silver, gold, bishop, rook.
"""

import numpy as np

from muzero.games.chess_moves import queen_offsets
from muzero.types import Float32Array, Int32Array, Int64Array

SIZE = 9
NUM_SQUARES = SIZE * SIZE
NUM_HAND_PIECES = 7
KNIGHT = 64
PROMOTION = 66
DROP = 2 * PROMOTION
NUM_MOVE_TYPES = DROP + NUM_HAND_PIECES
NUM_ACTIONS = NUM_SQUARES * NUM_MOVE_TYPES

RULES_DROP = 2 * NUM_SQUARES * NUM_SQUARES
"""OpenSpiel's number of its first drop."""


def target_squares() -> Int64Array:
    """Returns where each move ends for each player, int64 [2, A], -1 for a number that no move has; only knights differ."""
    from_square, move_type = np.divmod(np.arange(NUM_ACTIONS), NUM_MOVE_TYPES)
    row, column = np.divmod(from_square, SIZE)
    jumps, stay = np.array([(-1, 0), (1, 0)]), np.zeros((NUM_HAND_PIECES, 2), np.int64)
    steps = np.concatenate((queen_offsets(SIZE), jumps))
    column_step, row_step = np.concatenate((steps, steps, stay))[move_type].T
    is_knight = (move_type < DROP) & (move_type % PROMOTION >= KNIGHT)
    targets = np.empty((2, NUM_ACTIONS), np.int64)
    for player, knight_step in enumerate((2, -2)):
        to_row, to_column = row + np.where(is_knight, knight_step, row_step), column + column_step
        is_on_board = (to_row >= 0) & (to_row < SIZE) & (to_column >= 0) & (to_column < SIZE)
        targets[player] = np.where(is_on_board, SIZE * to_row + to_column, -1)
    return targets


def rules_actions(targets: Int64Array) -> Int32Array:
    """Returns OpenSpiel's number of each move for each player, int32 [2, A], -1 where the player has no such move.

    Args:
        targets: from `target_squares`.

    Source: shogi.cc of OpenSpiel 2.0.2, MoveToAction; its squares are numbered as ours.
    """
    from_square, move_type = np.divmod(np.arange(NUM_ACTIONS), NUM_MOVE_TYPES)
    is_drop, is_promotion = move_type >= DROP, move_type >= PROMOTION
    drop = RULES_DROP + NUM_SQUARES * (move_type - DROP) + from_square
    board_move = 2 * (NUM_SQUARES * from_square + targets) + is_promotion
    return np.where(targets >= 0, np.where(is_drop, drop, board_move), -1).astype(np.int32)


def action_planes(targets: Int64Array) -> Float32Array:
    """Returns what each move looks like, float32 [A, 3, 9, 9], row 0 is rank i: from, to, promotion.

    From and to are one-hot, promotion is a constant 0 or 1. For a drop the from plane is a constant, k/7 for the k-th kind of piece. A
    knight's jump shows its square for either player: who moves is known from the position. A number that no move has shows its square
    and a negative constant of its own, so that no two look the same.

    Args:
        targets: from `target_squares`.
    """
    from_square, move_type = np.divmod(np.arange(NUM_ACTIONS), NUM_MOVE_TYPES)
    planes = np.zeros((NUM_ACTIONS, 3, NUM_SQUARES), np.float32)
    planes[np.arange(NUM_ACTIONS), 0, from_square] = 1.0
    drops = np.flatnonzero(move_type >= DROP)
    planes[drops, 0] = ((move_type[drops] - DROP + 1) / NUM_HAND_PIECES)[:, None]
    for player_targets in targets:
        exists = np.flatnonzero(player_targets >= 0)
        planes[exists, 1, player_targets[exists]] = 1.0
    is_promotion = (move_type >= PROMOTION) & (move_type < DROP)
    planes[:, 2] = np.where((targets >= 0).any(axis=0), is_promotion, -(move_type + 1) / NUM_MOVE_TYPES)[:, None]
    return planes.reshape(NUM_ACTIONS, 3, SIZE, SIZE)
