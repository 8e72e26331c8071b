"""Tests of the averages of a diagnosis and of its sentences, by hand."""

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest

from muzero.dead_units import LayerUnits
from muzero.diagnosis import DepthRow, Diagnosis, calibration_bins, diagnose, rank_shares
from muzero.diagnosis_verdict import NOTHING_STANDS_OUT, YOUNG_STEPS, verdict
from muzero.position_numbers import PositionNumbers

NAN = np.nan
OLD = 10_000
"""Learner steps of a network that is judged."""


def numbers_of(num_positions: int, num_depths: int, **changes: Any) -> PositionNumbers:
    """Returns numbers that are all one, except for the changes."""
    arrays = {field.name: np.ones((num_positions, num_depths), np.float32) for field in fields(PositionNumbers)}
    arrays |= {name: np.ones(num_positions, np.float32) for name in ("root_value", "outcome")}
    return PositionNumbers(**{**arrays, **{name: np.array(values, np.float32) for name, values in changes.items()}})


def row_of(depth: int, **changes: Any) -> DepthRow:
    """Returns a row about which there is nothing to say, except for the changes."""
    healthy = {
        "positions": 1000,
        "value_error": 0.2,
        "value_spread": 0.9,
        "reward_error": 0.05,
        "reward_spread": 0.4,
        "network_entropy": 1.0,
        "search_entropy": 0.8,
        "policy_kl": 0.2,
        "best_first": 0.6,
        "hidden_distance": 0.2,
        "unrelated_distance": 0.6,
    }
    return DepthRow(**{**dict.fromkeys((field.name for field in fields(DepthRow)), None), **healthy, "depth": depth, **changes})


def diagnosis_of(root: DepthRow, deepest: DepthRow, **changes: Any) -> Diagnosis:
    """Returns a diagnosis with two depths."""
    healthy = Diagnosis(1000, 9, [], 0.05, 0.0, 0.0, [root, deepest], [], [], [LayerUnits("layer", 10, 1)])
    return replace(healthy, **changes)


def test_bins_of_the_calibration_are_equally_wide_and_never_empty() -> None:
    predicted = np.array([0.0, 0.05, 1.0, 0.95], np.float32)
    low, high = calibration_bins(predicted, np.array([1, 3, 0, 0], np.float32), np.array([0, 1, 2, 4], np.float32))
    assert (low.positions, low.target, low.outcome, low.outcome_error) == (2, 2.0, 0.5, pytest.approx(0.5 / np.sqrt(2)))
    assert (low.low, low.high, low.predicted) == pytest.approx((0.0, 0.1, 0.025))
    assert (high.positions, high.outcome, high.high) == (2, 3.0, 1.0)


def test_equal_predictions_share_one_bin() -> None:
    (only,) = calibration_bins(np.zeros(3, np.float32), np.ones(3, np.float32), np.ones(3, np.float32))
    assert (only.positions, only.predicted, only.outcome) == (3, 0.0, 1.0)


def test_ranks_beyond_the_last_are_counted_with_it_and_missing_ones_not() -> None:
    assert rank_shares(np.array([1.0, 2.5, 40.0, NAN, 10.0], np.float32)) == [0.25, 0.25, 0, 0, 0, 0, 0, 0, 0, 0.5]
    assert rank_shares(np.array([NAN], np.float32)) == []


def test_means_leave_out_what_is_missing() -> None:
    numbers = numbers_of(
        3,
        2,
        value_target=[[1, NAN], [3, NAN], [8, 0]],
        value_error=[[1, NAN], [2, NAN], [6, 5]],
        played_rank=[[1, NAN], [1, NAN], [3, NAN]],
    )
    root, later = diagnose(numbers, [], 9, None).depths
    assert (root.positions, root.value_error, root.value_spread) == (3, 3.0, pytest.approx((3 + 1 + 4) / 3))
    assert (root.played_rank, root.played_first) == pytest.approx((5 / 3, 2 / 3))
    assert (later.positions, later.value_error, later.played_rank, later.played_first) == (1, 5.0, None, None)


def test_calibration_error_weighs_bins_by_their_positions() -> None:
    found = diagnose(numbers_of(4, 1, root_value=[0, 0, 0, 1], outcome=[1, 1, 1, 0]), [], 9, None)
    assert (found.calibration_error, found.value_bias) == (1.0, -0.5)


def test_nothing_is_said_about_a_healthy_network() -> None:
    assert verdict(diagnosis_of(row_of(0), row_of(5)), OLD) == [NOTHING_STANDS_OUT]


