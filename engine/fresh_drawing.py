"""Draws rows whose policies are fresh: every stored position of the unroll was searched again, lately. No copying of targets.

Of a row whose unroll passes the end of its trajectory, so many rows before it must be fresh as well that all rows ask for equally many,
K+1. Otherwise a chunk of reanalysis would make its last K rows count at an end alone: of chunks of 16, with K = 5, the last row of a game
was drawn 1.5 times as often as one in its middle, of chunks of 8 2.3 times.
"""

import numpy as np
from numpy.typing import NDArray

from engine.known_trajectories import KnownTrajectories
from muzero.jit import njit
from muzero.priorities import SumTree, draw_row
from muzero.types import Int64Array

CANDIDATES_PER_ROW = 8
MIN_CANDIDATES = 1024
"""Rows tried at once; if not one of the first is fresh, the drawing is given up, which costs some tenths of a millisecond."""
MAX_ROUNDS = 32
"""With CANDIDATES_PER_ROW: drawing succeeds where about one row in 250 is fresh."""


def draw_fresh(
    tree: SumTree,
    known: KnownTrajectories,
    fresh_version: Int64Array,
    count: int,
    unroll_steps: int,
    oldest_version: int,
    rng: np.random.Generator,
) -> tuple[Int64Array, NDArray[np.float64]] | None:
    """Draws rows in proportion to their priorities among those with fresh policies, by rejection.

    Args:
        tree: priorities; its total is positive.
        known: which trajectory each row belongs to.
        fresh_version: int64 [R], as in the ring.
        count: n, rows to draw.
        unroll_steps: K.
        oldest_version: a policy of this version or a newer one is fresh; at least 0.
        rng: the only source of randomness.

    Returns:
        row int64 [n] and its priority over the total of all rows float64 [n], or None where too few are fresh.
    """
    row, probability = np.empty(count, dtype=np.int64), np.empty(count, dtype=np.float64)
    uniform = (np.arange(count) + rng.random(count)) / count
    num_found = 0
    for _ in range(MAX_ROUNDS):
        num_found += draw_fresh_rows(
            tree.nodes,
            uniform,
            known.row_sequence,
            known.slot_start,
            known.slot_length,
            fresh_version,
            unroll_steps,
            oldest_version,
            row[num_found:],
            probability[num_found:],
        )
        if num_found == count:
            return row, probability
        if num_found == 0 and len(uniform) >= MIN_CANDIDATES:
            return None
        uniform = rng.random(max(MIN_CANDIDATES, CANDIDATES_PER_ROW * count))
    return None


@njit
def draw_fresh_rows(
    nodes: NDArray[np.float64],
    uniform: NDArray[np.float64],
    row_sequence: Int64Array,
    slot_start: Int64Array,
    slot_length: Int64Array,
    fresh_version: Int64Array,
    unroll_steps: int,
    oldest_version: int,
    out_row: Int64Array,
    out_probability: NDArray[np.float64],
) -> int:
    """Fills rows with the candidates that are fresh, in order, until all are filled or none is left; returns how many it filled.

    Args:
        nodes: float64 [2 * leaves], the sum tree; its total is positive.
        uniform: float64 [c], in [0, 1), one candidate each.
        row_sequence, slot_start, slot_length: as in `KnownTrajectories`.
        fresh_version: int64 [R].
        unroll_steps: K.
        oldest_version: as in `draw_fresh`.
        out_row: int64 [n].
        out_probability: float64 [n].
    """
    num_leaves, capacity_steps, num_found = nodes.shape[0] // 2, row_sequence.shape[0], 0
    for index in range(uniform.shape[0]):
        if num_found == out_row.shape[0]:
            break
        row = draw_row(nodes, uniform[index])
        slot = row_sequence[row] % slot_start.shape[0]
        start = slot_start[slot] % capacity_steps
        last = min(row + unroll_steps, start + slot_length[slot] - 1)
        first = row
        while first > start and last - first < unroll_steps and nodes[num_leaves + first - 1] > 0.0:  # a row of history has no policy
            first -= 1
        if is_fresh_window(fresh_version, first, last, oldest_version):
            out_row[num_found] = row
            out_probability[num_found] = nodes[num_leaves + row] / nodes[1]
            num_found += 1
    return num_found


@njit
def is_fresh_window(fresh_version: Int64Array, first: int, last: int, oldest_version: int) -> bool:
    """Returns whether all rows from `first` to `last` have fresh policies.

    Args:
        fresh_version: int64 [R].
        first, last: physical rows.
        oldest_version: as in `draw_fresh`.
    """
    row = first
    while row <= last and fresh_version[row] >= oldest_version:
        row += 1
    return row > last
