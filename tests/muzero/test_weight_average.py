"""Tests of the moving average of the weights, by hand."""

import pytest
import torch

from muzero.networks.network import build_network
from muzero.weight_average import WeightAverage, decay_at
from tests.muzero.networks.network_specs import RESIDUAL, board_spec, planes_of


@pytest.mark.parametrize(
    ("steps", "decay", "expected"), [(0, 0.999, 0.1), (8, 0.999, 0.5), (90, 0.9, 0.9), (90, 0.999, 0.91), (0, 0.05, 0.05)]
)
def test_the_decay_grows_until_it_is_the_configured_one(steps: int, decay: float, expected: float) -> None:
    assert decay_at(steps, decay) == pytest.approx(expected)


def test_parameters_and_statistics_are_averaged_step_by_step() -> None:
    network = build_network(board_spec(), planes_of(board_spec()), RESIDUAL, seed=0)
    norm = network.head_features.entry.norm
    tensors = (network.heads.value.bias, norm.running_mean)
    average = WeightAverage(network, 0.25)
    averaged = (average.network.heads.value.bias, average.network.head_features.entry.norm.running_mean)
    expected = 0.0
    for step, (value, decay) in enumerate([(8.0, 0.1), (4.0, 2.0 / 11.0), (12.0, 0.25), (0.0, 0.25)]):
        with torch.no_grad():
            for tensor in tensors:
                tensor.fill_(value)
        norm.num_batches_tracked += 1
        average.update(step)
        expected = decay * expected + (1.0 - decay) * value
        for tensor in averaged:
            torch.testing.assert_close(tensor, torch.full_like(tensor, expected))
    assert int(average.network.head_features.entry.norm.num_batches_tracked) == 0


def test_the_average_is_never_trained() -> None:
    average = WeightAverage(build_network(board_spec(), planes_of(board_spec()), RESIDUAL, seed=0).train(), 0.5)
    assert not average.network.training and not any(parameter.requires_grad for parameter in average.network.parameters())
