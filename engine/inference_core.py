"""What the inference server computes: hidden states in a pool, the frozen network, answers as numpy arrays. No sockets.

The same object serves the one-process mode, `muzero eval` and the tests (through `LocalModel`), so nothing about the answers
depends on where they were computed.
"""

import time
from typing import Any

import numpy as np
import torch
from torch import Tensor

from engine.batch_sizes import largest_batch
from engine.config import RunConfig
from engine.cuda_graphs import RecurrentGraphs
from engine.device import resolve_device
from engine.inference_device import Answer, Batch
from engine.latents import LatentPool
from engine.precision import serves_in_bfloat16
from muzero.networks.inference_network import InferenceNetwork
from muzero.types import (
    Float32Array,
    GameSpec,
    InitialReply,
    InitialRequest,
    Int32Array,
    Int64Array,
    RecurrentReply,
    RecurrentRequest,
)

NUM_TIMED_CALLS = 3


class InferenceCore:
    """The network and the latent pool of one device.

    Args:
        config: the run; its search, network and inference sections are used.
        spec: the game.
        action_planes: float32 [A, ...], see Game.action_planes.
        num_slots: trees in flight.
        typical_batch: leaves in a usual forward pass; the fastest CPU variant of the network is chosen for it.
        server: which server of a run it serves, for each has its GPU.

    Attributes:
        device: where network and hidden states are.
        version: version of the weights in use, 0 before the first.
        network, pool: see there.
        max_batch: leaves of the largest batch.
        graphs: on CUDA, from the first weights on; else None.
    """

    def __init__(
        self, config: RunConfig, spec: GameSpec, action_planes: Float32Array, *, num_slots: int, typical_batch: int, server: int = 0
    ) -> None:
        self.device = resolve_device(config.inference.device, server)
        if self.device.type == "cuda":
            torch.cuda.set_device(self.device)  # a capture waits for the current device, which else is GPU 0: 500 MB for a context there
        self.num_nodes = config.search.num_simulations + 1
        self.num_priors = min(spec.num_actions, config.search.num_simulations)
        self.version = 0
        dtype = torch.bfloat16 if serves_in_bfloat16(config, spec, is_on_gpu=self.device.type == "cuda") else torch.float32
        self.network = InferenceNetwork(spec, action_planes, config.network, device=self.device, dtype=dtype, num_priors=self.num_priors)
        self.pool = LatentPool(num_slots, self.num_nodes, self.network.latent_shape, self.device, dtype)
        self._typical_batch = typical_batch
        self.graphs: RecurrentGraphs | None = None
        self.max_batch = largest_batch(config, num_slots, typical_batch)

    def load(self, values: Float32Array, version: int) -> None:
        """Swaps the weights, in place; call it between two batches.

        Args:
            values: float32 [W], as published.
            version: their version.
        """
        is_first = self.version == 0
        self.network.load(values)
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)  # graphs replay on a stream of their own, which would not wait for the copies
        self.version = version
        if is_first and self.device.type == "cpu":
            self.network.optimize(self._typical_batch)
        elif is_first:
            self.graphs = RecurrentGraphs(self.network, self.pool, self.max_batch, self.device)

    @torch.inference_mode()
    def initial(self, slot: Int64Array, frames: np.ndarray[Any, Any], to_play: np.ndarray[Any, Any]) -> InitialReply:
        """Starts trees: answers the roots and keeps their hidden states as node 0.

        Args:
            slot: int64 [B], slots of the trees.
            frames, to_play: see Observation.
        """
        value, policy_logits = self.begin_roots(*map(self._to_device, (frames, to_play, slot * self.num_nodes)))
        return InitialReply(_to_host(value), _to_host(policy_logits), self.version)

    @torch.inference_mode()
    def begin_roots(self, frames: Tensor, to_play: Tensor, row: Tensor) -> tuple[Tensor, Tensor]:
        """Starts trees as `initial` does; returns value [B] and policy_logits [B, A] on the device, which may not be done yet.

        Args:
            frames, to_play: see Observation, on the device.
            row: int64 [B], rows of the pool for the roots, on the device.
        """
        hidden_state, value, policy_logits = self.network.initial(frames, to_play)
        self.pool.write(row, hidden_state)
        return value, policy_logits

    @torch.inference_mode()
    def recurrent(self, slot: Int64Array, parent_node: Int32Array, action: Int32Array, new_node: Int64Array) -> RecurrentReply:
        """Adds one node to each tree.

        Args:
            slot: int64 [B].
            parent_node, action: int32 [B], see RecurrentRequest.
            new_node: int64 [B], may differ between trees of different clients.
        """
        first_row = slot * self.num_nodes
        return self._recurrent(first_row + parent_node, first_row + new_node, action.astype(np.int64))

    @torch.inference_mode()
    def forward_seconds(self, num_leaves: int) -> float:
        """Returns how long the network alone takes for so many leaves, the best of a few calls."""
        _, inputs = self.network.folded.example_inputs(num_leaves)
        times = []
        for _ in range(NUM_TIMED_CALLS):
            began = time.perf_counter()
            self.network.recurrent(*inputs)
            times.append(time.perf_counter() - began)
        return min(times)

    @torch.inference_mode()
    def answer(self, batch: Batch) -> Answer:
        """Returns the answers to a batch of the server, roots first; the calling thread waits for them."""
        initial = recurrent = None
        if batch.observation is not None:
            initial = self.initial(batch.slot, batch.observation.frames, batch.observation.to_play)
        if batch.rows.shape[1]:
            recurrent = self._recurrent(*batch.rows)
        return Answer(initial, recurrent)

    def _recurrent(self, parent_row: Int64Array, child_row: Int64Array, action: Int64Array) -> RecurrentReply:
        if self.graphs is not None:
            return self.graphs.run(parent_row, child_row, action)
        parents = self.pool.read(torch.from_numpy(parent_row))
        hidden_state, reward, value, prior, prior_action = self.network.recurrent(parents, torch.from_numpy(action))
        self.pool.write(torch.from_numpy(child_row), hidden_state)
        return RecurrentReply(reward.numpy(), value.numpy(), prior.numpy(), prior_action.numpy())

    def _to_device(self, array: np.ndarray[Any, Any]) -> Tensor:
        tensor = torch.from_numpy(array if array.flags.writeable else array.copy())
        return tensor.to(self.device)


def _to_host(tensor: Tensor) -> Float32Array:
    array: Float32Array = tensor.float().cpu().numpy()
    return array


class LocalModel:
    """A Model whose network runs in this process.

    Args:
        core: network and pool.
        first_slot, num_trees: the part of the pool it may use.
    """

    def __init__(self, core: InferenceCore, first_slot: int, num_trees: int) -> None:
        self._core = core
        self._slot = np.arange(first_slot, first_slot + num_trees, dtype=np.int64)

    def initial_inference(self, request: InitialRequest) -> InitialReply:
        """See Model."""
        return self._core.initial(self._slot, request.observation.frames, request.observation.to_play)

    def recurrent_inference(self, request: RecurrentRequest) -> RecurrentReply:
        """See Model."""
        new_node = np.full(len(self._slot), request.new_node, dtype=np.int64)
        return self._core.recurrent(self._slot, request.parent_node, request.action, new_node)
