"""The serving copy equals the training network in evaluation, however it is called and after every load."""

import numpy as np
import pytest
import torch

from muzero.config import NetworkConfig, TrainingConfig
from muzero.networks import folding, inference_network, inference_variants
from muzero.networks.inference_network import InferenceNetwork
from muzero.networks.network import MuZeroNetwork, build_network, flatten_state, num_floats
from muzero.train_step import Trainer
from muzero.types import GameSpec
from tests.muzero.networks.network_specs import (
    MLP,
    RESIDUAL,
    SCALAR,
    board_spec,
    downsampling_config,
    image_spec,
    planes_of,
    planes_spec,
    points_spec,
    random_batch,
    vector_spec,
)

TRANSFORMED = NetworkConfig(hidden_size=16, support_size=10, transform_values=True)
KINDS = {
    "board mlp": (board_spec(), MLP),
    "board scalar": (board_spec(), SCALAR),
    "board residual": (board_spec(4, 2), RESIDUAL),
    "vector": (vector_spec(2), TRANSFORMED),
    "tiled actions": (planes_spec(9), RESIDUAL),
    "learned actions": (planes_spec(40), RESIDUAL),
    "moves at points": (points_spec(0), RESIDUAL),
    "moves at points and a pass": (points_spec(1), RESIDUAL),
    "one halving": (image_spec(), downsampling_config(1)),
    "five halvings": (image_spec(35, 33, shows_actions=True), downsampling_config(5)),
}
CPU = torch.device("cpu")


def trained_network(spec: GameSpec, config: NetworkConfig, seed: int) -> MuZeroNetwork:
    """Returns a network after a few large steps, so that no weight or statistic is at its start."""
    network = build_network(spec, planes_of(spec), config, seed)
    trainer = Trainer(network, TrainingConfig(learning_rate=0.01, lr_warmup_steps=0), CPU)
    for step in range(5):
        assert trainer.step(random_batch(spec, 16, 2, step)).is_finite
    return network.eval()


def serving_copy(spec: GameSpec, config: NetworkConfig, num_priors: int = 2) -> InferenceNetwork:
    """Returns a copy with arbitrary weights."""
    return InferenceNetwork(spec, planes_of(spec), config, device=CPU, dtype=torch.float32, num_priors=num_priors)


def flat(network: MuZeroNetwork) -> np.ndarray:
    """Returns the network's flat state."""
    values = np.empty(num_floats(network), np.float32)
    flatten_state(network, values)
    return values


@torch.no_grad()
def assert_equal(serving: InferenceNetwork, network: MuZeroNetwork, spec: GameSpec, batch_size: int = 8) -> None:
    """Compares one initial and one recurrent call with random inputs."""
    batch = random_batch(spec, batch_size, 1, seed=9)
    frames, to_play, action = torch.from_numpy(batch.frames), torch.from_numpy(batch.to_play), torch.from_numpy(batch.action[:, 0]).long()
    hidden_state, value_logits, policy_logits = network.initial(frames, to_play)
    served = serving.initial(frames, to_play)
    expected = (hidden_state, network.value_codec.decode(value_logits), policy_logits)
    torch.testing.assert_close(served, expected, atol=1e-5, rtol=1e-5)

    following, reward_logits, value_logits, policy_logits = network.recurrent(hidden_state, action)
    prior = torch.softmax(policy_logits, dim=1)
    *served_numbers, served_prior, served_action = serving.recurrent(served[0], action)
    expected = (following, network.reward_codec.decode(reward_logits), network.value_codec.decode(value_logits))
    torch.testing.assert_close(tuple(served_numbers), expected, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(served_prior, prior.sort(dim=1, descending=True).values[:, :2], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(served_prior, prior.gather(1, served_action.long()), atol=1e-5, rtol=1e-5)
    assert served_action.dtype == torch.int32


@pytest.mark.parametrize(("spec", "config"), KINDS.values(), ids=KINDS.keys())
@pytest.mark.parametrize("variant", ["eager", "traced"])
def test_serving_copy_equals_the_network_after_every_load(
    spec: GameSpec, config: NetworkConfig, variant: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inference_network, "pick_variant", lambda network, batch_size: variant)
    serving = serving_copy(spec, config)
    serving.optimize(batch_size=4)
    for seed in (1, 2):
        network = trained_network(spec, config, seed)
        serving.load(flat(network))
        assert_equal(serving, network, spec)


@pytest.mark.parametrize("spec", [board_spec(), planes_spec(40)], ids=["fixed", "learned"])
def test_large_action_spaces_convolve_the_planes_instead_of_a_table(spec: GameSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "MAX_ACTION_TABLE_BYTES", 100)
    serving = serving_copy(spec, RESIDUAL)
    assert serving.folded.weights.has_action_planes
    for seed in (1, 2):
        network = trained_network(spec, RESIDUAL, seed)
        serving.load(flat(network))
        assert_equal(serving, network, spec)


def test_action_spaces_as_large_as_those_of_chess_get_no_table() -> None:
    limit = folding.MAX_TABLED_ACTIONS
    large, small = (serving_copy(planes_spec(num_actions), RESIDUAL) for num_actions in (limit + 1, limit))
    assert large.folded.weights.has_action_planes and not small.folded.weights.has_action_planes


def test_weights_stay_where_they_are_in_memory() -> None:
    serving, network = serving_copy(board_spec(), RESIDUAL), trained_network(board_spec(), RESIDUAL, 1)
    before = [tensor.data_ptr() for tensor in serving.folded.weights.tensors()]
    serving.load(flat(network))
    assert [tensor.data_ptr() for tensor in serving.folded.weights.tensors()] == before


@pytest.mark.parametrize(("spec", "config"), [(board_spec(4, 2), RESIDUAL), (image_spec(), downsampling_config(3))], ids=["board", "image"])
def test_samples_of_a_batch_do_not_touch_each_other(spec: GameSpec, config: NetworkConfig) -> None:
    serving, batch = serving_copy(spec, config), random_batch(spec, 6, 1, 0)
    serving.load(flat(trained_network(spec, config, 1)))
    frames, to_play = torch.from_numpy(batch.frames), torch.from_numpy(batch.to_play)
    whole = serving.initial(frames, to_play)[1]
    torch.testing.assert_close(serving.initial(frames[2:3], to_play[2:3])[1], whole[2:3], atol=1e-6, rtol=1e-5)


@pytest.mark.parametrize("fastest", ["eager", "traced"])
def test_the_faster_variant_is_picked(fastest: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seconds = iter([1.0, 2.0] if fastest == "eager" else [2.0, 1.0])
    monkeypatch.setattr(inference_variants, "best_seconds", lambda call: next(seconds))
    serving = serving_copy(board_spec(), MLP)
    serving.optimize(batch_size=4)
    assert serving.variant == fastest
