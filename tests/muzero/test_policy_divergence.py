"""The divergence between a fresh policy and a stored one, by hand-computed numbers."""

import math

import numpy as np
import pytest

from muzero.policy_divergence import policy_divergence


def divergence(new: list[float], old_action: list[int], old_weight: list[float]) -> float:
    old = np.array([old_action], np.int32), np.array([old_weight], np.float32)
    return float(policy_divergence(np.array([new], np.float32), *old)[0])


def test_equal_policies_do_not_diverge_in_whatever_order_they_are_stored() -> None:
    assert divergence([0.25, 0.75, 0.0], [1, 0], [0.75, 0.25]) == pytest.approx(0.0, abs=1e-6)


def test_it_is_the_skewed_kl_divergence() -> None:
    expected = 0.5 * math.log(0.5 / (0.99 * 0.25 + 0.005)) + 0.5 * math.log(0.5 / (0.99 * 0.75 + 0.005))

    assert divergence([0.5, 0.5], [0, 1], [0.25, 0.75]) == pytest.approx(expected, abs=1e-6)


def test_an_action_that_the_old_search_never_visited_costs_a_finite_amount() -> None:
    assert divergence([0.0, 1.0], [0, 0], [1.0, 0.0]) == pytest.approx(math.log(100), abs=1e-5)


def test_without_an_old_policy_it_is_not_known() -> None:
    assert math.isnan(divergence([0.5, 0.5], [0, 1], [0.0, 0.0]))
