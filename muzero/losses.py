"""The loss of MuZero over an unrolled batch. No optimiser, no targets (`targets.py`), no self-supervision (`consistency.py`).

Legend: B batch, K unroll steps, S outputs of a value head, A actions, P stored policy entries. Steps come first in here, [K+1, B]:
the unroll produces them in that order.

Source: arXiv:1911.08265, appendix G.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from muzero.config import TrainingConfig
from muzero.networks.heads import Prediction
from muzero.networks.value_codec import ValueCodec
from muzero.train_batch import TrainBatch

DYNAMICS_GRADIENT_SCALE = 0.5
"""What is left of the gradient at each step back through the dynamics, so that it does not grow with K."""

HiddenStatesLoss = Callable[[list[Tensor], TrainBatch], Tensor]
"""A scalar loss of the K+1 hidden states, [B, *latent_shape] each, that a batch was unrolled to."""


class UnrollableNetwork(Protocol):
    """What the loss needs of a network; `MuZeroNetwork` is one, a test's table of numbers another."""

    value_codec: ValueCodec
    reward_codec: ValueCodec

    def represent(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns hidden states of observations."""

    def dynamics(self, hidden_state: Tensor, action: Tensor) -> Tensor:
        """Returns hidden states after an action."""

    def predict(self, hidden_state: Tensor) -> Prediction:
        """Returns logits of hidden states."""


@dataclass(frozen=True)
class LossParts:
    """The loss and what it is made of, all on the device.

    Attributes:
        total: scalar, the weighted sum of the parts; carries the gradient.
        value, reward, policy: scalars, mean over the batch of the sum over the unroll, before the heads' weights.
        consistency: scalar, the same of the loss of the hidden states; 0 where there is none.
        priority: float32 [B], |value - target value| at the first position, in game points.
    """

    total: Tensor
    value: Tensor
    reward: Tensor
    policy: Tensor
    consistency: Tensor
    priority: Tensor


def muzero_loss(
    network: UnrollableNetwork, batch: TrainBatch, config: TrainingConfig, consistency_of: HiddenStatesLoss | None = None
) -> LossParts:
    """Returns the loss of a batch, unrolled over its K actions.

    Value and policy of step i and reward of action i weigh 1/K for i >= 1, those of the first position 1. The heads see the hidden
    states of all steps in one call.

    Args:
        network: the network.
        batch: B samples.
        config: weights of the heads and of the consistency loss.
        consistency_of: the consistency loss, or None where it is not trained.
    """
    hidden_states = unroll_states(network, batch.frames, batch.to_play, batch.action)
    prediction = predict_steps(network, hidden_states)
    step_weight = _step_weights(batch)
    value_loss = network.value_codec.loss(prediction.value_logits, batch.target_value.T) * batch.value_mask.T
    reward_loss = network.reward_codec.loss(prediction.reward_logits[1:], batch.target_reward.T) * batch.reward_mask.T
    policy_loss = policy_cross_entropy(prediction.policy_logits, batch) * batch.policy_mask.T
    value = torch.mean((value_loss * step_weight).sum(0) * batch.sample_weight)
    reward = torch.mean((reward_loss * step_weight[1:]).sum(0) * batch.sample_weight)
    policy = torch.mean((policy_loss * step_weight).sum(0) * batch.sample_weight)
    total = config.value_loss_weight * value + config.reward_loss_weight * reward + config.policy_loss_weight * policy
    consistency = total.new_zeros(())
    if consistency_of is not None:
        consistency = consistency_of(hidden_states, batch)
        total = total + config.consistency_loss_weight * consistency
    with torch.no_grad():
        priority = (network.value_codec.decode(prediction.value_logits[0]) - batch.target_value[:, 0]).abs()
    return LossParts(total, value.detach(), reward.detach(), policy.detach(), consistency.detach(), priority)


def unroll(network: UnrollableNetwork, frames: Tensor, to_play: Tensor, action: Tensor) -> Prediction:
    """Returns the logits of the first position and of the K states after it, [K+1, B, ...].

    Args:
        network: the network.
        frames: [B, num_frames, *frame_shape].
        to_play: int8 [B].
        action: int64 [B, K].
    """
    return predict_steps(network, unroll_states(network, frames, to_play, action))


def unroll_states(network: UnrollableNetwork, frames: Tensor, to_play: Tensor, action: Tensor) -> list[Tensor]:
    """Returns the hidden states of the first position and of the K after it, [B, *latent_shape] each; arguments as in unroll."""
    hidden_state = network.represent(frames, to_play)
    hidden_states = [hidden_state]
    for step in range(action.shape[1]):
        hidden_state = network.dynamics(scale_gradient(hidden_state), action[:, step])
        hidden_states.append(hidden_state)
    return hidden_states


def predict_steps(network: UnrollableNetwork, hidden_states: list[Tensor]) -> Prediction:
    """Returns the logits of all hidden states, [K+1, B, ...], from one call of the heads.

    Args:
        network: the network.
        hidden_states: K+1 times [B, *latent_shape].
    """
    prediction = network.predict(torch.cat(hidden_states))
    num_steps, batch_size = len(hidden_states), len(hidden_states[0])
    return Prediction(*(logits.float().view(num_steps, batch_size, -1) for logits in prediction))


def policy_cross_entropy(policy_logits: Tensor, batch: TrainBatch) -> Tensor:
    """Returns the cross-entropy between stored and predicted policies, float32 [K+1, B].

    Args:
        policy_logits: [K+1, B, A].
        batch: its policy_action and policy_weight name the few actions of each target.
    """
    log_probability = torch.log_softmax(policy_logits, dim=-1).gather(2, batch.policy_action.transpose(0, 1))
    return -(batch.policy_weight.transpose(0, 1) * log_probability).sum(-1)


def scale_gradient(hidden_state: Tensor) -> Tensor:
    """Returns the same hidden state; its gradient is scaled by DYNAMICS_GRADIENT_SCALE."""
    scaled: Tensor = _ScaleGradient.apply(hidden_state)  # type: ignore[no-untyped-call]
    return scaled


class _ScaleGradient(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, hidden_state: Tensor) -> Tensor:
        return hidden_state.view_as(hidden_state)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient * DYNAMICS_GRADIENT_SCALE


def _step_weights(batch: TrainBatch) -> Tensor:
    """Returns the weight of each step, float32 [K+1, 1]: 1, then K times 1/K."""
    num_steps = batch.action.shape[1]
    weight = batch.target_value.new_full((num_steps + 1, 1), 1.0 / num_steps)
    weight[0] = 1.0
    return weight
