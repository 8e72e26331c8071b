"""Tests of the lowest loss that a batch allows, by hand."""

import math

import pytest
import torch

from muzero.config import NetworkConfig, TrainingConfig
from muzero.loss_floor import loss_floor, perfect_logits
from muzero.losses import muzero_loss
from muzero.networks.network import build_network
from muzero.networks.value_codec import ValueCodec
from muzero.train_batch import to_device
from tests.muzero.networks.network_specs import MLP, board_spec, planes_of, random_batch

CPU = torch.device("cpu")
CATEGORICAL = ValueCodec(NetworkConfig(support_size=2), None)


def test_the_floor_is_the_entropy_of_the_targets_weighted_like_the_loss() -> None:
    batch = random_batch(board_spec(), 1, 2, seed=0)
    batch.target_value[:] = [[0.5, 1.0, -0.25]]
    batch.target_reward[:] = 0.0
    batch.policy_weight[:] = [0.5, 0.25, 0.25]
    floor = loss_floor(to_device(batch, CPU), CATEGORICAL, CATEGORICAL, 9)
    assert float(floor.value) == pytest.approx(math.log(2.0) + 0.5 * (0.0 - 0.25 * math.log(0.25) - 0.75 * math.log(0.75)), rel=1e-5)
    assert float(floor.reward) == pytest.approx(0.0, abs=1e-6)
    assert float(floor.policy) == pytest.approx(2.0 * 1.5 * math.log(2.0), rel=1e-5)


def test_masked_steps_have_no_floor() -> None:
    batch = random_batch(board_spec(), 4, 2, seed=0)
    batch.policy_weight[:] = 1.0 / 3.0
    batch.policy_mask[:] = 0.0
    assert float(loss_floor(to_device(batch, CPU), CATEGORICAL, CATEGORICAL, 9).policy) == 0.0


def test_a_network_is_never_below_the_floor() -> None:
    batch = to_device(random_batch(board_spec(), 16, 3, seed=1), CPU)
    network = build_network(board_spec(), planes_of(board_spec()), MLP, seed=0)
    floor = loss_floor(batch, network.value_codec, network.reward_codec, 9)
    loss = muzero_loss(network, batch, TrainingConfig())
    assert all(float(getattr(loss, head)) > float(getattr(floor, head)) for head in ("value", "reward", "policy"))


@pytest.mark.parametrize("head", ["categorical", "scalar"])
@pytest.mark.parametrize("bounds", [None, (-1.0, 1.0)])
@pytest.mark.parametrize("is_transformed", [False, True])
def test_perfect_logits_mean_exactly_their_targets(head: str, bounds: tuple[float, float] | None, is_transformed: bool) -> None:
    codec = ValueCodec(NetworkConfig(value_head=head, support_size=3, transform_values=is_transformed), bounds)  # type: ignore[arg-type]
    target = torch.tensor([-1.0, -0.3, 0.0, 0.7, 1.0])
    assert codec.decode(perfect_logits(codec, target)).tolist() == pytest.approx(target.tolist(), abs=1e-4)
