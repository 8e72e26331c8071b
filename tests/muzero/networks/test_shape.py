"""Tests of the kind of network a game gets and the shape of its hidden state."""

import dataclasses

import pytest
import torch

from muzero.config import NetworkConfig
from muzero.errors import UserError
from muzero.networks.network import build_network
from muzero.networks.shape import has_point_policy, latent_shape, num_downsamplings, num_placeless_actions, resolved, uses_planes
from muzero.types import GameSpec
from tests.muzero.networks.network_specs import (
    MLP,
    RESIDUAL,
    board_spec,
    downsampling_config,
    image_spec,
    planes_of,
    planes_spec,
    points_spec,
    random_batch,
    vector_spec,
)

AUTO = NetworkConfig(num_channels=8, num_blocks=0, hidden_size=24)


@pytest.mark.parametrize(("spec", "expected"), [(board_spec(), True), (planes_spec(5), True), (image_spec(), True), (vector_spec(), False)])
def test_auto_is_residual_exactly_where_the_game_shows_planes(spec: GameSpec, expected: bool) -> None:
    assert uses_planes(AUTO, spec) is expected


def test_a_kind_that_is_named_wins_over_auto_and_must_be_possible() -> None:
    assert uses_planes(RESIDUAL, board_spec()) and not uses_planes(MLP, board_spec())
    with pytest.raises(UserError, match="game 'vector' has no planes: set network.kind to mlp"):
        uses_planes(RESIDUAL, vector_spec())


def test_only_a_residual_network_of_the_boards_size_has_a_policy_for_its_points() -> None:
    spec = points_spec(3)
    assert has_point_policy(RESIDUAL, spec) and num_placeless_actions(RESIDUAL, spec) == 3
    for config, other in ((MLP, spec), (downsampling_config(1), spec), (RESIDUAL, planes_spec(43))):
        assert not has_point_policy(config, other) and num_placeless_actions(config, other) == 43


@pytest.mark.parametrize(("height", "width", "expected"), [(64, 64, 4), (96, 64, 4), (63, 210, 0)])
def test_only_large_images_are_halved_by_themselves(height: int, width: int, expected: int) -> None:
    assert num_downsamplings(AUTO, image_spec(height, width)) == expected
    assert num_downsamplings(AUTO, image_spec(height, width, shows_actions=True)) == expected


def test_boards_keep_their_size_and_the_configuration_has_the_last_word() -> None:
    assert num_downsamplings(AUTO, board_spec(70)) == 0
    assert num_downsamplings(downsampling_config(2), image_spec(96, 96)) == 2


@pytest.mark.parametrize(
    ("spec", "config", "expected"),
    [
        (vector_spec(), AUTO, (24,)),
        (board_spec(19), AUTO, (8, 19, 19)),
        (image_spec(96, 96), AUTO, (8, 6, 6)),
        (image_spec(84, 84), AUTO, (8, 6, 6)),
        (image_spec(84, 84), downsampling_config(1), (8, 42, 42)),
        (image_spec(84, 84), downsampling_config(3), (8, 11, 11)),
        (image_spec(21, 18), downsampling_config(5), (8, 1, 1)),
    ],
)
def test_hidden_states_have_the_halved_sides_rounded_up(spec: GameSpec, config: NetworkConfig, expected: tuple[int, ...]) -> None:
    assert latent_shape(config, spec) == expected


@pytest.mark.parametrize("num_halvings", range(7))
def test_the_network_makes_the_hidden_state_that_was_planned(num_halvings: int) -> None:
    spec, config = image_spec(21, 18), downsampling_config(num_halvings)
    network, batch = build_network(spec, planes_of(spec), config, seed=0).eval(), random_batch(spec, 2, 1, seed=0)
    hidden_state = network.represent(torch.from_numpy(batch.frames), torch.from_numpy(batch.to_play))
    assert hidden_state.shape == (2, *latent_shape(config, spec))


def test_planes_of_actions_that_do_not_fit_the_hidden_state_are_refused() -> None:
    with pytest.raises(UserError, match=r"hidden state of game 'board' is 2 x 2, .* \(1, 3, 3\): set network.num_downsamplings to 0"):
        latent_shape(downsampling_config(1), board_spec(3))


@pytest.mark.parametrize(("bound", "transform", "needed"), [(24.0, False, 24), (24.0, True, 5), (300.0, True, 17)])
def test_a_support_too_small_for_the_values_of_the_game_is_refused(bound: float, transform: bool, needed: int) -> None:
    spec = dataclasses.replace(board_spec(3), value_bounds=(-bound, bound))
    enough = NetworkConfig(support_size=needed, transform_values=transform)
    assert resolved(enough, spec).kind == "residual"
    with pytest.raises(UserError, match=f"reach {bound:g}: set network.support_size to at least {needed}"):
        resolved(NetworkConfig(support_size=needed - 1, transform_values=transform), spec)
