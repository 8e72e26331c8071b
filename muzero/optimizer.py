"""The optimiser of training and the schedule of its learning rate. No steps are taken here."""

import math
from typing import Any

import torch
from torch import nn

from muzero.config import TrainingConfig


def make_optimizer(network: nn.Module, config: TrainingConfig, head: nn.Module | None = None) -> torch.optim.Optimizer:
    """Returns AdamW, or SGD with momentum; weights of layers decay, biases and norms do not.

    Args:
        network: its parameters lie on the device they stay on.
        config: the learning rate is set by `Trainer` at each step.
        head: trained besides the network; its parameters are numbered after all of the network's.
    """
    groups = _groups(network, config) + ([] if head is None else _groups(head, config))
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


def _groups(module: nn.Module, config: TrainingConfig) -> list[dict[str, Any]]:
    """Returns the parameters that decay, then those that do not."""
    return [
        {"params": [p for p in module.parameters() if p.dim() >= 2], "weight_decay": config.weight_decay},
        {"params": [p for p in module.parameters() if p.dim() < 2], "weight_decay": 0.0},
    ]
