"""Tests of what is measured of stored positions, by hand on a network that is a table of numbers."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from muzero.config import NetworkConfig
from muzero.networks.heads import Prediction
from muzero.networks.value_codec import ValueCodec
from muzero.position_numbers import PositionNumbers, StoredPositions, measure
from muzero.types import NO_ACTION, Batch

NAN = math.nan
LN3 = math.log(3.0)


class TableNetwork:
    """A hidden state is the pair (s, 1): s is the number in the frame and one more after each action."""

    def __init__(self) -> None:
        self.value_codec = self.reward_codec = ValueCodec(NetworkConfig(value_head="scalar"), None)

    def represent(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns (frame, 1)."""
        number = frames.reshape(-1, 1)
        return torch.cat((number, torch.ones_like(number)), dim=1)

    def dynamics(self, hidden_state: Tensor, action: Tensor) -> Tensor:
        """Returns (s + 1, 1)."""
        return hidden_state + torch.tensor([1.0, 0.0])

    def predict(self, hidden_state: Tensor) -> Prediction:
        """Returns reward s, value 2 s and three actions with probabilities 1/5, 3/5, 1/5."""
        logits = torch.tensor([0.0, LN3, 0.0]).expand(len(hidden_state), 3)
        return Prediction(hidden_state[:, :1], 2.0 * hidden_state[:, :1], logits)


def two_positions() -> StoredPositions:
    """Returns, with K = 2, a position one move before an end by the rules, then one whose trajectory was cut after its move."""
    batch = Batch(
        frames=np.array([[[3.0]], [[4.0]]], np.float32),
        to_play=np.zeros(2, np.int8),
        action=np.zeros((2, 2), np.int32),
        target_value=np.array([[5, 1, 0], [8, 9, 0]], np.float32),
        target_reward=np.array([[4, 7], [2, 0]], np.float32),
        policy_action=np.tile(np.array([0, 1], np.int32), (2, 3, 1)),
        policy_weight=np.tile(np.array([0.25, 0.75], np.float32), (2, 3, 1)),
        value_mask=np.array([[1, 1, 1], [1, 1, 0]], np.float32),
        reward_mask=np.array([[1, 1], [1, 0]], np.float32),
        policy_mask=np.array([[1, 1, 0], [1, 0, 0]], np.float32),
        sample_weight=np.ones(2, np.float32),
        row=np.arange(2),
        version=np.zeros(2, np.int64),
        is_fresh=np.zeros(2, np.bool_),
        policy_version=np.zeros((2, 3), np.int64),
    )
    return StoredPositions(
        batch=batch,
        frames=np.array([[[[3.0]], [[5.0]], [[0.0]]], [[[4.0]], [[5.0]], [[0.0]]]], np.float32),
        to_play=np.zeros((2, 3), np.int8),
        action=np.array([[1, 0, NO_ACTION], [2, NO_ACTION, NO_ACTION]], np.int32),
        is_stored=np.array([[True, True, False], [True, True, False]]),
        outcome=np.array([5.5, 8.5], np.float32),
    )


@pytest.fixture(scope="module")
def numbers() -> PositionNumbers:
    """What is measured of the two positions."""
    return measure(TableNetwork(), two_positions(), torch.device("cpu"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("root_value", [6, 8]),
        ("outcome", [5.5, 8.5]),
        ("value_error", [[1, 7, NAN], [0, 1, NAN]]),
        ("absorbing_value_error", [[NAN, NAN, 10], [NAN, NAN, NAN]]),
        ("reward_error", [[NAN, 0, 2], [NAN, 3, NAN]]),
        ("absorbing_reward_error", [[NAN, NAN, NAN], [NAN, NAN, NAN]]),
        ("played_rank", [[1, 2.5, NAN], [2.5, NAN, NAN]]),
        ("best_rank", [[1, 1, NAN], [1, NAN, NAN]]),
        ("hidden_distance", [[0, 1 / math.sqrt(26), NAN], [0, 0, NAN]]),
        ("hidden_cosine", [[1, 21 / math.sqrt(17 * 26), NAN], [1, 1, NAN]]),
        ("unrelated_distance", [[1 / math.sqrt(10), 0, NAN], [1 / math.sqrt(17), 0, NAN]]),
    ],
)
def test_numbers_are_those_computed_by_hand(numbers: PositionNumbers, name: str, expected: Any) -> None:
    np.testing.assert_allclose(getattr(numbers, name), expected, atol=1e-6)


def test_entropies_and_divergence_are_in_nats(numbers: PositionNumbers) -> None:
    search = -(0.25 * math.log(0.25) + 0.75 * math.log(0.75))
    network = -(0.4 * math.log(0.2) + 0.6 * math.log(0.6))
    divergence = -(0.25 * math.log(0.2) + 0.75 * math.log(0.6)) - search
    assert numbers.search_entropy[0, 0] == pytest.approx(search)
    assert numbers.network_entropy[0, 0] == pytest.approx(network)
    assert numbers.policy_kl[0, 1] == pytest.approx(divergence)
    assert np.isnan(numbers.policy_kl[:, 2]).all()


def test_rewards_past_an_end_are_told_apart_from_played_ones() -> None:
    positions = two_positions()
    positions.action[0, 1] = NO_ACTION
    measured = measure(TableNetwork(), positions, torch.device("cpu"))
    assert measured.absorbing_reward_error[0, 2] == 5.0
    assert np.isnan(measured.reward_error[0, 2])


def test_parts_are_put_together_in_order(numbers: PositionNumbers) -> None:
    both = PositionNumbers.concatenate([numbers, numbers])
    np.testing.assert_array_equal(both.root_value, [6, 8, 6, 8])
    assert both.policy_kl.shape == (4, 3)


def test_a_single_position_has_nothing_unrelated_to_compare_with() -> None:
    from muzero.batch_rows import batch_rows

    positions = two_positions()
    one = slice(1)
    single = StoredPositions(
        batch=batch_rows(positions.batch, one),
        **{name: getattr(positions, name)[one] for name in ("frames", "to_play", "action", "is_stored", "outcome")},
    )
    assert np.isnan(measure(TableNetwork(), single, torch.device("cpu")).unrelated_distance).all()
