"""One training step: loss, gradient, optimiser, target network, moving average, and a guard against numbers that are not finite. No
batches are made here, no optimiser and no schedule.

Legend: B batch.
"""

import math
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from enum import Enum
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from muzero.batch_rows import micro_batches
from muzero.config import TrainingConfig
from muzero.consistency import consistency_loss
from muzero.losses import muzero_loss
from muzero.networks.consistency_head import make_consistency_head
from muzero.networks.flat_state import load_named_state
from muzero.networks.network import MuZeroNetwork
from muzero.networks.shape import projection_size
from muzero.optimizer import learning_rate_at, make_optimizer
from muzero.target_network import TargetNetwork
from muzero.train_batch import to_device
from muzero.types import Batch, Float32Array
from muzero.weight_average import WeightAverage

NETWORK_PREFIX = "network."
AVERAGE_PREFIX = "average."
TARGET_PREFIX = "target."
CONSISTENCY_PREFIX = "consistency."
OPTIMIZER_PREFIX = "optimizer."
STEPS_KEY = "steps"
NUM_MEANS = 5
"""Total, value, reward, policy and consistency loss."""


class StepPhase(Enum):
    """The phases of a training step, in order; with micro-batches the first three repeat."""

    TO_DEVICE = 0
    FORWARD = 1
    BACKWARD = 2
    READ_LOSS = 3
    OPTIMIZER = 4


@dataclass(frozen=True)
class StepStats:
    """What one training step did.

    Attributes:
        total_loss, value_loss, reward_loss, policy_loss: means over the batch.
        consistency_loss: the same, in [-1, 1]; 0 where it is not trained.
        grad_norm: global norm before clipping.
        learning_rate: used in this step.
        priorities: float32 [B], |value - target| at each sample's first position, in game points.
        is_finite: False if loss or gradient was not finite; then the weights did not change.
    """

    total_loss: float
    value_loss: float
    reward_loss: float
    policy_loss: float
    consistency_loss: float
    grad_norm: float
    learning_rate: float
    priorities: Float32Array
    is_finite: bool


