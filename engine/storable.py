"""What may be stored in the ring: shapes, dtypes and finite numbers of trajectories and fresh targets. Nothing is stored here."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muzero.errors import UserError
from muzero.types import Float32Array, Int32Array, Trajectory

ROW_ARRAYS = ("frame", "to_play", "action", "reward", "root_value", "policy_action", "policy_weight", "version", "surprise", "legal_bits")
"""Arrays with one row a step, named as in `Trajectory`."""
FRESH_ARRAYS = ("fresh_policy_action", "fresh_policy_weight", "fresh_value", "fresh_version")
"""Arrays with one row a step that a reanalyzer writes."""
RingArrays = Mapping[str, NDArray[Any]]


def require_storable(trajectory: Trajectory, arrays: RingArrays, writer_index: int) -> None:
    """Checks that a trajectory can be appended.

    Args:
        trajectory: of the actor `writer_index`.
        arrays: those of the ring.
        writer_index: who appends it.

    Raises:
        UserError: it is longer than the ring.
        ValueError: its arrays do not fit one another or the ring, or hold a number that is not finite.
    """
    length, name = len(trajectory), f"trajectory of actor {trajectory.actor_index}, game {trajectory.game_index}"
    capacity_steps = len(arrays["action"])
    if length > capacity_steps:
        raise UserError(
            f"a trajectory has {length} steps, but the ring holds {capacity_steps}: "
            "raise replay.capacity_steps or lower self_play.max_trajectory_steps."
        )
    if length == 0 or trajectory.actor_index != writer_index:
        raise ValueError(f"{name} has {length} steps and writer {writer_index}: append steps of one's own.")
    for array_name in ROW_ARRAYS:
        _require_fitting(f"{name}: {array_name}", getattr(trajectory, array_name), arrays[array_name], length)


def require_fresh_storable(
    policy_action: Int32Array, policy_weight: Float32Array, value: Float32Array, version: int, arrays: RingArrays
) -> None:
    """Checks that fresh targets of n rows can be written.

    Args:
        policy_action, policy_weight, value, version: as in `Ring.write_fresh`.
        arrays: those of the ring.

    Raises:
        ValueError: the ring has no room for fresh targets, or they do not fit it, or hold a number that is not finite.
    """
    if len(arrays["fresh_version"]) == 0 or version < 0:
        raise ValueError(f"fresh targets of version {version} in a ring with {len(arrays['fresh_version'])} rows for them.")
    for name, values in (("policy_action", policy_action), ("policy_weight", policy_weight), ("value", value)):
        _require_fitting(f"fresh {name}", values, arrays[f"fresh_{name}"], len(value))


def _require_fitting(name: str, values: NDArray[Any], target: NDArray[Any], length: int) -> None:
    if values.shape != (length, *target.shape[1:]) or values.dtype != target.dtype:
        raise ValueError(
            f"{name} is {values.dtype} {list(values.shape)}, but the ring stores {target.dtype} {[length, *target.shape[1:]]}."
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise ValueError(f"{name} holds a number that is not finite; it was not stored.")
