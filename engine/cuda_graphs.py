"""One recurrent inference as a CUDA graph per batch size: gather parents, g and f, scatter children, pack the answer.

A graph replays hundreds of kernels with one launch. Batches are padded to the next size (powers of two); padding reads and
writes the pool's scratch row. Weights are loaded in place, so graphs outlive them. CUDA only.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from engine.batch_sizes import batch_buckets
from engine.latents import LatentPool
from muzero.networks.inference_network import InferenceNetwork
from muzero.types import Int64Array, RecurrentReply

WARM_UP_RUNS = 3


@dataclass
class BucketGraph:
    """The graph of one batch size with its fixed tensors.

    Attributes:
        host_input: pinned int64 [3, bucket]: parent row, child row, action.
        device_input: the same on the device.
        numbers, prior_action: the answer on the device, float32 [bucket, 2 + k] and int32 [bucket, k].
        host_numbers, host_prior_action: the same, pinned.
    """

    graph: torch.cuda.CUDAGraph
    host_input: Tensor
    device_input: Tensor
    numbers: Tensor
    prior_action: Tensor
    host_numbers: Tensor
    host_prior_action: Tensor


class RecurrentGraphs:
    """All graphs of one device, on a stream of their own.

    Args:
        network: the frozen network, with weights loaded.
        pool: hidden states.
        max_batch: largest batch that will come.
        device: a CUDA device.
    """

    def __init__(self, network: InferenceNetwork, pool: LatentPool, max_batch: int, device: torch.device) -> None:
        self._network = network
        self._pool = pool
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._buckets = batch_buckets(max_batch)
        self._graphs = {bucket: self._capture(bucket) for bucket in self._buckets}

    def run(self, parent_row: Int64Array, child_row: Int64Array, action: Int64Array) -> RecurrentReply:
        """Answers one batch; returns when the answer is on the host."""
        count = len(action)
        bucket = next(size for size in self._buckets if size >= count)
        graph = self._graphs[bucket]
        staging = graph.host_input.numpy()
        staging[:2, count:] = self._pool.scratch_row
        staging[2, count:] = 0
        staging[0, :count], staging[1, :count], staging[2, :count] = parent_row, child_row, action
        with torch.cuda.stream(self._stream):
            graph.device_input.copy_(graph.host_input, non_blocking=True)
            graph.graph.replay()
            graph.host_numbers.copy_(graph.numbers, non_blocking=True)
            graph.host_prior_action.copy_(graph.prior_action, non_blocking=True)
        self._stream.synchronize()
        numbers = graph.host_numbers.numpy()[:count]
        reward, value, prior = (np.ascontiguousarray(part) for part in (numbers[:, 0], numbers[:, 1], numbers[:, 2:]))
        return RecurrentReply(reward, value, prior, graph.host_prior_action.numpy()[:count].copy())

    def _capture(self, bucket: int) -> BucketGraph:
        host_input = torch.zeros((3, bucket), dtype=torch.int64, pin_memory=True)
        host_input[:2] = self._pool.scratch_row
        device_input = host_input.to(self._device)
        self._stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self._stream):
            for _ in range(WARM_UP_RUNS):
                numbers, prior_action = self._forward(device_input)
        self._stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self._stream):
            numbers, prior_action = self._forward(device_input)
        host_numbers, host_prior_action = (torch.empty(t.shape, dtype=t.dtype, pin_memory=True) for t in (numbers, prior_action))
        return BucketGraph(graph, host_input, device_input, numbers, prior_action, host_numbers, host_prior_action)

    def _forward(self, device_input: Tensor) -> tuple[Tensor, Tensor]:
        hidden_state, reward, value, prior, prior_action = self._network.recurrent(self._pool.read(device_input[0]), device_input[2])
        self._pool.write(device_input[1], hidden_state)
        return torch.cat([reward[:, None], value[:, None], prior], dim=1).float(), prior_action.to(torch.int32)