class Trainer:
    """A network with its optimiser and schedule, and what the configuration adds to them.

    Attributes:
        network: the trained network, in training mode.
        steps: steps done, skipped ones included.
        on_phase: called at the end of each phase of a step, for those who time it.
    """

    def __init__(
        self,
        network: MuZeroNetwork,
        config: TrainingConfig,
        device: torch.device,
        use_amp: bool = False,
        seed: int = 0,
        use_compiler: bool = False,
    ) -> None:
        """Moves the network to the device and makes its optimiser.

        Args:
            network: the network.
            config: optimiser, schedule and loss weights.
            device: where it trains.
            use_amp: bfloat16 autocast in the forward pass, and so in the backward pass.
            seed: draws the head of the consistency loss, in [0, 2**63).
            use_compiler: the loss and its gradient run as kernels that torch.compile makes; see `compile`.
        """
        # Convolutions are fastest with weights that lie channels-last.
        self.network = network.to(device).to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        self.config, self.device = config, device
        size = projection_size(config, network.latent_shape)
        is_consistent = config.consistency_loss_weight > 0.0
        self._head = make_consistency_head(network.latent_shape, size, seed).to(device) if is_consistent else None
        self._target = TargetNetwork(self.network) if config.target_network_steps is not None else None
        self._average = WeightAverage(self.network, config.ema_decay) if config.ema_decay > 0.0 else None
        self.optimizer = make_optimizer(self.network, config, self._head)
        self.steps = 0
        self.on_phase: Callable[[StepPhase], None] = lambda phase: None
        self._use_amp = use_amp
        self._loss = torch.compile(muzero_loss) if use_compiler else muzero_loss
        self._parameters = [*self.network.parameters(), *(self._head.parameters() if self._head else ())]
        self._statistics = [buffer for name, buffer in self.network.named_buffers() if name in self.network.state_dict()]

    @property
    def published_network(self) -> MuZeroNetwork:
        """The network that plays: the moving average where there is one, else the trained network."""
        return self.network if self._average is None else self._average.network

    def step(self, batch: Batch) -> StepStats:
        """Trains on one batch; leaves network and optimiser as they were if loss or gradient is not finite.

        Gradients of micro-batches are added up to that of the batch. Only batch normalisation sees the difference: its statistics
        are then those of one micro-batch at a time.

        The numbers come to the host once, before the optimiser runs, which decides whether it runs; on a GPU it then
        overlaps with whatever the caller does next.

        Args:
            batch: B samples.
        """
        learning_rate = learning_rate_at(self.steps, self.config)
        statistics = [buffer.clone() for buffer in self._statistics]
        self.optimizer.zero_grad(set_to_none=True)
        parts = [self._add_gradient(part, len(batch.action)) for part in micro_batches(batch, self.config.micro_batch_size)]
        grad_norm = nn.utils.clip_grad_norm_(self._parameters, self.config.max_grad_norm)
        stats = _read_stats(parts, grad_norm, learning_rate)
        self.on_phase(StepPhase.READ_LOSS)
        if stats.is_finite:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate
            self.optimizer.step()
            if self._average is not None:
                self._average.update(self.steps)
        else:
            for buffer, saved in zip(self._statistics, statistics, strict=True):
                buffer.copy_(saved)
        self.steps += 1
        if self._target is not None and self.steps % (self.config.target_network_steps or 1) == 0:
            self._target.refresh(self.network)
        self.on_phase(StepPhase.OPTIMIZER)
        return stats

    def compile(self, batch: Batch) -> None:
        """Makes the kernels of a step before the first one: most of a minute of a core, later on some seconds, as torch keeps them on disk.

        Network and optimiser stay as they were. Where the number of next observations changes from batch to batch (consistency loss),
        two numbers are tried, which makes kernels for all.

        Args:
            batch: B samples of any finite numbers, as many as are trained on; its next_mask is overwritten.

        Raises:
            torch._dynamo.exc.TorchDynamoException: a C++ compiler (CPU) or Triton (CUDA) is missing or failed.
        """
        statistics = [buffer.clone() for buffer in self._statistics]
        part = next(micro_batches(batch, self.config.micro_batch_size))
        if part.next_mask is not None:
            part.next_mask[:] = 1.0
            self._add_gradient(part, len(batch.action))
            part.next_mask[0] = 0.0
        self._add_gradient(part, len(batch.action))
        self.optimizer.zero_grad(set_to_none=True)
        for buffer, saved in zip(self._statistics, statistics, strict=True):
            buffer.copy_(saved)

    def _add_gradient(self, part: Batch, batch_size: int) -> Tensor:
        """Adds a part's share to the gradient; returns its share of the mean losses, then its priorities, [NUM_MEANS + B]."""
        share = len(part.action) / batch_size
        with self._autocast():
            tensors = to_device(part, self.device)
            self.on_phase(StepPhase.TO_DEVICE)
            tensors = tensors if self._target is None else self._target.bootstrapped(tensors)
            consistency_of = None if self._head is None else partial(consistency_loss, self.network, self._head)
            loss = self._loss(self.network, tensors, self.config, consistency_of)
        self.on_phase(StepPhase.FORWARD)
        (share * loss.total).backward()  # type: ignore[no-untyped-call]
        self.on_phase(StepPhase.BACKWARD)
        means = torch.stack([loss.total.detach(), loss.value, loss.reward, loss.policy, loss.consistency])
        return torch.cat([share * means, loss.priority])

    def state_dict(self) -> dict[str, Tensor]:
        """Returns everything an exact resume needs, as named tensors that share memory with the training state."""
        modules = {NETWORK_PREFIX: self.network, **self._companions()}
        state = {prefix + name: tensor for prefix, module in modules.items() for name, tensor in module.state_dict().items()}
        for index, entries in self.optimizer.state_dict()["state"].items():
            tensors = {name: value for name, value in entries.items() if isinstance(value, Tensor)}
            state |= {f"{OPTIMIZER_PREFIX}{index}.{name}": value for name, value in tensors.items()}
        return state | {STEPS_KEY: torch.tensor(self.steps)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores what state_dict returned; network and optimiser must be configured as they were.

        A moving average or target network that the state lacks begins as a copy of the network, a head as it was drawn; those that
        this configuration has no use for are left out.
        """
        network = _without_prefix(state, NETWORK_PREFIX)
        load_named_state(self.network, network)
        for prefix, module in self._companions().items():
            missing = module.state_dict() if prefix == CONSISTENCY_PREFIX else network
            module.load_state_dict(_without_prefix(state, prefix) or missing)
        self._load_optimizer(_without_prefix(state, OPTIMIZER_PREFIX))
        self.steps = int(state[STEPS_KEY])

    def _load_optimizer(self, state: dict[str, Tensor]) -> None:
        """Restores the optimiser's tensors, laid out as their parameters are, which the fused optimisers rely on; those of a head that
        is not trained any more are left out.
        """
        entries: dict[int, dict[str, Tensor]] = {}
        parameters = [parameter for group in self.optimizer.param_groups for parameter in group["params"]]  # in the order of the state
        for key, value in state.items():
            index, name = key.split(".")
            if int(index) < len(parameters):
                entries.setdefault(int(index), {})[name] = _laid_out_as(parameters[int(index)], value)
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": entries, "param_groups": groups})

    def _companions(self) -> dict[str, nn.Module]:
        """Returns what is saved besides the network, by its prefix."""
        companions: dict[str, nn.Module] = {}
        if self._average is not None:
            companions[AVERAGE_PREFIX] = self._average.network
        if self._target is not None:
            companions[TARGET_PREFIX] = self._target.network
        if self._head is not None:
            companions[CONSISTENCY_PREFIX] = self._head
        return companions

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast(self.device.type, torch.bfloat16) if self._use_amp else nullcontext()


def _read_stats(parts: list[Tensor], grad_norm: Tensor, learning_rate: float) -> StepStats:
    """Copies all numbers of a step, the parts as _add_gradient returns them, to the host at once."""
    means = torch.stack([part[:NUM_MEANS] for part in parts]).sum(0)
    priorities = [part[NUM_MEANS:] for part in parts]
    values: Float32Array = torch.cat([means, grad_norm.detach().view(1), *priorities]).cpu().numpy()
    total, value, reward, policy, consistency, norm = (float(number) for number in values[: NUM_MEANS + 1])
    is_finite = math.isfinite(total) and math.isfinite(norm)
    return StepStats(total, value, reward, policy, consistency, norm, learning_rate, np.array(values[NUM_MEANS + 1 :]), is_finite)


def _laid_out_as(parameter: Tensor, value: Tensor) -> Tensor:
    """Returns a copy of a tensor of the optimiser, in the memory format of its parameter where it has its shape."""
    return torch.empty_like(parameter).copy_(value) if value.shape == parameter.shape else value.clone()


def _without_prefix(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
