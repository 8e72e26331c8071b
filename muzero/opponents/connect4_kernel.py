"""Alpha-beta search of connect four on bitboards, for boards of any size that fits 62 bits. Who plays its moves is `alphabeta.py`.

A column takes H + 1 bits from its lowest cell upwards; the topmost one stays empty, so that no line runs from one column into the next.
Cell (row r from the top, column c) is bit c (H + 1) + H - 1 - r. A position is two integers: the stones of the player to move, and of both.
Legend: H rows, W columns.
"""

from muzero.jit import njit
from muzero.types import Int8Array, Int64Array

WIN = 1_000
"""Worth of a win by the last move that is searched; each ply earlier adds 1. A loss is worth the same with a minus sign, the rest 0."""
FULL = -10_000
"""What a column is worth where nothing can be played."""


@njit
def bits_of(board: Int8Array, stone: int) -> int:
    """Returns the cells of a board, int8 [H, W], row 0 at the top, that hold this number, as bits."""
    height, width = board.shape
    bits = 0
    for column in range(width):
        for row in range(height):
            if board[row, column] == stone:
                bits |= 1 << (column * (height + 1) + height - 1 - row)
    return bits


@njit
def has_line(stones: int, height: int, length: int) -> bool:
    """Returns whether `length` of these stones stand in a row: upwards, sideways or on a diagonal."""
    for direction in range(4):
        shift = 1 if direction == 0 else height + direction - 1
        starts = stones
        for _ in range(length - 1):
            starts &= starts >> shift
        if starts != 0:
            return True
    return False


@njit
def landing(both: int, column: int, height: int) -> int:
    """Returns the bit where a stone comes to rest in this column, 0 where the column is full.

    Args:
        both: the stones of both players.
        column, height: c and H.
    """
    lowest = 1 << (column * (height + 1))
    stone = (both + lowest) & ~both & ((lowest << height) - lowest)
    return stone & -stone


@njit
def move_value(stone: int, mine: int, both: int, depth: int, alpha: int, beta: int, height: int, length: int, order: Int64Array) -> int:
    """Returns what a move is worth to the player who makes it, exactly if between alpha and beta, else a bound beyond them.

    Args:
        stone: the bit it fills.
        mine, both: stones of the player, and of both players.
        depth: plies to search, this one included, at least 1.
        alpha, beta: the window.
        height: H.
        length: stones in a row that win.
        order: int64 [W], the columns in the order in which they are tried.
    """
    after = mine | stone
    if has_line(after, height, length):
        return WIN + depth
    if depth == 1:
        return 0
    theirs, best, has_moves = both ^ mine, -beta, False
    for column in order:
        reply = landing(both | stone, column, height)
        if reply != 0:
            has_moves = True
            best = max(best, move_value(reply, theirs, both | stone, depth - 1, best, -alpha, height, length, order))
            if best >= -alpha:
                break
    return -best if has_moves else 0


@njit
def search_columns(mine: int, theirs: int, depth: int, height: int, length: int, order: Int64Array, out_values: Int64Array) -> None:
    """Writes what each column is worth to the player to move: the best ones exactly, of the others at most less than the best.

    Args:
        mine, theirs: stones of the player to move, and of the other one.
        depth: plies to search, at least 1.
        height: H.
        length: stones in a row that win.
        order: int64 [W], the columns in the order in which they are tried.
        out_values: int64 [W], FULL where no stone can be played.
    """
    both, best = mine | theirs, FULL
    for column in order:
        stone = landing(both, column, height)
        out_values[column] = FULL
        if stone != 0:
            # One below the best so far, so that an equal move is told from a worse one.
            out_values[column] = move_value(stone, mine, both, depth, max(best, -2 * WIN) - 1, 2 * WIN, height, length, order)
            best = max(best, out_values[column])
