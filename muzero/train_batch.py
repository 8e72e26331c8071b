"""A training batch as tensors on the training device. What its fields mean stands in `muzero.types.Batch`.

Legend: B batch, N frames, K unroll steps, P stored policy entries.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from muzero.types import Batch


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


def to_device(batch: Batch, device: torch.device) -> TrainBatch:
    """Returns the batch on the device; asynchronous where the arrays lie in pinned memory.

    Args:
        batch: numpy arrays; on a CPU the result shares their memory.
        device: where the network trains.
    """
    return TrainBatch(**{field.name: _tensor(getattr(batch, field.name), device) for field in fields(TrainBatch)})


def _tensor(array: np.ndarray, device: torch.device) -> Tensor:
    tensor = torch.from_numpy(array).to(device, non_blocking=True)
    return tensor.long() if tensor.dtype == torch.int32 else tensor
