"""Where n-step values bootstrap from, for a target network that values those positions anew. The values themselves: targets.py."""

from muzero.jit import njit
from muzero.targets import nstep_parts
from muzero.types import Float32Array, Int8Array, Int64Array

NOWHERE = -1
"""The position of an observation that does not exist: one of zeros."""


@njit
def fill_bootstraps(
    reward: Float32Array,
    to_play: Int8Array,
    start: Int64Array,
    length: Int64Array,
    is_terminal: Int64Array,
    position: Int64Array,
    td_steps: int,
    discount: float,
    out_value: Float32Array,
    out_position: Int64Array,
    out_factor: Float32Array,
) -> None:
    """Fills value targets without the bootstrapped part, and where that comes from, for B samples.

    Args:
        reward: float32 [R], in game points.
        to_play: int8 [R].
        start, length, is_terminal, position: int64 [B], as in `assemble_targets`.
        td_steps, discount: as in `nstep_value`.
        out_value: float32 [B, K+1], discounted rewards; 0 past the end.
        out_position: int64 [B, K+1], offset in the trajectory of the position bootstrapped from, NOWHERE where there is none.
        out_factor: float32 [B, K+1], what its value is multiplied by; 0 where there is none.

    Source: arXiv:1911.08265, appendix G (n-step return) and H (target network).
    """
    for sample in range(start.shape[0]):
        for step in range(out_value.shape[1]):
            rewards, row, factor = 0.0, 0, 0.0
            if position[sample] + step < length[sample]:
                rewards, row, factor = nstep_parts(
                    reward, to_play, start[sample], length[sample], is_terminal[sample], position[sample] + step, td_steps, discount
                )
            out_value[sample, step] = rewards
            out_position[sample, step] = row - start[sample] if factor != 0.0 else NOWHERE
            out_factor[sample, step] = factor
