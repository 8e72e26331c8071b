"""Tests of how actions are shown to the dynamics."""

import numpy as np
import torch
from torch import nn

from muzero.networks.action_code import MAX_TILED_ACTIONS, make_action_code
from muzero.networks.network import build_network
from tests.muzero.networks.network_specs import RESIDUAL, board_spec, planes_of, planes_spec, vector_spec


def test_planes_of_the_game_are_shown_as_they_are() -> None:
    code = make_action_code(board_spec(), planes_of(board_spec()), (8, 3, 3))
    expected = torch.zeros(2, 1, 3, 3)
    expected[0, 0, 2, 1] = expected[1, 0, 0, 0] = 1.0
    torch.testing.assert_close(code(torch.tensor([7, 0])), expected)


def test_a_perceptron_sees_planes_in_a_row_and_numbers_one_hot() -> None:
    board = make_action_code(board_spec(), planes_of(board_spec()), (32,))(torch.tensor([7]))
    number = make_action_code(vector_spec(), planes_of(vector_spec()), (32,))(torch.tensor([1]))
    assert board.tolist() == np.eye(9)[[7]].tolist() and number.tolist() == [[0, 1]]


def test_few_numbers_are_tiled_one_hot_over_the_hidden_state() -> None:
    spec = planes_spec(MAX_TILED_ACTIONS)
    code = make_action_code(spec, planes_of(spec), (8, 2, 3))
    planes = code(torch.tensor([5]))
    assert planes.shape == (1, 32, 2, 3) and not list(code.parameters())
    torch.testing.assert_close(planes[0, 5], torch.ones(2, 3))
    assert float(planes.sum()) == 6.0


def test_many_numbers_have_eight_learned_planes_each() -> None:
    spec = planes_spec(MAX_TILED_ACTIONS + 1)
    code = make_action_code(spec, planes_of(spec), (8, 4, 5))
    assert isinstance(code.table, nn.Parameter) and code.table.shape == (33, 8, 4, 5)
    assert code(torch.tensor([1, 1])).shape == (2, 8, 4, 5)
    assert 0.3 < float(code.table.detach().std()) < 0.4


def test_only_learned_planes_travel_with_the_weights() -> None:
    states = [build_network(spec, planes_of(spec), RESIDUAL, 0).state_dict() for spec in (planes_spec(33), planes_spec(5), board_spec())]
    assert ["action_code.table" in state for state in states] == [True, False, False]
