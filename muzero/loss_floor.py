"""The lowest loss that a batch allows: what a network that knows every target by heart would have. No training.

A cross-entropy is never below the entropy of its target, so a loss of 1 may be perfect or poor; the floor tells which.
Legend: B batch, K unroll steps, S outputs of a value head, A actions.
"""

import torch
from torch import Tensor

from muzero.config import TrainingConfig
from muzero.losses import LossParts, muzero_loss
from muzero.networks.heads import Prediction
from muzero.networks.value_codec import ValueCodec
from muzero.train_batch import TrainBatch
from muzero.value_transform import transform, two_hot

SMALLEST_PROBABILITY = 1e-30
"""Stands for 0, whose logarithm a cross-entropy cannot multiply by 0."""


class PerfectNetwork:
    """Answers each state of one batch with the logits of its targets. A hidden state is the pair (sample, step)."""

    def __init__(self, batch: TrainBatch, value_codec: ValueCodec, reward_codec: ValueCodec, num_actions: int) -> None:
        """Knows the targets of a batch.

        Args:
            batch: B samples.
            value_codec, reward_codec: those of the network whose floor is asked for.
            num_actions: A.
        """
        self.value_codec, self.reward_codec = value_codec, reward_codec
        before_first = torch.zeros_like(batch.target_reward[:, :1])
        self._value_logits = perfect_logits(value_codec, batch.target_value)
        self._reward_logits = perfect_logits(reward_codec, torch.cat((before_first, batch.target_reward), dim=1))
        probability = batch.policy_weight.new_zeros(*batch.policy_weight.shape[:2], num_actions)
        probability.scatter_add_(2, batch.policy_action, batch.policy_weight)
        self._policy_logits = probability.clamp_min(SMALLEST_PROBABILITY).log()

    def represent(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns (sample, 0), int64 [B, 2]."""
        sample = torch.arange(len(to_play), device=to_play.device)
        return torch.stack((sample, torch.zeros_like(sample)), dim=1)

    def dynamics(self, hidden_state: Tensor, action: Tensor) -> Tensor:
        """Returns (sample, step + 1), int64 [B, 2]."""
        return hidden_state + hidden_state.new_tensor([0, 1])

    def predict(self, hidden_state: Tensor) -> Prediction:
        """Returns the logits of the targets."""
        sample, step = hidden_state.unbind(1)
        return Prediction(*(logits[sample, step] for logits in (self._reward_logits, self._value_logits, self._policy_logits)))


def perfect_logits(codec: ValueCodec, target: Tensor) -> Tensor:
    """Returns the outputs of a head that mean exactly these numbers, float32 [..., S].

    Args:
        codec: of the head.
        target: float32 [...], in game points.
    """
    if codec.bounds is not None and codec.is_squashed:
        low, high = codec.bounds
        return torch.atanh((2.0 * target - low - high) / (high - low)).unsqueeze(-1)
    target = transform(target) if codec.is_transformed else target
    return two_hot(target, codec.bins).clamp_min(SMALLEST_PROBABILITY).log() if codec.is_categorical else target.unsqueeze(-1)


@torch.no_grad()
def loss_floor(batch: TrainBatch, value_codec: ValueCodec, reward_codec: ValueCodec, num_actions: int) -> LossParts:
    """Returns the loss of a network that knows every target of a batch; its mean parts are what training can reach at best.

    Args:
        batch, value_codec, reward_codec, num_actions: as in PerfectNetwork.
    """
    return muzero_loss(PerfectNetwork(batch, value_codec, reward_codec, num_actions), batch, TrainingConfig())
