"""Tests of the target network: what it adds to value targets, by hand."""

import numpy as np
import torch

from muzero.networks.network import build_network
from muzero.target_network import TargetNetwork
from muzero.train_batch import to_device
from muzero.types import Batch
from tests.muzero.networks.network_specs import RESIDUAL, SCALAR, board_spec, planes_of, random_full_batch, vector_spec

CPU = torch.device("cpu")


def batch_of(factor: list[list[float]], target_value: float) -> Batch:
    """Returns samples of one step with these factors and the same target everywhere."""
    batch = random_full_batch(vector_spec(), len(factor), 1, seed=0)
    batch.bootstrap_factor = np.array(factor, np.float32)
    batch.target_value[:] = target_value
    return batch


def constant_network(value: float) -> TargetNetwork:
    """Returns a target network to which every position is worth the same."""
    network = build_network(vector_spec(), planes_of(vector_spec()), SCALAR, seed=0)
    with torch.no_grad():
        network.heads.value.bias.fill_(value)
    return TargetNetwork(network)


def test_factor_times_value_is_added_to_the_target() -> None:
    batch = batch_of([[0.9, 0.0], [-0.5, 1.0]], target_value=3.0)

    completed = constant_network(2.0).bootstrapped(to_device(batch, CPU))

    torch.testing.assert_close(completed.target_value, torch.tensor([[4.8, 3.0], [2.0, 5.0]]))
    np.testing.assert_array_equal(batch.target_value, 3.0)  # whose memory the tensors share


def test_only_positions_with_a_factor_are_evaluated() -> None:
    target, seen = constant_network(2.0), []
    target.network.encoder.register_forward_pre_hook(lambda encoder, inputs: seen.append(inputs[0].clone()))
    batch = batch_of([[0.0, 0.5], [0.0, 0.0]], target_value=0.0)

    target.bootstrapped(to_device(batch, CPU))
    completed = target.bootstrapped(to_device(batch_of([[0.0, 0.0]], target_value=1.0), CPU))

    assert batch.bootstrap_frames is not None and len(seen) == 1
    np.testing.assert_array_equal(seen[0].numpy(), batch.bootstrap_frames[:1, 1])
    assert completed.target_value.tolist() == [[1.0, 1.0]]


def test_a_value_does_not_depend_on_the_rest_of_the_batch_and_leaves_no_trace() -> None:
    target = TargetNetwork(build_network(board_spec(), planes_of(board_spec()), RESIDUAL, seed=0).train())
    with torch.no_grad():
        target.network.heads.value.weight.normal_()
    before = {name: tensor.clone() for name, tensor in target.network.state_dict().items()}
    batch = random_full_batch(board_spec(), 6, 3, seed=0)
    whole = target.bootstrapped(to_device(batch, CPU)).target_value
    assert batch.bootstrap_factor is not None
    batch.bootstrap_factor[1:] = 0.0
    alone = target.bootstrapped(to_device(batch, CPU)).target_value
    torch.testing.assert_close(whole[0], alone[0])
    assert not torch.equal(whole[1:], alone[1:]) and not whole.requires_grad
    assert all(torch.equal(tensor, before[name]) for name, tensor in target.network.state_dict().items())


def test_it_changes_only_when_it_is_refreshed() -> None:
    network = build_network(vector_spec(), planes_of(vector_spec()), SCALAR, seed=0)
    target = TargetNetwork(network)
    with torch.no_grad():
        network.heads.value.bias.fill_(5.0)
    assert float(target.network.heads.value.bias) == 0.0
    target.refresh(network)
    assert float(target.network.heads.value.bias) == 5.0
