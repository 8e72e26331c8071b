"""Masking, noise and order of the root's children."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from muzero.config import SearchConfig
from muzero.search.root import set_up_root, sort_best
from muzero.search.root_choices import list_choices
from muzero.search.rule import make_rule
from muzero.search.tree import ROOT, allocate
from tests.muzero.search.table_model import make_spec

LOGITS = np.log(np.array([[0.4, 0.1, 0.3, 0.2]], np.float32))
LEGAL = np.array([[False, True, True, True]])


def rooted(rule, noise, fraction):
    config = SearchConfig(rule=rule, num_simulations=10)
    tree, choices = allocate(1, 11, 4), list_choices(LEGAL, np.array([noise], np.float32))
    set_up_root(make_rule(config, make_spec(4)), tree, choices, 0, 0.5, LOGITS, fraction)
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
@given(st.lists(st.integers(-3, 3), min_size=1, max_size=40), st.integers(1, 40))
def test_sorting_agrees_with_a_stable_sort(sort, scores, num_best):
    score = np.array([*scores, 9, 9], np.float64)
    expected = np.argsort(-score[:-2], kind="stable")[:num_best].tolist()
    out = np.full((1, 1, 40), -1, np.int32)

    sort(score, len(scores), 0, len(expected), out)

    assert out[0, 0, : len(expected)].tolist() == expected


def test_choices_are_the_legal_actions_of_one_tree_after_another():
    legal = np.array([[False, True, True], [True, False, False], [True, True, True]])
    noise = np.arange(9, dtype=np.float32).reshape(3, 3)

    choices = list_choices(legal, noise)

    assert (choices.first.tolist(), choices.action.tolist()) == ([0, 2, 3, 6], [1, 2, 0, 0, 1, 2])
    assert choices.noise.tolist() == [1, 2, 3, 6, 7, 8]
    assert (len(choices.prior), len(choices.score)) == (6, 3)
    assert not list_choices(legal, None).noise.any()


def test_priors_of_every_root_sum_to_1():
    legal = np.array([[False, True, True, True], [True, False, False, True]])
    choices, tree = list_choices(legal, None), allocate(2, 11, 4)
    rule = make_rule(SearchConfig(rule="puct", num_simulations=10), make_spec(4))

    for b in range(2):
        set_up_root(rule, tree, choices, b, 0.0, np.repeat(LOGITS, 2, axis=0), 0.0)

    np.testing.assert_allclose(choices.prior, [1 / 6, 3 / 6, 2 / 6, 4 / 6, 2 / 6], rtol=1e-6)