@pytest.mark.parametrize(
    ("root", "deepest", "words"),
    [
        ({"value_error": 0.85}, {"value_error": 0.89}, "the value knows little at depth 0"),
        ({"value_error": 0.5}, {"value_error": 0.85}, "the value knows little at depth 5"),
        ({}, {"value_error": 0.6}, "value at depth 5 is 3.0x worse than at depth 0 (0.6 against 0.2 points)"),
        ({}, {"policy_kl": 0.8}, "policy (KL to the search) at depth 5 is 4.0x worse"),
        ({}, {"reward_error": 0.39}, "rewards are not learnt"),
        ({"policy_kl": 1.39}, {}, "the policy knows little"),
        ({"search_entropy": 0.01}, {}, "it no longer explores"),
        ({"best_first": 0.97}, {}, "in 97% of positions"),
        ({}, {"hidden_distance": 0.5}, "as an unrelated one"),
    ],
)
def test_each_weakness_has_its_sentence(root: dict[str, float], deepest: dict[str, float], words: str) -> None:
    (sentence,) = verdict(diagnosis_of(row_of(0, **root), row_of(5, **deepest)), OLD)
    assert words in sentence


@pytest.mark.parametrize(
    ("root", "deepest", "words"),
    [
        ({"value_error": 0.89}, {}, "0.89 points, hardly less than always saying the mean (0.9)"),
        ({"value_error": 1.2}, {}, "1.2 points, more than always saying the mean (0.9)"),
        ({"value_error": 0.9}, {}, "0.9 points, as much as always saying the mean (0.9)"),
        ({}, {"reward_error": 0.7}, "0.7 points, more than always saying the mean (0.4)"),
        ({"policy_kl": 1.5}, {"policy_kl": 1.5}, "1.5 nats from the search, more than the uniform policy (1.4)"),
        ({}, {"hidden_distance": 0.5}, "nearly as far from the real position's (0.5) as an unrelated one (0.6)"),
        ({}, {"hidden_distance": 0.7}, "farther from the real position's (0.7) than an unrelated one (0.6)"),
    ],
)
def test_sentences_compare_rightly_on_both_sides(root: dict[str, float], deepest: dict[str, float], words: str) -> None:
    (sentence,) = verdict(diagnosis_of(row_of(0, **root), row_of(5, **deepest)), OLD)
    assert words in sentence


@pytest.mark.parametrize(("edge_share", "is_advised"), [(0.0, False), (0.3, True)])
def test_a_larger_support_is_advised_only_where_values_reach_its_edge(edge_share: float, is_advised: bool) -> None:
    (sentence,) = verdict(diagnosis_of(row_of(0, value_error=0.85), row_of(5), edge_share=edge_share), OLD)
    assert ("network.support_size" in sentence, "train longer" in sentence) == (is_advised, not is_advised)


def test_positions_at_the_edge_are_those_whose_value_or_target_is() -> None:
    numbers = numbers_of(4, 1, root_value=[0, -9.6, 0, 9.4], value_target=[[12], [0], [1], [-9]])
    assert (diagnose(numbers, [], 9, 10.0).edge_share, diagnose(numbers, [], 9, None).edge_share) == (0.5, 0.0)


def test_a_young_network_is_called_that_first() -> None:
    young, said = verdict(diagnosis_of(row_of(0, value_error=0.85), row_of(5)), YOUNG_STEPS - 1)
    assert young.startswith("after 499 learner steps the network is still too young")
    assert verdict(diagnosis_of(row_of(0, value_error=0.85), row_of(5)), YOUNG_STEPS) == [said]


def test_calibration_and_dead_units_have_sentences() -> None:
    layers = [LayerUnits("heads.hidden", 100, 38), LayerUnits("representation.layers.1", 100, 25)]
    miscalibrated, dead = verdict(diagnosis_of(row_of(0), row_of(5), calibration_error=0.5, value_bias=0.3, layers=layers), OLD)
    assert "too optimistic (by 0.3)" in miscalibrated
    assert dead.startswith("38 of 100 units of heads.hidden are dead")


def test_depths_with_few_positions_are_not_judged() -> None:
    assert verdict(diagnosis_of(row_of(0), row_of(5, value_error=9.0, positions=49)), OLD) == [NOTHING_STANDS_OUT]
    assert "too few to judge" in verdict(diagnosis_of(row_of(0, positions=10), row_of(5, positions=10)), OLD)[0]
