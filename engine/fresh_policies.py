"""Copies fresh policies into a batch while reanalyzers go on writing, and tells afterwards which copies are whole. No drawing.

Versions are noted first, then policies copied, then versions compared; the caller lets reads finish in between. A row's versions
only grow (see `Ring.write_fresh`), so that the same version before and after means that nobody wrote.
"""

from muzero.jit import njit
from muzero.types import BoolArray, Float32Array, Int32Array, Int64Array


@njit
def note_fresh_versions(
    fresh_version: Int64Array, row: Int64Array, num_stored: Int64Array, is_fresh: BoolArray, out_policy_version: Int64Array
) -> None:
    """Fills the versions of the fresh samples' policies; past the end that of the first position.

    Args:
        fresh_version: int64 [R].
        row: int64 [B], physical row of each sample's first position.
        num_stored: int64 [B], positions of its unroll that the trajectory has, 1 to K+1.
        is_fresh: bool [B]; other samples are left as they are.
        out_policy_version: int64 [B, K+1].
    """
    for sample in range(row.shape[0]):
        if not is_fresh[sample]:
            continue
        for step in range(out_policy_version.shape[1]):
            source = row[sample] + step if step < num_stored[sample] else row[sample]
            out_policy_version[sample, step] = fresh_version[source]


@njit
def copy_fresh_policies(
    fresh_policy_action: Int32Array,
    fresh_policy_weight: Float32Array,
    row: Int64Array,
    num_stored: Int64Array,
    is_fresh: BoolArray,
    out_policy_action: Int32Array,
    out_policy_weight: Float32Array,
    out_policy_mask: Float32Array,
) -> None:
    """Replaces the stored policies of the fresh samples.

    Args:
        fresh_policy_action: int32 [R, P].
        fresh_policy_weight: float32 [R, P].
        row, num_stored, is_fresh: as in `note_fresh_versions`.
        out_policy_action, out_policy_weight, out_policy_mask: the fields of `Batch`; past the end they stay as they are.
    """
    for sample in range(row.shape[0]):
        if not is_fresh[sample]:
            continue
        for step in range(num_stored[sample]):
            out_policy_action[sample, step] = fresh_policy_action[row[sample] + step]
            out_policy_weight[sample, step] = fresh_policy_weight[row[sample] + step]
            out_policy_mask[sample, step] = 1.0


@njit
def check_fresh_policies(
    fresh_version: Int64Array,
    row: Int64Array,
    num_stored: Int64Array,
    is_fresh: BoolArray,
    policy_version: Int64Array,
    oldest_version: int,
    out_is_whole: BoolArray,
) -> None:
    """Tells which samples have policies that nobody wrote to meanwhile.

    Args:
        fresh_version, row, num_stored, is_fresh: as in `note_fresh_versions`.
        policy_version: int64 [B, K+1], as noted.
        oldest_version: older ones do not count as fresh.
        out_is_whole: bool [B], true for samples that are not fresh.
    """
    for sample in range(row.shape[0]):
        out_is_whole[sample] = True
        if not is_fresh[sample]:
            continue
        for step in range(num_stored[sample]):
            noted = policy_version[sample, step]
            if noted < oldest_version or fresh_version[row[sample] + step] != noted:
                out_is_whole[sample] = False
