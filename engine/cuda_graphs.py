"""One recurrent inference as a CUDA graph per batch size: gather parents, g and f, scatter children, pack the answer.

A graph replays hundreds of kernels with one launch. Batches are padded to the next size (powers of two); padding reads and
writes the pool's scratch row. Weights are loaded in place, so graphs outlive them. CUDA only.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from engine.batch_sizes import batch_buckets
from engine.inference_device import MAX_IN_FLIGHT
from engine.latents import LatentPool
from muzero.networks.inference_network import InferenceNetwork
from muzero.types import Int64Array, RecurrentReply

WARM_UP_RUNS = 3
HIGH_PRIORITY = -1
"""Of the stream. Where server and learner share a GPU under CUDA's Multi-Process Service, leaves are preferred to gradients: a batch of
them is short, and searches wait for it. Without that service the driver lets the two processes take turns.
"""


@dataclass
class HostBuffers:
    """Pinned memory of one batch in flight.

    Attributes:
        rows: int64 [3, bucket]: parent row, child row, action.
        numbers, prior_action: the answer, see BucketGraph.
    """

    rows: Tensor
    numbers: Tensor
    prior_action: Tensor

    def reply(self, count: int) -> RecurrentReply:
        """Returns the answer, copied; the device must be done with it."""
        numbers = self.numbers.numpy()[:count]
        reward, value, prior = (part.copy() for part in (numbers[:, 0], numbers[:, 1], numbers[:, 2:]))
        return RecurrentReply(reward, value, prior, self.prior_action.numpy()[:count].copy())


@dataclass
class BucketGraph:
    """The graph of one batch size with its fixed tensors.

    Attributes:
        rows: int64 [3, bucket]: parent row, child row, action.
        numbers, prior_action: the answer on the device, float32 [bucket, 2 + k] and int32 [bucket, k].
        host: memory for the batches in flight, which take turns.
    """

    graph: torch.cuda.CUDAGraph
    rows: Tensor
    numbers: Tensor
    prior_action: Tensor
    host: tuple[HostBuffers, ...]


class RecurrentGraphs:
    """All graphs of one device, on a stream of their own.

    Args:
        network: the frozen network, with weights loaded.
        pool: hidden states.
        max_batch: largest batch that will come.
        device: a CUDA device.

    Attributes:
        stream: where they run, one after the other.
    """

    def __init__(self, network: InferenceNetwork, pool: LatentPool, max_batch: int, device: torch.device) -> None:
        self._network = network
        self._pool = pool
        self._device = device
        self.stream = torch.cuda.Stream(device, priority=HIGH_PRIORITY)  # type: ignore[no-untyped-call]
        self._turn = 0
        self._buckets = batch_buckets(max_batch)
        self._graphs = {bucket: self._capture(bucket) for bucket in self._buckets}

    def run(self, parent_row: Int64Array, child_row: Int64Array, action: Int64Array) -> RecurrentReply:
        """Answers one batch; returns when the answer is on the host."""
        reply = self.begin(parent_row, child_row, action)
        self.stream.synchronize()
        return reply()

    def begin(self, parent_row: Int64Array, child_row: Int64Array, action: Int64Array) -> Callable[[], RecurrentReply]:
        """Queues one batch on the stream; MAX_IN_FLIGHT of them may be queued at once.

        Returns:
            What reads the answer, to be called once the stream has come so far.
        """
        count = len(action)
        bucket = next(size for size in self._buckets if size >= count)
        graph, host = self._graphs[bucket], self._graphs[bucket].host[self._turn % MAX_IN_FLIGHT]
        self._turn += 1
        staging = host.rows.numpy()
        staging[:2, count:] = self._pool.scratch_row
        staging[2, count:] = 0
        staging[0, :count], staging[1, :count], staging[2, :count] = parent_row, child_row, action
        with torch.cuda.stream(self.stream):
            graph.rows.copy_(host.rows, non_blocking=True)
            graph.graph.replay()
            host.numbers.copy_(graph.numbers, non_blocking=True)
            host.prior_action.copy_(graph.prior_action, non_blocking=True)
        return lambda: host.reply(count)

    def _capture(self, bucket: int) -> BucketGraph:
        rows = torch.full((3, bucket), self._pool.scratch_row, dtype=torch.int64, device=self._device)
        rows[2] = 0
        self.stream.wait_stream(torch.cuda.current_stream(self._device))
        with torch.cuda.stream(self.stream):
            for _ in range(WARM_UP_RUNS):
                numbers, prior_action = self._forward(rows)
        self.stream.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, stream=self.stream):
            numbers, prior_action = self._forward(rows)
        host = tuple(HostBuffers(*(pinned_like(tensor) for tensor in (rows, numbers, prior_action))) for _ in range(MAX_IN_FLIGHT))
        return BucketGraph(graph, rows, numbers, prior_action, host)

    def _forward(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        hidden_state, reward, value, prior, prior_action = self._network.recurrent(self._pool.read(rows[0]), rows[2])
        self._pool.write(rows[1], hidden_state)
        return torch.cat([reward[:, None], value[:, None], prior], dim=1).float(), prior_action.to(torch.int32)


def pinned_like(tensor: Tensor) -> Tensor:
    """Returns pinned memory of the host for what a tensor on the device holds."""
    return torch.empty(tensor.shape, dtype=tensor.dtype, pin_memory=True)
