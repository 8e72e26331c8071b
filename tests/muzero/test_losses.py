"""Tests of the loss by hand on a network that is a table of numbers."""

import math

import pytest
import torch
from torch import Tensor, nn

from muzero.config import NetworkConfig, TrainingConfig
from muzero.losses import LossParts, muzero_loss
from muzero.networks.heads import Prediction
from muzero.networks.value_codec import ValueCodec
from muzero.train_batch import TrainBatch

CONFIG = TrainingConfig(value_loss_weight=0.25, reward_loss_weight=2.0, policy_loss_weight=3.0)


class TableNetwork(nn.Module):
    """A hidden state is one number: `root` at first, one more after each action; all heads are functions of it."""

    def __init__(self) -> None:
        super().__init__()
        self.root = nn.Parameter(torch.tensor(0.5))
        codec = ValueCodec(NetworkConfig(value_head="scalar"), None)
        self.value_codec, self.reward_codec = codec, codec

    def represent(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns the root state of each sample."""
        return self.root.expand(len(to_play), 1)

    def dynamics(self, hidden_state: Tensor, action: Tensor) -> Tensor:
        """Returns the state plus one."""
        return hidden_state + 1.0

    def predict(self, hidden_state: Tensor) -> Prediction:
        """Returns reward s, value 2 s and two actions with logits (0, ln 3)."""
        policy_logits = torch.tensor([0.0, math.log(3.0)]).expand(len(hidden_state), 2)
        return Prediction(hidden_state, 2.0 * hidden_state, policy_logits)


def batch_of(**changes: Tensor) -> TrainBatch:
    """Returns one sample with K = 2 whose targets are all zero, except for the changes."""
    fields = {
        "frames": torch.zeros(1, 1, 1),
        "to_play": torch.zeros(1, dtype=torch.int8),
        "action": torch.zeros(1, 2, dtype=torch.int64),
        "target_value": torch.zeros(1, 3),
        "target_reward": torch.zeros(1, 2),
        "policy_action": torch.tensor([[[0, 1]] * 3]),
        "policy_weight": torch.tensor([[[0.5, 0.5]] * 3]),
        "value_mask": torch.ones(1, 3),
        "reward_mask": torch.ones(1, 2),
        "policy_mask": torch.ones(1, 3),
        "sample_weight": torch.ones(1),
    }
    return TrainBatch(**(fields | changes))


def loss_of(**changes: Tensor) -> LossParts:
    """Returns the loss of the table network on batch_of(changes)."""
    return muzero_loss(TableNetwork(), batch_of(**changes), CONFIG)


def test_later_steps_weigh_one_over_k() -> None:
    parts = loss_of()
    assert float(parts.value) == pytest.approx(1.0**2 + 0.5 * (3.0**2 + 5.0**2))
    assert float(parts.reward) == pytest.approx(0.5 * (1.5**2 + 2.5**2))
    entropy = -(0.5 * math.log(0.25) + 0.5 * math.log(0.75))
    assert float(parts.policy) == pytest.approx(2.0 * entropy)


def test_total_weighs_the_heads() -> None:
    parts = loss_of()
    expected = 0.25 * float(parts.value) + 2.0 * float(parts.reward) + 3.0 * float(parts.policy)
    assert parts.total.item() == pytest.approx(expected)


def test_a_loss_of_the_hidden_states_is_weighed_and_shown() -> None:
    config = TrainingConfig(value_loss_weight=0.0, reward_loss_weight=0.0, policy_loss_weight=0.0, consistency_loss_weight=5.0)
    parts = muzero_loss(TableNetwork(), batch_of(), config, lambda states, batch: torch.stack(states).sum())
    assert float(parts.consistency) == 0.5 + 1.5 + 2.5
    assert parts.total.item() == 5.0 * 4.5
    assert float(loss_of().consistency) == 0.0


def test_masked_steps_do_not_count() -> None:
    parts = loss_of(
        value_mask=torch.tensor([[1.0, 0.0, 1.0]]),
        reward_mask=torch.tensor([[0.0, 1.0]]),
        policy_mask=torch.tensor([[0.0, 0.0, 0.0]]),
    )
    assert float(parts.value) == pytest.approx(1.0 + 0.5 * 25.0)
    assert float(parts.reward) == pytest.approx(0.5 * 6.25)
    assert float(parts.policy) == 0.0


def test_importance_weights_scale_the_loss_but_not_the_priorities() -> None:
    parts = loss_of(sample_weight=torch.tensor([0.5]), target_value=torch.tensor([[3.0, 3.0, 3.0]]))
    assert float(parts.value) == pytest.approx(0.5 * (4.0 + 0.5 * (0.0 + 4.0)))
    assert parts.priority.tolist() == pytest.approx([2.0])


def test_gradient_halves_at_each_step_back_through_the_dynamics() -> None:
    network = TableNetwork()
    config = TrainingConfig(value_loss_weight=1.0, reward_loss_weight=0.0, policy_loss_weight=0.0)
    muzero_loss(network, batch_of(), config).total.backward()
    assert network.root.grad is not None
    # d(2s)^2/ds = 8 s at s = 0.5, 1.5, 2.5 with step weights 1, 1/2, 1/2 and gradient scales 1, 1/2, 1/4
    assert float(network.root.grad) == pytest.approx(4.0 + 0.5 * 12.0 * 0.5 + 0.5 * 20.0 * 0.25)
