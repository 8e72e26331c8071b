"""Training targets from stored trajectories: n-step values, rewards, policies, masks, observations. No sampling and no torch.

A trajectory lies in the rows `start .. start + length - 1` of arrays of R rows and never wraps. Axis letters: R rows, B samples,
K unroll steps, P stored policy entries. Past the end of a finished episode states are absorbing: value 0 and reward 0, trained,
no policy. Past the cut of a cut trajectory nothing is known: nothing is trained.
"""

import numpy as np

from muzero.jit import njit
from muzero.types import Float32Array, FrameArray, Int8Array, Int32Array, Int64Array


@njit
def nstep_parts(
    reward: Float32Array,
    to_play: Int8Array,
    start: int,
    length: int,
    is_terminal: int,
    position: int,
    td_steps: int,
    discount: float,
) -> tuple[float, int, float]:
    """Returns what an n-step value is made of but the value it bootstraps from.

    Args:
        reward, to_play, start, length, is_terminal, position, td_steps, discount: as in `nstep_value`.

    Returns:
        rewards: their discounted sum, seen by the player to move at `position`.
        row: physical row of the position that is bootstrapped from.
        factor: what its value is multiplied by, discount^n or its negative; 0 where nothing is bootstrapped.
    """
    current = start + position
    end = start + length if is_terminal else start + length - 1
    bootstrap = min(current + td_steps, end)
    rewards, factor = 0.0, 1.0
    for row in range(current, bootstrap):
        sign = 1.0 if to_play[row] == to_play[current] else -1.0
        rewards += factor * sign * reward[row]
        factor *= discount
    if bootstrap == start + length:
        return rewards, bootstrap, 0.0
    return rewards, bootstrap, factor if to_play[bootstrap] == to_play[current] else -factor


@njit
def nstep_value(
    reward: Float32Array,
    search_value: Float32Array,
    to_play: Int8Array,
    start: int,
    length: int,
    is_terminal: int,
    position: int,
    td_steps: int,
    discount: float,
) -> float:
    """Returns the n-step bootstrapped return of one position, seen by the player to move there.

    It is sum_{j<n} discount^j s_j r_{t+j} + discount^n s_n v_{t+n}, where s is 1 if the player to move there is the one to
    move at t, else -1. An episode that ended within n steps has nothing to bootstrap from; a trajectory that was cut within
    n steps bootstraps from its last row instead.

    Args:
        reward: float32 [R], in game points, earned by the player who moved.
        search_value: float32 [R], the newest search's root value in game points, seen by the player to move.
        to_play: int8 [R], the player to move.
        start: physical row of the trajectory's first step.
        length: its rows.
        is_terminal: 1 if its last action ended the episode, 0 if it was cut and its last row was only searched.
        position: t, in [0, length).
        td_steps: n, at least 1.
        discount: in (0, 1]; the sign of the players comes from to_play.

    Source: arXiv:1911.08265, appendix G.
    """
    rewards, row, factor = nstep_parts(reward, to_play, start, length, is_terminal, position, td_steps, discount)
    return rewards if factor == 0.0 else rewards + factor * search_value[row]


@njit
def fill_targets(
    reward: Float32Array,
    search_value: Float32Array,
    to_play: Int8Array,
    start: int,
    length: int,
    is_terminal: int,
    position: int,
    td_steps: int,
    discount: float,
    out_value: Float32Array,
    out_reward: Float32Array,
    out_value_mask: Float32Array,
    out_reward_mask: Float32Array,
    out_policy_mask: Float32Array,
) -> None:
    """Fills value and reward targets and all masks of one sample that begins at `position`.

    Args:
        reward, search_value, to_play, start, length, is_terminal, position, td_steps, discount: as in nstep_value.
        out_value: float32 [K+1], n-step values, 0 where unknown.
        out_reward: float32 [K], 0 where unknown.
        out_value_mask: float32 [K+1], 0 only past a cut.
        out_reward_mask: float32 [K], 0 only at and past the last row of a cut trajectory.
        out_policy_mask: float32 [K+1], 1 where the position is stored.

    Source: arXiv:1911.08265, appendix G (absorbing states).
    """
    absorbing = 1.0 if is_terminal else 0.0
    last_played = length if is_terminal else length - 1
    for step in range(out_value.shape[0]):
        offset = position + step
        is_stored = offset < length
        out_value[step] = 0.0
        if is_stored:
            out_value[step] = nstep_value(reward, search_value, to_play, start, length, is_terminal, offset, td_steps, discount)
        out_value_mask[step] = 1.0 if is_stored else absorbing
        out_policy_mask[step] = 1.0 if is_stored else 0.0
    for step in range(out_reward.shape[0]):
        is_played = position + step < last_played
        out_reward[step] = reward[start + position + step] if is_played else 0.0
        out_reward_mask[step] = 1.0 if is_played else absorbing


