"""The dense prediction heads: reward, value and policy logits from the features of a hidden state. No trunk and no decoding.

Legend: B batch, F features, S outputs of a value head, A actions.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn


class Prediction(NamedTuple):
    """What the network says of hidden states.

    Attributes:
        reward_logits: [B, S], reward of the action that led here.
        value_logits: [B, S], value seen by the player to move.
        policy_logits: [B, A], unmasked.
    """

    reward_logits: Tensor
    value_logits: Tensor
    policy_logits: Tensor


class Heads(nn.Module):
    """One hidden layer per head, computed as one wide layer; the last layers start at zero.

    At the start every value and reward is 0 (or the middle of the bounds) and every policy uniform, so the first searches
    are driven by rewards alone and not by noise.
    """

    def __init__(self, num_features: int, head_size: int, num_value_outputs: int, num_actions: int) -> None:
        """Makes the heads over F = num_features features; without a policy for 0 actions, where another head has them all."""
        super().__init__()
        self.hidden = nn.Linear(num_features, (3 if num_actions else 2) * head_size)
        self.reward = _zero_linear(head_size, num_value_outputs)
        self.value = _zero_linear(head_size, num_value_outputs)
        self.policy = _zero_linear(head_size, num_actions) if num_actions else None

    def forward(self, features: Tensor) -> Prediction:
        """Returns the logits of all heads.

        Args:
            features: [B, F].
        """
        hidden = torch.relu(self.hidden(features))
        if self.policy is None:
            reward, value = hidden.chunk(2, dim=1)
            return Prediction(self.reward(reward), self.value(value), hidden[:, :0])
        reward, value, policy = hidden.chunk(3, dim=1)
        return Prediction(self.reward(reward), self.value(value), self.policy(policy))


def _zero_linear(num_inputs: int, num_outputs: int) -> nn.Linear:
    layer = nn.Linear(num_inputs, num_outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer
