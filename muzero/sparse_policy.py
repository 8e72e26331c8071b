"""The stored form of a policy target: its largest entries alone. What a policy is comes from the search."""

import numpy as np

from muzero.types import Float32Array, Int32Array


def sparse_policy(policy: Float32Array, num_entries: int) -> tuple[Int32Array, Float32Array]:
    """Returns the largest entries of each policy, scaled to sum to 1.

    Args:
        policy: float32 [B, A].
        num_entries: P, at most A.

    Returns:
        actions int32 [B, P] and probabilities float32 [B, P].
    """
    num_actions = policy.shape[1]
    if num_entries >= num_actions:
        return np.broadcast_to(np.arange(num_actions, dtype=np.int32), policy.shape), policy
    actions = np.argpartition(-policy, num_entries - 1, axis=1)[:, :num_entries].astype(np.int32)
    weights = np.take_along_axis(policy, actions, axis=1)
    return actions, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)
