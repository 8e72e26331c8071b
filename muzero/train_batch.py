"""A training batch as tensors on the training device. What its fields mean stands in `muzero.types.Batch`.

Legend: B batch, N frames, K unroll steps, P stored policy entries.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from muzero.types import Batch, Float32Array, FrameArray, Int8Array


@dataclass(frozen=True)
class ChosenObservations:
    """The observations that are needed of a [B, M] array of them.

    Attributes:
        frames: [n, N, *frame_shape].
        to_play: int8 [n].
        entry: int64 [n], their indices in the array in C order, ascending.
    """

    frames: Tensor
    to_play: Tensor
    entry: Tensor


@dataclass(frozen=True)
class TrainBatch:
    """The fields of `Batch` that the loss needs, as tensors; indices are int64.

    Attributes:
        frames: [B, N, *frame_shape].
        to_play: int8 [B].
        action: int64 [B, K].
        target_value: float32 [B, K+1].
        target_reward: float32 [B, K].
        policy_action: int64 [B, K+1, P].
        policy_weight: float32 [B, K+1, P].
        value_mask: float32 [B, K+1].
        reward_mask: float32 [B, K].
        policy_mask: float32 [B, K+1].
        sample_weight: float32 [B].
        next_observations: those of [B, K] positions after each action where next_mask is 1; None where the batch has none.
        bootstrap_observations: those of [B, K+1] positions that values bootstrap from; None where the batch has none.
        bootstrap_factor: float32 [B, K+1]; None as above.
    """

    frames: Tensor
    to_play: Tensor
    action: Tensor
    target_value: Tensor
    target_reward: Tensor
    policy_action: Tensor
    policy_weight: Tensor
    value_mask: Tensor
    reward_mask: Tensor
    policy_mask: Tensor
    sample_weight: Tensor
    next_observations: ChosenObservations | None = None
    bootstrap_observations: ChosenObservations | None = None
    bootstrap_factor: Tensor | None = None


OPTIONAL_FIELDS = ("next_observations", "bootstrap_observations", "bootstrap_factor")


def to_device(batch: Batch, device: torch.device) -> TrainBatch:
    """Returns the batch on the device; asynchronous where the arrays lie in pinned memory.

    Args:
        batch: numpy arrays; on a CPU the result shares their memory.
        device: where the network trains.
    """
    names = [field.name for field in fields(TrainBatch) if field.name not in OPTIONAL_FIELDS]
    factor = batch.bootstrap_factor
    return TrainBatch(
        **{name: _tensor(getattr(batch, name), device) for name in names},
        next_observations=_choose(batch.next_frames, batch.next_to_play, batch.next_mask, device),
        bootstrap_observations=_choose(batch.bootstrap_frames, batch.bootstrap_to_play, factor, device),
        bootstrap_factor=None if factor is None else _tensor(factor, device),
    )


def _choose(
    frames: FrameArray | None, to_play: Int8Array | None, mask: Float32Array | None, device: torch.device
) -> ChosenObservations | None:
    """Returns the observations whose mask is not 0, None where the batch has none; the host counts them, so that no GPU is waited for.

    Args:
        frames: [B, M, N, *frame_shape].
        to_play: int8 [B, M].
        mask: float32 [B, M].
        device: where they go.
    """
    if frames is None or to_play is None or mask is None:
        return None
    entry = _tensor(np.flatnonzero(mask), device)
    chosen_frames, chosen_to_play = (_tensor(array, device).flatten(0, 1).index_select(0, entry) for array in (frames, to_play))
    return ChosenObservations(chosen_frames, chosen_to_play, entry)


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(array).to(device, non_blocking=True)
    return tensor.long() if tensor.dtype == torch.int32 else tensor
