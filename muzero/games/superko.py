"""Positional superko for Go: which moves would repeat an earlier position of the whole board. The other rules are OpenSpiel's.

OpenSpiel ends a game as a draw when a position repeats, which a losing player could seek, so such moves are forbidden here. The
kernels need Numba: import this file only when a game is played. Legend: P points, numbered row by row; S slots of a hash table.
A position is an int64 hash of its stones (Zobrist, 1970); a wrong answer in a longest game of 19x19 has odds of about 1 in 2^36.
"""

from copy import copy
from functools import cache
from typing import Self

import numpy as np

from muzero.jit import njit
from muzero.types import BoolArray, Float32Array, Int32Array, Int64Array

EMPTY_SLOT = 0
NO_POINT = -1
SEVERAL_POINTS = -2


class Superko:
    """Remembers the positions of one game of Go and forbids moves that repeat one."""

    def __init__(self, board_size: int, max_moves: int) -> None:
        """Starts at the empty board, which no move can repeat.

        Args:
            board_size: width of the board.
            max_moves: most positions to remember.
        """
        self._stone_hash, self._neighbours = stone_hashes(board_size), neighbours(board_size)
        self._known: Int64Array = np.zeros(1 << (2 * max_moves).bit_length(), np.int64)
        self._position, self._num_stones, self._sum = 0, 0, 0
        self._has_captured = False

    def after_move(self, stones: Float32Array) -> None:
        """Remembers the position a move led to.

        Args:
            stones: float32 [2 or more, P], ones at the first player's stones, then at the second's.
        """
        position, num_stones = hash_position(stones, self._stone_hash)
        insert(self._known, position)
        self._has_captured |= position != self._position and num_stones <= self._num_stones
        self._position, self._num_stones, self._sum = position, num_stones, self._sum + position

    def restrict(self, stones: Float32Array, player: int, out_legal: BoolArray) -> None:
        """Forbids what repeats; before the first capture every move makes a board with more stones than ever before.

        Args:
            stones: float32 [2 or more, P], as for `after_move`, of the same position.
            player: the one to move, 0 or 1.
            out_legal: bool [P + 1], the legal moves without superko; changed in place. The last one, the pass, stays.
        """
        if self._has_captured:
            forbid_repetitions(stones, player, self._position, self._stone_hash, self._neighbours, self._known, out_legal)

    def key(self) -> str:
        """Returns a text that two games share if they went through the same positions and passes, in whatever order."""
        return str(self._sum)

    def copy(self) -> Self:
        """Returns an independent copy."""
        twin = copy(self)
        twin._known = self._known.copy()
        return twin


@cache
def stone_hashes(board_size: int) -> Int64Array:
    """Returns the random numbers of the hash, int64 [2, P]: one for each player's stone on each point."""
    return np.random.default_rng(0).integers(-(2**63), 2**63 - 1, (2, board_size * board_size), np.int64)


@cache
def neighbours(board_size: int) -> Int32Array:
    """Returns the points beside each point, int32 [P, 4], NO_POINT beyond the edge."""
    framed = np.full((board_size + 2, board_size + 2), NO_POINT, np.int32)
    framed[1:-1, 1:-1] = np.arange(board_size * board_size, dtype=np.int32).reshape(board_size, board_size)
    sides = (framed[:-2, 1:-1], framed[2:, 1:-1], framed[1:-1, :-2], framed[1:-1, 2:])
    return np.ascontiguousarray(np.stack(sides, axis=-1).reshape(-1, 4))


@njit
def hash_position(stones: Float32Array, stone_hash: Int64Array) -> tuple[int, int]:
    """Returns (hash of the position, number of its stones); arguments as below."""
    position, num_stones = 0, 0
    for player in range(2):
        for point in range(stone_hash.shape[1]):
            if stones[player, point] > 0:
                position ^= int(stone_hash[player, point])
                num_stones += 1
    return position, num_stones


@njit
def slot_of(known: Int64Array, position: int) -> int:
    """Returns where a position is in the table, or the empty slot where it belongs.

    Args:
        known: int64 [S], S a power of two, at most half full.
        position: its hash.
    """
    slot = position & (len(known) - 1)
    while known[slot] != EMPTY_SLOT and known[slot] != position:
        slot = (slot + 1) & (len(known) - 1)
    return slot


@njit
def insert(known: Int64Array, position: int) -> None:
    """Puts a position into the table, int64 [S]."""
    known[slot_of(known, position)] = position


@njit
def forbid_repetitions(
    stones: Float32Array,
    player: int,
    position: int,
    stone_hash: Int64Array,
    neighbours: Int32Array,
    known: Int64Array,
    out_legal: BoolArray,
) -> None:
    """Clears the moves whose position is known.

    Args:
        stones: float32 [2 or more, P], ones at each player's stones.
        player: the one to move.
        position: hash of the stones.
        stone_hash: int64 [2, P].
        neighbours: int32 [P, 4].
        known: int64 [S], the table of earlier positions.
        out_legal: bool [P + 1], changed in place.
    """
    captured = captured_hashes(stones[1 - player], stones[player], stone_hash[1 - player], neighbours)
    for point in range(len(captured)):
        if out_legal[point]:
            after = position ^ stone_hash[player, point] ^ captured[point]
            if known[slot_of(known, after)] == after:
                out_legal[point] = False


@njit
def captured_hashes(theirs: Float32Array, ours: Float32Array, their_hash: Int64Array, neighbours: Int32Array) -> Int64Array:
    """Returns what a move of ours at each point takes off the board: int64 [P], the hash of the captured stones, 0 for none.

    A chain is captured by a move on its only liberty, so it is enough to find each chain's liberties once.

    Args:
        theirs: float32 [P], ones at the opponent's stones.
        ours: float32 [P], ones at our stones.
        their_hash: int64 [P], of the opponent's stones.
        neighbours: int32 [P, 4].
    """
    num_points = len(their_hash)
    captured, is_seen, stack = np.zeros(num_points, np.int64), np.zeros(num_points, np.bool_), np.empty(num_points, np.int32)
    for start in range(num_points):
        if theirs[start] > 0 and not is_seen[start]:
            liberty, chain_hash = walk_chain(start, theirs, ours, their_hash, neighbours, is_seen, stack)
            if liberty >= 0:
                captured[liberty] ^= chain_hash
    return captured


@njit
def walk_chain(
    start: int,
    theirs: Float32Array,
    ours: Float32Array,
    their_hash: Int64Array,
    neighbours: Int32Array,
    out_is_seen: BoolArray,
    out_stack: Int32Array,
) -> tuple[int, int]:
    """Returns (the only liberty of the chain at `start`, or SEVERAL_POINTS or NO_POINT; hash of the chain).

    Longer than other functions because a stack must not be split over several.

    Args:
        start: a stone of the chain.
        theirs, ours, their_hash, neighbours: as for `captured_hashes`.
        out_is_seen: bool [P], set for the stones of the chain.
        out_stack: int32 [P], working memory.
    """
    liberty, chain_hash, height = NO_POINT, 0, 1
    out_stack[0], out_is_seen[start] = start, True
    while height > 0:
        height -= 1
        point = out_stack[height]
        chain_hash ^= int(their_hash[point])
        for side in range(4):
            beside = neighbours[point, side]
            if beside == NO_POINT or ours[beside] > 0 or out_is_seen[beside]:
                continue
            if theirs[beside] > 0:
                out_stack[height], out_is_seen[beside] = beside, True
                height += 1
            elif liberty != beside:
                liberty = beside if liberty == NO_POINT else SEVERAL_POINTS
    return liberty, chain_hash
