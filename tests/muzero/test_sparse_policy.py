"""Stored policies: their largest entries, scaled."""

import numpy as np
import pytest

from muzero.sparse_policy import sparse_policy


def test_sparse_policies_keep_the_largest_entries_scaled_to_one() -> None:
    policy = np.array([[0.1, 0.4, 0.2, 0.3], [0.7, 0.1, 0.15, 0.05]], np.float32)
    actions, weights = sparse_policy(policy, 2)
    found = [dict(zip(row.tolist(), weight.tolist(), strict=True)) for row, weight in zip(actions, weights, strict=True)]
    assert found[0] == pytest.approx({1: 0.4 / 0.7, 3: 0.3 / 0.7})
    assert found[1] == pytest.approx({0: 0.7 / 0.85, 2: 0.15 / 0.85})
    assert (actions.dtype, weights.dtype) == (np.int32, np.float32)


def test_policies_that_fit_are_kept_as_they_are() -> None:
    policy = np.array([[0.1, 0.4, 0.5]], np.float32)
    actions, weights = sparse_policy(policy, 3)
    np.testing.assert_array_equal(actions, [[0, 1, 2]])
    np.testing.assert_array_equal(weights, policy)
