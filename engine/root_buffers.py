"""Memory of the host through which the roots of a batch go to a device and its answers come back. No network, no order of batches.

On a GPU it is pinned: a copy from or to any other memory makes the thread that queues it wait for the stream.
"""

import numpy as np
import torch
from torch import Tensor

from muzero.types import Float32Array, FrameArray, GameSpec, Int64Array, Observation


class RootBuffers:
    """Memory for one batch at a time: from `stage` until the device is done with it and nobody reads the answer any more.

    Args:
        spec: the game.
        capacity: roots of the largest batch.
        device: where they go.
    """

    def __init__(self, spec: GameSpec, capacity: int, device: torch.device) -> None:
        self._device = device
        frame_dtype = torch.from_numpy(np.zeros(0, spec.frame_dtype)).dtype

        def memory(*shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
            return torch.zeros((capacity, *shape), dtype=dtype, pin_memory=device.type == "cuda")

        self._frames = memory(spec.num_frames, *spec.frame_shape, dtype=frame_dtype)
        self._to_play, self._row = memory(dtype=torch.int8), memory(dtype=torch.int64)
        self._value, self._policy_logits = memory(), memory(spec.num_actions)

    def stage(self, observation: Observation, row: Int64Array) -> tuple[Tensor, Tensor, Tensor]:
        """Returns frames, to_play and row on the device, queued on the current stream.

        Args:
            observation: of R roots.
            row: int64 [R], where their hidden states go.
        """
        arrays = ((self._frames, observation.frames), (self._to_play, observation.to_play), (self._row, row))
        frames, to_play, rows = (self._sent(memory[: len(row)], array) for memory, array in arrays)
        return frames, to_play, rows

    def fetch(self, value: Tensor, policy_logits: Tensor) -> tuple[Float32Array, Float32Array]:
        """Returns where value float32 [R] and policy_logits float32 [R, A] will be once the current stream has come so far.

        Args:
            value, policy_logits: the same on the device, of any float dtype.
        """
        host_value, host_logits = self._value[: len(value)], self._policy_logits[: len(value)]
        host_value.copy_(value.float(), non_blocking=True)
        host_logits.copy_(policy_logits.float(), non_blocking=True)
        return host_value.numpy(), host_logits.numpy()

    def _sent(self, memory: Tensor, array: FrameArray) -> Tensor:
        memory.numpy()[:] = array
        return memory.to(self._device, non_blocking=True)
