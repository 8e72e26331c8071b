"""Contracts of the trainable network, for every kind."""

import numpy as np
import pytest
import torch

from muzero.config import NetworkConfig
from muzero.errors import UserError
from muzero.networks.flat_state import load_named_state
from muzero.networks.network import MuZeroNetwork, build_network, flatten_state, load_flat_state, num_floats
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
    random_frames,
    vector_spec,
)

KINDS = [
    (board_spec(), MLP),
    (board_spec(), RESIDUAL),
    (board_spec(), SCALAR),
    (vector_spec(2), MLP),
    (planes_spec(40), RESIDUAL),
    (points_spec(0), RESIDUAL),
    (points_spec(3), RESIDUAL),
    (points_spec(0), MLP),
    (image_spec(), downsampling_config(2)),
    (image_spec(shows_actions=True), downsampling_config(4)),
]
to_play = torch.tensor([0, 0, 0, 0], dtype=torch.int8)


def build(spec: GameSpec, config: NetworkConfig, seed: int = 0) -> MuZeroNetwork:
    """Returns a seeded network."""
    return build_network(spec, planes_of(spec), config, seed)


def observed(spec: GameSpec) -> torch.Tensor:
    """Returns the frames of four random observations."""
    return torch.from_numpy(random_frames(spec, 4, np.random.default_rng(0)))


@pytest.mark.parametrize(("spec", "config"), KINDS)
def test_outputs_have_the_declared_shapes_and_hidden_states_lie_in_zero_one(spec: GameSpec, config: NetworkConfig) -> None:
    network = build(spec, config)
    hidden_state, value_logits, policy_logits = network.initial(observed(spec), to_play)
    following, reward_logits, _, _ = network.recurrent(hidden_state, torch.tensor([0, 1, 1, 0]))
    for state in (hidden_state, following):
        assert state.shape == (4, *network.latent_shape)
        flat = state.flatten(1)
        torch.testing.assert_close(flat.amin(1), torch.zeros(4))
        torch.testing.assert_close(flat.amax(1), torch.ones(4))
    assert value_logits.shape == reward_logits.shape == (4, network.value_codec.num_outputs)
    assert policy_logits.shape == (4, spec.num_actions)


@pytest.mark.parametrize(("spec", "config"), KINDS)
def test_a_new_network_values_everything_zero_and_prefers_no_action(spec: GameSpec, config: NetworkConfig) -> None:
    network = build(spec, config)
    _, value_logits, policy_logits = network.initial(observed(spec), to_play)
    torch.testing.assert_close(network.value_codec.decode(value_logits), torch.zeros(4))
    torch.testing.assert_close(policy_logits, torch.zeros(4, spec.num_actions))


@torch.no_grad()
@pytest.mark.parametrize(
    ("spec", "config"),
    [(board_spec(), MLP), (board_spec(), RESIDUAL), (planes_spec(9), RESIDUAL), (planes_spec(40), RESIDUAL)],
    ids=["mlp", "board", "tiled", "learned"],
)
def test_different_actions_lead_to_different_hidden_states(spec: GameSpec, config: NetworkConfig) -> None:
    network, num_actions = build(spec, config).eval(), spec.num_actions
    hidden_state = network.represent(observed(spec)[:1], to_play[:1])
    following = network.dynamics(hidden_state.expand(num_actions, *hidden_state.shape[1:]), torch.arange(num_actions)).flatten(1)
    distance = torch.cdist(following, following) + torch.eye(num_actions)
    assert float(distance.min()) > 1e-3


@torch.no_grad()
def test_moves_at_a_point_are_judged_by_the_hidden_state_of_that_point() -> None:
    network = build(points_spec(1), RESIDUAL).eval()
    assert network.point_policy is not None
    torch.nn.init.normal_(network.point_policy.moves.weight)
    hidden_state = torch.rand(1, *network.latent_shape)
    changed = hidden_state.clone()
    changed[0, :, 2, 3] = 1.0 - changed[0, :, 2, 3]
    difference = network.predict(changed).policy_logits - network.predict(hidden_state).policy_logits
    point = 5 * 2 + 3
    assert torch.nonzero(difference[0]).flatten().tolist() == [2 * point, 2 * point + 1]  # the pass is dense, and still at zero


@torch.no_grad()
def test_the_same_hidden_state_makes_the_same_moves_good_at_every_point() -> None:
    network = build(points_spec(1), RESIDUAL).eval()
    assert network.point_policy is not None
    torch.nn.init.normal_(network.point_policy.moves.weight)
    logits = network.predict(torch.rand(1, RESIDUAL.num_channels, 1, 1).expand(1, -1, 4, 5)).policy_logits
    torch.testing.assert_close(logits[0, :-1].view(20, 2), logits[0, :2].expand(20, 2))
    assert float((logits[0, 0] - logits[0, 1]).abs()) > 1e-3


def test_equal_seeds_give_equal_networks_and_leave_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    first, same, other = (build(board_spec(), MLP, seed).state_dict() for seed in (3, 3, 4))
    assert torch.equal(before, torch.get_rng_state())
    name = "representation.layers.0.weight"
    assert torch.equal(first[name], same[name]) and not torch.equal(first[name], other[name])


@pytest.mark.parametrize("config", [MLP, RESIDUAL])
def test_flat_state_carries_all_parameters_and_statistics(config: NetworkConfig) -> None:
    source, target = build(board_spec(), config, 1), build(board_spec(), config, 2)
    source.initial(observed(board_spec()), to_play)
    values = np.empty(num_floats(source), np.float32)
    flatten_state(source, values)
    load_flat_state(target, values)
    for name, tensor in target.state_dict().items():
        assert torch.equal(tensor, source.state_dict()[name]) or not tensor.is_floating_point()


def test_flat_state_of_another_size_is_refused() -> None:
    network = build(board_spec(), MLP)
    with pytest.raises(ValueError, match="the network needs"):
        load_flat_state(network, np.zeros(3, np.float32))
    with pytest.raises(ValueError, match="the network needs"):
        flatten_state(network, np.zeros(3, np.float32))


def test_a_saved_network_with_other_layers_is_refused_with_a_sentence() -> None:
    saved = build(planes_spec(40), RESIDUAL).state_dict()
    with pytest.raises(UserError, match=r"^the saved network has other layers .*: start a new run, .* \(.*heads.*\)\.$"):
        load_named_state(build(points_spec(0), RESIDUAL), saved)


def test_residual_network_for_a_game_without_planes_is_refused() -> None:
    with pytest.raises(UserError, match="set network.kind to mlp"):
        build(vector_spec(), RESIDUAL)