@njit
def assemble_targets(
    reward: Float32Array,
    search_value: Float32Array,
    to_play: Int8Array,
    action: Int32Array,
    policy_action: Int32Array,
    policy_weight: Float32Array,
    version: Int64Array,
    start: Int64Array,
    length: Int64Array,
    is_terminal: Int64Array,
    position: Int64Array,
    random_action: Int32Array,
    td_steps: int,
    discount: float,
    out_action: Int32Array,
    out_value: Float32Array,
    out_reward: Float32Array,
    out_policy_action: Int32Array,
    out_policy_weight: Float32Array,
    out_value_mask: Float32Array,
    out_reward_mask: Float32Array,
    out_policy_mask: Float32Array,
    out_to_play: Int8Array,
    out_version: Int64Array,
    out_policy_version: Int64Array,
) -> None:
    """Fills every field of a `Batch` that comes from self-play but frames, sample_weight and row, for B samples.

    A stored policy whose weights are all 0 is none: that search was too short for a target.

    Args:
        reward, search_value, to_play: rows as in nstep_value.
        action: int32 [R], NO_ACTION in the last row of a cut trajectory.
        policy_action: int32 [R, P].
        policy_weight: float32 [R, P].
        version: int64 [R].
        start: int64 [B], physical row of each trajectory's first step.
        length: int64 [B].
        is_terminal: int64 [B].
        position: int64 [B], offset of the sample in its trajectory.
        random_action: int32 [B, K], actions of the unroll where none was played.
        td_steps, discount: as in nstep_value.
        out_action, out_value, out_reward, out_policy_action, out_policy_weight, out_value_mask, out_reward_mask,
            out_policy_mask, out_to_play, out_version, out_policy_version: the fields of `muzero.types.Batch`, same shapes and dtypes.
    """
    for sample in range(start.shape[0]):
        first, offset, steps = start[sample], position[sample], length[sample]
        fill_targets(
            reward,
            search_value,
            to_play,
            first,
            steps,
            is_terminal[sample],
            offset,
            td_steps,
            discount,
            out_value[sample],
            out_reward[sample],
            out_value_mask[sample],
            out_reward_mask[sample],
            out_policy_mask[sample],
        )
        out_to_play[sample] = to_play[first + offset]
        out_version[sample] = version[first + offset]
        last_played = steps if is_terminal[sample] else steps - 1
        for step in range(out_action.shape[1]):
            is_played = offset + step < last_played
            out_action[sample, step] = action[first + offset + step] if is_played else random_action[sample, step]
        for step in range(out_policy_action.shape[1]):
            is_stored = offset + step < steps
            row = first + offset + step if is_stored else first + offset
            out_policy_version[sample, step] = version[row]
            mass = 0.0
            for entry in range(out_policy_action.shape[2]):
                out_policy_action[sample, step, entry] = policy_action[row, entry] if is_stored else 0
                out_policy_weight[sample, step, entry] = policy_weight[row, entry] if is_stored else 0.0
                mass += out_policy_weight[sample, step, entry]
            if mass <= 0.0:
                out_policy_mask[sample, step] = 0.0


def gather_frames(frame: FrameArray, start: Int64Array, position: Int64Array, num_frames: int, out_frames: FrameArray) -> None:
    """Fills the observations of B positions: their latest frames, oldest first, zeros before the trajectory's first row.

    A piece of a long episode brings the history of its first position along, in rows of its own (HISTORY_ONLY). numpy's `take` copies
    a frame with memcpy and without the GIL; a Numba loop over its elements took 4 times as long with screens of 84 x 84.

    Args:
        frame: [R, F], one flattened frame per row.
        start: int64 [B], physical row of each trajectory's first step.
        position: int64 [B], offset of the sample in its trajectory; a negative one is all zeros.
        num_frames: frames of one observation.
        out_frames: [B, num_frames, F], same dtype as frame, C-contiguous.
    """
    offset = position[:, None] + np.arange(1 - num_frames, 1)
    row = start[:, None] + np.maximum(offset, 0)
    np.take(frame, row, axis=0, out=out_frames, mode="clip")  # the mode that writes to `out` directly
    is_before = offset < 0
    if is_before.any():
        out_frames[is_before] = 0
