"""The 4672 moves of chess: their numbers, OpenSpiel's numbers of them, and the planes that show them. It knows no positions.

Squares are numbered 8 * rank + file: a1 is 0, h1 is 7, h8 is 63, whoever is to move. A move's number is 73 * the square it starts from
+ its type, as in arXiv:1712.01815, but with the board never turned:

    0-55    7 * direction + distance - 1, directions clockwise from north (towards rank 8): how a queen moves. A pawn that reaches the
            last rank so becomes a queen.
    56-63   the eight jumps of a knight, clockwise.
    64-72   64 + 3 * piece (knight, bishop, rook) + direction (file - 1, the same file, file + 1): underpromotions of a pawn that
            stands one step before the last rank.

Castling has two of the numbers of e1 and e8 that no underpromotion needs, because "e1 to g1" may also be the move of a rook.
"""

import numpy as np

from muzero.types import Float32Array, Int32Array, Int64Array

SIZE = 8
NUM_SQUARES = SIZE * SIZE
NUM_MOVE_TYPES = 73
NUM_ACTIONS = NUM_SQUARES * NUM_MOVE_TYPES
KNIGHT = 56
UNDERPROMOTION = 64
E1, E8 = 4, 60
CASTLING_ACTION = np.array([king * NUM_MOVE_TYPES + UNDERPROMOTION + side for king in (E1, E8) for side in (0, 1)])
"""White's king side, White's queen side, Black's king side, Black's queen side."""
CASTLING_SQUARES = np.array([[4, 7, 6, 5], [4, 0, 2, 3], [60, 63, 62, 61], [60, 56, 58, 59]])
"""For each of them the squares that king and rook leave, and those they reach."""

COMPASS = np.array([(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)])
"""(file, rank) of one step in each direction, clockwise from north."""
KNIGHT_JUMPS = np.array([(1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2)])

RULES_CASTLING = np.array([4673, 4672])
"""OpenSpiel's numbers of castling on the king's and the queen's side, the same for both players."""
RULES_KNIGHT_JUMPS = np.array([(-2, -1), (-2, 1), (-1, -2), (-1, 2), (2, -1), (2, 1), (1, -2), (1, 2)])
RULES_UNDERPROMOTIONS = 9


def queen_offsets(size: int) -> Int64Array:
    """Returns how a queen moves on a size x size board, int64 [8 * (size - 1), 2]: (file, rank) for each direction and distance."""
    distance = np.arange(1, size)
    return (COMPASS[:, None, :] * distance[None, :, None]).reshape(-1, 2)


def target_squares() -> Int64Array:
    """Returns where each move ends, int64 [A]; for castling the king's square, -1 for a number that no move has."""
    from_square, move_type = np.divmod(np.arange(NUM_ACTIONS), NUM_MOVE_TYPES)
    sideways = np.tile(np.array([(-1, 0), (0, 0), (1, 0)]), (3, 1))
    file_step, rank_step = np.concatenate((queen_offsets(SIZE), KNIGHT_JUMPS, sideways))[move_type].T
    rank = from_square // SIZE
    pawn_step = np.select([rank == SIZE - 2, rank == 1], [1, -1], 0)
    is_underpromotion = move_type >= UNDERPROMOTION
    to_file = from_square % SIZE + file_step
    to_rank = rank + np.where(is_underpromotion, pawn_step, rank_step)
    is_on_board = (to_file >= 0) & (to_file < SIZE) & (to_rank >= 0) & (to_rank < SIZE)
    targets = np.where(is_on_board & ~(is_underpromotion & (pawn_step == 0)), SIZE * to_rank + to_file, -1)
    targets[CASTLING_ACTION] = CASTLING_SQUARES[:, 2]
    return targets


