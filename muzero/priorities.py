"""A sum tree: draws rows in proportion to their priorities in O(log n). What a priority means is decided elsewhere.

Node 1 is the root, node i has children 2i and 2i+1, the leaves are the last half. Every inner node is always exactly the
sum of its two children, so that rounding never accumulates over millions of updates.
"""

import numpy as np
from numpy.typing import NDArray

from muzero.jit import njit
from muzero.types import Int64Array


class SumTree:
    """Priorities of `capacity` rows, all 0 at first."""

    def __init__(self, capacity: int) -> None:
        """Makes an empty tree of `capacity` rows, at least 1."""
        self.capacity = capacity
        self._num_leaves = 1 << max(0, capacity - 1).bit_length()
        self._nodes = np.zeros(2 * self._num_leaves, dtype=np.float64)

    @property
    def total(self) -> float:
        """Sum of all priorities."""
        return float(self._nodes[1])

    @property
    def priorities(self) -> NDArray[np.float64]:
        """Read-only view of the priorities, float64 [capacity]."""
        view = self._nodes[self._num_leaves : self._num_leaves + self.capacity]
        view.flags.writeable = False
        return view

    @property
    def nodes(self) -> NDArray[np.float64]:
        """The tree, float64 [2 * leaves], for kernels that draw from it."""
        return self._nodes

    def set(self, rows: Int64Array, priorities: NDArray[np.float64]) -> None:
        """Sets the priorities of some rows; of a row named twice the last one holds.

        Args:
            rows: int64 [n], in [0, capacity).
            priorities: float64 [n], finite and at least 0; 0 is never drawn.

        Raises:
            ValueError: if a row or a priority is out of its range.
        """
        if len(rows) == 0:
            return
        if rows.min() < 0 or rows.max() >= self.capacity:
            raise ValueError(f"rows must lie in [0, {self.capacity}), got {rows.min()} to {rows.max()}")
        if not (np.isfinite(priorities).all() and priorities.min() >= 0.0):
            raise ValueError("priorities must be finite and at least 0")
        set_priorities(rows, priorities, self._nodes)

    def sample(self, uniform: NDArray[np.float64]) -> tuple[Int64Array, NDArray[np.float64]]:
        """Draws rows in proportion to their priorities.

        Args:
            uniform: float64 [n], random numbers in [0, 1); stratified ones, (i + u_i) / n, spread the draws.

        Returns:
            row: int64 [n].
            probability: float64 [n], priority over total.

        Raises:
            ValueError: if all priorities are 0.
        """
        if self.total <= 0.0:
            raise ValueError("nothing to draw: all priorities are 0")
        row = np.empty(len(uniform), dtype=np.int64)
        probability = np.empty(len(uniform), dtype=np.float64)
        draw_rows(self._nodes, uniform, row, probability)
        return row, probability


@njit
def set_priorities(rows: Int64Array, priorities: NDArray[np.float64], out_nodes: NDArray[np.float64]) -> None:
    """Writes leaves and recomputes the sums above them.

    Args:
        rows: int64 [n].
        priorities: float64 [n].
        out_nodes: float64 [2 * leaves], the tree.
    """
    num_leaves = out_nodes.shape[0] // 2
    for index in range(rows.shape[0]):
        node = num_leaves + rows[index]
        out_nodes[node] = priorities[index]
        node //= 2
        while node >= 1:
            out_nodes[node] = out_nodes[2 * node] + out_nodes[2 * node + 1]
            node //= 2


@njit
def draw_row(nodes: NDArray[np.float64], uniform: float) -> int:
    """Returns the row that a random number in [0, 1) stands for: a walk down from the root.

    A side whose sum is 0 is never entered, whatever rounding does to the remaining mass.

    Args:
        nodes: float64 [2 * leaves], the tree; its total is positive.
        uniform: in [0, 1).
    """
    num_leaves: int = nodes.shape[0] // 2
    mass = uniform * nodes[1]
    node = 1
    while node < num_leaves:
        left, right = nodes[2 * node], nodes[2 * node + 1]
        if right <= 0.0 or (left > 0.0 and mass < left):
            node = 2 * node
        else:
            mass -= left
            node = 2 * node + 1
    return node - num_leaves


@njit
def draw_rows(nodes: NDArray[np.float64], uniform: NDArray[np.float64], out_row: Int64Array, out_probability: NDArray[np.float64]) -> None:
    """Draws a row for each random number.

    Args:
        nodes: float64 [2 * leaves], the tree; its total is positive.
        uniform: float64 [n], in [0, 1).
        out_row: int64 [n].
        out_probability: float64 [n].
    """
    num_leaves = nodes.shape[0] // 2
    for index in range(uniform.shape[0]):
        out_row[index] = draw_row(nodes, uniform[index])
        out_probability[index] = nodes[num_leaves + out_row[index]] / nodes[1]
