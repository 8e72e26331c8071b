"""One training step: loss, gradient, optimiser, schedule, and a guard against numbers that are not finite. No batches are made here.

Legend: B batch.
"""

import math
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from muzero.batch_rows import batch_rows
from muzero.config import TrainingConfig
from muzero.losses import muzero_loss
from muzero.networks.network import MuZeroNetwork
from muzero.train_batch import to_device
from muzero.types import Batch, Float32Array

NETWORK_PREFIX = "network."
OPTIMIZER_PREFIX = "optimizer."
STEPS_KEY = "steps"
NUM_MEANS = 4
"""Total, value, reward and policy loss."""


@dataclass(frozen=True)
class StepStats:
    """What one training step did.

    Attributes:
        total_loss, value_loss, reward_loss, policy_loss: means over the batch.
        grad_norm: global norm before clipping.
        learning_rate: used in this step.
        priorities: float32 [B], |value - target| at each sample's first position, in game points.
        is_finite: False if loss or gradient was not finite; then the weights did not change.
    """

    total_loss: float
    value_loss: float
    reward_loss: float
    policy_loss: float
    grad_norm: float
    learning_rate: float
    priorities: Float32Array
    is_finite: bool


class Trainer:
    """A network with its optimiser and schedule.

    Attributes:
        network: the trained network, in training mode.
        steps: steps done, skipped ones included.
    """

    def __init__(self, network: MuZeroNetwork, config: TrainingConfig, device: torch.device, use_amp: bool = False) -> None:
        """Moves the network to the device and makes its optimiser.

        Args:
            network: the network.
            config: optimiser, schedule and loss weights.
            device: where it trains.
            use_amp: bfloat16 autocast in the forward pass; only on CUDA.
        """
        self.network = network.to(device).train()
        self.config, self.device = config, device
        self.optimizer = make_optimizer(self.network, config)
        self.steps = 0
        self._use_amp = use_amp and device.type == "cuda"
        self._parameters = list(self.network.parameters())
        self._statistics = [buffer for name, buffer in self.network.named_buffers() if name in self.network.state_dict()]

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
        if stats.is_finite:
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate
            self.optimizer.step()
        else:
            for buffer, saved in zip(self._statistics, statistics, strict=True):
                buffer.copy_(saved)
        self.steps += 1
        return stats

    def _add_gradient(self, part: Batch, batch_size: int) -> Tensor:
        """Adds a part's share to the gradient; returns its share of the four mean losses, then its priorities, [4 + B]."""
        share = len(part.action) / batch_size
        with self._autocast():
            loss = muzero_loss(self.network, to_device(part, self.device), self.config)
        (share * loss.total).backward()  # type: ignore[no-untyped-call]
        means = torch.stack([loss.total.detach(), loss.value, loss.reward, loss.policy])
        return torch.cat([share * means, loss.priority])

    def state_dict(self) -> dict[str, Tensor]:
        """Returns everything an exact resume needs, as named tensors that share memory with the training state."""
        state = {NETWORK_PREFIX + name: tensor for name, tensor in self.network.state_dict().items()}
        for index, entries in self.optimizer.state_dict()["state"].items():
            tensors = {name: value for name, value in entries.items() if isinstance(value, Tensor)}
            state |= {f"{OPTIMIZER_PREFIX}{index}.{name}": value for name, value in tensors.items()}
        return state | {STEPS_KEY: torch.tensor(self.steps)}

    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Restores what state_dict returned; the configuration must be the same."""
        self.network.load_state_dict(_without_prefix(state, NETWORK_PREFIX))
        entries: dict[int, dict[str, Tensor]] = {}
        for key, value in _without_prefix(state, OPTIMIZER_PREFIX).items():
            index, name = key.split(".")
            entries.setdefault(int(index), {})[name] = value.clone()
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": entries, "param_groups": groups})
        self.steps = int(state[STEPS_KEY])

    def _autocast(self) -> AbstractContextManager[object]:
        return torch.autocast("cuda", torch.bfloat16) if self._use_amp else nullcontext()


def make_optimizer(network: nn.Module, config: TrainingConfig) -> torch.optim.Optimizer:
    """Returns AdamW, or SGD with momentum; weights of layers decay, biases and norms do not.

    Args:
        network: its parameters lie on the device they stay on.
        config: the learning rate is set by `Trainer` at each step.
    """
    groups = [
        {"params": [p for p in network.parameters() if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in network.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
    if config.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=config.learning_rate, momentum=config.momentum, fused=True)
    return torch.optim.AdamW(groups, lr=config.learning_rate, fused=True)


def learning_rate_at(step: int, config: TrainingConfig) -> float:
    """Returns the learning rate of a step.

    Warm-up multiplies the schedule by (step + 1) / lr_warmup_steps until that reaches 1.

    Args:
        step: steps done before, at least 0.
        config: the schedule.
    """
    warmup = min(1.0, (step + 1) / config.lr_warmup_steps) if config.lr_warmup_steps > 0 else 1.0
    if config.lr_schedule == "exponential":
        factor = math.pow(config.lr_decay_rate, step / config.lr_decay_steps)
    elif config.lr_schedule == "cosine":
        factor = 0.5 * (1.0 + math.cos(math.pi * min(1.0, step / config.training_steps)))
    else:
        factor = 1.0
    return config.learning_rate * warmup * factor


def micro_batches(batch: Batch, size: int | None) -> Iterator[Batch]:
    """Yields consecutive parts of a batch that share its memory, the last one shorter if need be; None yields it whole.

    Args:
        batch: B samples.
        size: samples in a part, at least 1.
    """
    total = len(batch.action)
    for begin in range(0, total, size or total):
        rows = slice(begin, begin + (size or total))
        yield batch_rows(batch, rows)


def _read_stats(parts: list[Tensor], grad_norm: Tensor, learning_rate: float) -> StepStats:
    """Copies all numbers of a step, the parts as _add_gradient returns them, to the host at once."""
    means = torch.stack([part[:NUM_MEANS] for part in parts]).sum(0)
    priorities = [part[NUM_MEANS:] for part in parts]
    values: Float32Array = torch.cat([means, grad_norm.detach().view(1), *priorities]).cpu().numpy()
    total, value, reward, policy, norm = (float(number) for number in values[: NUM_MEANS + 1])
    is_finite = math.isfinite(total) and math.isfinite(norm)
    return StepStats(total, value, reward, policy, norm, learning_rate, np.array(values[NUM_MEANS + 1 :]), is_finite)


def _without_prefix(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