def rules_actions(targets: Int64Array) -> Int32Array:
    """Returns OpenSpiel's number of each move for each player, int32 [2, A], -1 where the player has no such move.

    OpenSpiel numbers moves as the player sees them, ranks turned for the second player.

    Args:
        targets: from `target_squares`.

    Source: chess.cc and chess_common.cc of OpenSpiel 2.0.2, MoveToAction and OffsetToDestinationIndex.
    """
    from_square, move_type = np.divmod(np.arange(NUM_ACTIONS), NUM_MOVE_TYPES)
    (from_rank, file), (to_rank, to_file) = np.divmod(from_square, SIZE), np.divmod(targets, SIZE)
    is_underpromotion = move_type >= UNDERPROMOTION
    actions = np.empty((2, NUM_ACTIONS), np.int32)
    for player in range(2):
        start = from_rank if player == 0 else SIZE - 1 - from_rank
        forward = to_rank - from_rank if player == 0 else from_rank - to_rank
        destination = np.where(
            is_underpromotion,
            _rules_underpromotion(move_type, to_file - file),
            RULES_UNDERPROMOTIONS + _rules_offset(to_file - file, forward),
        )
        exists = (targets >= 0) & ~(is_underpromotion & (start != SIZE - 2))
        actions[player] = np.where(exists, (SIZE * file + start) * NUM_MOVE_TYPES + destination, -1)
        actions[player, CASTLING_ACTION] = -1
        actions[player, CASTLING_ACTION[2 * player : 2 * player + 2]] = RULES_CASTLING
    return actions


def _rules_underpromotion(move_type: Int64Array, file_step: Int64Array) -> Int64Array:
    """Returns OpenSpiel's index of underpromotions: 3 * (rook, bishop, knight) + (the same file, file + 1, file - 1)."""
    return 3 * (2 - (move_type - UNDERPROMOTION) // 3) + file_step % 3


def _rules_offset(file_step: Int64Array, forward: Int64Array) -> Int64Array:
    """Returns OpenSpiel's index of (file, rank) steps: vertical, horizontal, rising and falling diagonal, knight; 0 for none of them."""
    kind = np.select([file_step == 0, forward == 0, file_step == forward, file_step == -forward], [0, 1, 2, 3], 4)
    distance = np.where(file_step == 0, forward, file_step)
    is_jump = (file_step[:, None] == RULES_KNIGHT_JUMPS[:, 0]) & (forward[:, None] == RULES_KNIGHT_JUMPS[:, 1])
    along_line = 2 * (SIZE - 1) * kind + distance + SIZE - 1 - (distance > 0)
    return np.where(kind == 4, KNIGHT + is_jump.argmax(1), along_line)


def action_planes(targets: Int64Array) -> Float32Array:
    """Returns what each move looks like, float32 [A, 3, 8, 8], row 0 is rank 1: from, to, promotion.

    From and to are one-hot; castling shows both its pieces. The promotion plane is constant: 0, or 1/3, 2/3, 1 for becoming a knight,
    bishop or rook. A number that no move has shows its square and a negative constant of its own, so that no two look the same.

    Args:
        targets: from `target_squares`.
    """
    from_square, move_type = np.divmod(np.arange(NUM_ACTIONS), NUM_MOVE_TYPES)
    planes = np.zeros((NUM_ACTIONS, 3, NUM_SQUARES), np.float32)
    exists = np.flatnonzero(targets >= 0)
    planes[np.arange(NUM_ACTIONS), 0, from_square] = 1.0
    planes[exists, 1, targets[exists]] = 1.0
    piece = np.where(move_type >= UNDERPROMOTION, (move_type - UNDERPROMOTION) // 3 + 1, 0)
    planes[:, 2] = np.where(targets >= 0, piece / 3, -(move_type + 1) / NUM_MOVE_TYPES)[:, None]
    for action, (_, rook_from, _, rook_to) in zip(CASTLING_ACTION, CASTLING_SQUARES, strict=True):
        planes[action, 0, rook_from] = planes[action, 1, rook_to] = 1.0
        planes[action, 2] = 0.0
    return planes.reshape(NUM_ACTIONS, 3, SIZE, SIZE)
