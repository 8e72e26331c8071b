"""Tests of finding units that never answer."""

import pytest
import torch

from muzero.config import NetworkConfig
from muzero.dead_units import UnitWatch
from muzero.networks.network import MuZeroNetwork, build_network
from tests.muzero.networks.network_specs import MLP, RESIDUAL, board_spec, planes_of


def use(network: MuZeroNetwork, num_positions: int = 64) -> None:
    """Shows random boards to all parts of a network."""
    random = torch.Generator().manual_seed(1)
    frames = torch.randint(0, 3, (num_positions, 1, 3, 3), generator=random, dtype=torch.int8)
    with torch.no_grad():
        hidden_state = network.represent(frames, torch.zeros(num_positions, dtype=torch.int8))
        network.recurrent(hidden_state, torch.arange(num_positions) % 9)


def network_of(config: NetworkConfig) -> MuZeroNetwork:
    return build_network(board_spec(), planes_of(board_spec()), config, seed=0).eval()


def test_units_that_are_zero_throughout_are_counted() -> None:
    network = network_of(MLP)
    with torch.no_grad():
        network.heads.hidden.weight[:5] = 0.0
        network.heads.hidden.bias[:5] = -1.0
    with UnitWatch(network) as watch:
        use(network)
    layers = {layer.layer: layer for layer in watch.layers()}
    assert list(layers) == ["representation.layers.2", "dynamics_trunk.layers.2", "heads.hidden"]
    assert (layers["heads.hidden"].units, layers["heads.hidden"].dead >= 5) == (48, True)
    assert layers["representation.layers.2"].dead_share < 0.2


def test_a_unit_that_answers_once_is_alive() -> None:
    network = network_of(MLP)
    with UnitWatch(network) as watch:
        use(network, 1)
        few = sum(layer.dead for layer in watch.layers())
        use(network, 64)
    assert sum(layer.dead for layer in watch.layers()) < few


@pytest.mark.parametrize(
    "layer", ["representation.layers.2.first", "representation.layers.2", "dynamics_trunk.blocks.0", "head_features.entry", "heads.hidden"]
)
def test_channels_of_residual_networks_are_units(layer: str) -> None:
    network = network_of(RESIDUAL)
    with UnitWatch(network) as watch:
        use(network)
    assert {found.layer: found.units for found in watch.layers()}[layer] == (48 if layer == "heads.hidden" else 8)


def test_nothing_is_watched_after_the_end() -> None:
    network = network_of(MLP)
    with UnitWatch(network) as watch:
        pass
    use(network)
    assert watch.layers() == []
