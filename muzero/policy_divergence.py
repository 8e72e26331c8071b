"""How far a new policy is from a stored one, as one number a position. What is done about it is decided elsewhere."""

import numpy as np

from muzero.types import Float32Array, Int32Array

NEW_SHARE = 0.01
"""Share of the new policy that is mixed into the old one, so that an action the old search never visited costs 4.6 nats, not infinity."""


def policy_divergence(new: Float32Array, old_action: Int32Array, old_weight: Float32Array) -> Float32Array:
    """Returns KL(new || 0.99 old + 0.01 new) of each position, in nats, in [0, 4.61].

    Args:
        new: float32 [B, A], sums to 1.
        old_action: int32 [B, P], actions of the stored policy, padded with any (weight 0).
        old_weight: float32 [B, P], their probabilities; where they sum to 0 there was no policy.

    Returns:
        float32 [B]; NaN where there was no old policy.

    Source: the skew divergence of Lee, ACL 1999, section 2.
    """
    rows, columns = np.nonzero(old_weight)
    old = np.zeros(new.shape, np.float64)
    old[rows, old_action[rows, columns]] = old_weight[rows, columns]
    mixed = (1.0 - NEW_SHARE) * old + NEW_SHARE * new
    ratio = np.divide(new, mixed, out=np.ones_like(mixed), where=new > 0)
    divergence = (new * np.log(ratio)).sum(axis=1)
    has_policy = old_weight.any(axis=1)
    return np.where(has_policy, np.maximum(divergence, 0.0), np.nan).astype(np.float32)
