"""Masking, noise and order of the root's children."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muzero.config import SearchConfig
from muzero.search.root import set_up_root, sort_best
from muzero.search.rule import make_rule
from muzero.search.tree import ROOT, allocate
from tests.muzero.search.table_model import make_spec

LOGITS = np.log(np.array([[0.4, 0.1, 0.3, 0.2]], np.float32))
LEGAL = np.array([[False, True, True, True]])


def rooted(rule, noise, fraction):
    config = SearchConfig(rule=rule, num_simulations=10)
    tree = allocate(1, 11, 4, 4)
    set_up_root(make_rule(config, make_spec(4)), tree, 0, 0.5, LOGITS, LEGAL, np.array([noise], np.float32), fraction)
    return tree


def test_dirichlet_noise_is_mixed_into_the_masked_prior():
    tree = rooted("puct", [0.0, 1.0, 0.0, 0.0], 0.25)

    assert tree.num_children[0, ROOT] == 3
    np.testing.assert_array_equal(tree.prior_action[0, ROOT, :3], [2, 1, 3])
    np.testing.assert_allclose(tree.prior[0, ROOT, :3], [0.75 / 2, 0.75 / 6 + 0.25, 0.75 / 3], rtol=1e-6)


def test_gumbel_noise_orders_the_children_but_leaves_their_priors():
    tree = rooted("gumbel", [9.0, 3.0, 0.0, 1.0], 0.0)

    np.testing.assert_array_equal(tree.prior_action[0, ROOT, :3], [1, 3, 2])
    np.testing.assert_allclose(tree.prior[0, ROOT, :3], [1 / 6, 1 / 3, 1 / 2], rtol=1e-6)
    np.testing.assert_allclose(tree.root_score[0, :3], [3 + np.log(0.1), 1 + np.log(0.2), np.log(0.3)], rtol=1e-6)


@pytest.mark.parametrize("sort", [sort_best, sort_best.py_func])
@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=1, max_size=40), st.integers(1, 40))
def test_sorting_agrees_with_a_stable_sort(sort, entries, num_best):
    score = np.array([entry[0] for entry in entries], np.float64)
    legal = np.array([[entry[1] for entry in entries]])
    expected = [action for action in np.argsort(-score, kind="stable") if legal[0, action]][:num_best]
    out = np.full((1, 1, 40), -1, np.int32)

    sort(score, legal, 0, len(expected), out)

    assert out[0, 0, : len(expected)].tolist() == expected
