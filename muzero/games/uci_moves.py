"""Chess moves as UCI writes them, such as e2e4, e7e8q and e1g1 for castling; their numbers are in `chess_moves.py`."""

from functools import cache

import numpy as np

from muzero.games.chess_moves import CASTLING_ACTION, NUM_MOVE_TYPES, NUM_SQUARES, SIZE, UNDERPROMOTION, target_squares
from muzero.types import BoolArray, Int8Array, Int64Array

PAWNS = (1, 7)
"""White's and Black's pawn in a frame of chess."""


def uci_moves(legal_actions: BoolArray, frame: Int8Array) -> dict[str, int]:
    """Returns the legal moves by how UCI writes them.

    Args:
        legal_actions: bool [A].
        frame: int8 [CHESS_FRAME_SIZE], the present position; tells which moves are a pawn's.
    """
    return {_text(int(action), frame): int(action) for action in np.flatnonzero(legal_actions)}


def _text(action: int, frame: Int8Array) -> str:
    """Returns a move as UCI writes it."""
    start, move_type = divmod(action, NUM_MOVE_TYPES)
    target = int(_targets()[action])
    text = _square(start) + _square(target)
    if action in CASTLING_ACTION:
        return text
    if move_type >= UNDERPROMOTION:
        return text + "nbr"[(move_type - UNDERPROMOTION) // 3]
    return text + "q" * (frame[start] in PAWNS and target // SIZE in (0, NUM_SQUARES // SIZE - 1))


def _square(square: int) -> str:
    """Returns the name of a square, 0 to 63."""
    return f"{'abcdefgh'[square % SIZE]}{square // SIZE + 1}"


@cache
def _targets() -> Int64Array:
    """Returns where each move ends, once in a process."""
    return target_squares()
