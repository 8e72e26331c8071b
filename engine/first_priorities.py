"""The priorities of a trajectory's rows before anything was trained on them: equal, by value error, or by policy surprise."""

import numpy as np
from numpy.typing import NDArray

from engine.ring import Entry, Ring
from muzero.config import ReplayConfig
from muzero.jit import njit
from muzero.targets import nstep_value
from muzero.types import Float32Array, Int8Array, Int32Array

MIN_PRIORITY = 1e-6
"""Rows predicted without error, or without surprise, keep this priority, so that they can still be drawn."""


def first_priorities(ring: Ring, entry: Entry, config: ReplayConfig, td_steps: int, discount: float) -> NDArray[np.float64]:
    """Returns the first priorities, float64 [T], of a trajectory's rows; 0 for those that are not drawn.

    Args:
        ring: where its rows lie.
        entry: the trajectory.
        config: how rows are drawn.
        td_steps, discount: as in `nstep_value`.
    """
    arrays, priorities = ring.arrays, np.ones(entry.length)
    rows = ring.rows(entry.start, entry.length)
    if config.policy_surprise_fraction > 0.0:
        fill_surprise_weights(arrays["surprise"][rows], arrays["action"][rows], config.policy_surprise_fraction, priorities)
        return priorities
    fill_priorities(
        arrays["reward"],
        arrays["root_value"],
        arrays["to_play"],
        arrays["action"],
        rows.start,
        int(entry.is_terminal),
        td_steps,
        discount,
        config.priority_exponent if config.is_prioritized else 0.0,
        priorities,
    )
    return priorities


def fill_surprise_weights(surprise: Float32Array, action: Int32Array, fraction: float, out_priority: NDArray[np.float64]) -> None:
    """Fills the drawing weights of one trajectory: a share of its n drawable rows' weight n goes to them in proportion to surprise.

    w_t = (1 - s) + s n surprise_t / sum(surprise), all 1 where nothing surprised; rows without an action of their own get 0.

    Args:
        surprise: float32 [T], in nats, at least 0.
        action: int32 [T].
        fraction: s, in [0, 1].
        out_priority: float64 [T].

    Source: policy surprise weighting of KataGo, docs/KataGoMethods.md.
    """
    is_drawable = action >= 0
    surprises = np.where(is_drawable, surprise, 0.0).astype(np.float64)
    total = surprises.sum()
    share = surprises * (is_drawable.sum() / total) if total > 0.0 else np.ones_like(surprises)
    out_priority[:] = np.where(is_drawable, np.maximum((1.0 - fraction) + fraction * share, MIN_PRIORITY), 0.0)


@njit
def fill_priorities(
    reward: Float32Array,
    root_value: Float32Array,
    to_play: Int8Array,
    action: Int32Array,
    start: int,
    is_terminal: int,
    td_steps: int,
    discount: float,
    exponent: float,
    out_priority: NDArray[np.float64],
) -> None:
    """Fills the first priorities of one trajectory: |root value - n-step value| ** exponent, 0 for rows that are not drawn:
    those without an action of their own.

    Args:
        reward, root_value, to_play, action: rows of the ring, [R].
        start: physical row of its first step.
        is_terminal, td_steps, discount: as in `nstep_value`.
        exponent: alpha; 0 makes all rows equal.
        out_priority: float64 [T].

    Source: arXiv:1911.08265, appendix G.
    """
    length = out_priority.shape[0]
    for position in range(length):
        row = start + position
        if action[row] < 0:
            out_priority[position] = 0.0
        elif exponent == 0.0:
            out_priority[position] = 1.0
        else:
            target = nstep_value(reward, root_value, to_play, start, length, is_terminal, position, td_steps, discount)
            out_priority[position] = max(abs(root_value[row] - target), MIN_PRIORITY) ** exponent
