"""How much a search surprises: KL of its policy from the network's, by hand-computed numbers."""

import math

import numpy as np
import pytest

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, run_search
from muzero.search.result import surprise_of_visits
from muzero.search.root_choices import list_choices
from tests.muzero.search.table_model import TableModel, make_spec, observe, random_legal, random_table


@pytest.mark.parametrize("compute", [surprise_of_visits, surprise_of_visits.py_func])
def test_surprise_of_visits_is_the_kl_over_legal_actions(compute):
    choices = list_choices(np.array([[True, False, True, True]]), None)
    choices.prior[:] = [0.5, 0.25, 0.25]
    shares = np.array([[0.25, 0.0, 0.75, 0.0]], np.float32)

    assert compute(choices, 0, shares) == pytest.approx(0.25 * math.log(1 / 2) + 0.75 * math.log(3))


def search_of(rule, actions, simulations, noise_seed=None):
    table, legal = random_table(1, actions), random_legal(1, 6, actions)
    search = BatchedSearch(SearchConfig(rule=rule, num_simulations=simulations), num_trees=6, spec=make_spec(actions))
    random = np.random.default_rng(noise_seed)
    noise = None if noise_seed is None else random.dirichlet([0.3] * actions, 6).astype(np.float32)
    return table, legal, run_search(table.serving(search), search.steps(observe(np.arange(6)), legal, noise))


@pytest.mark.parametrize(("rule", "noise_seed"), [("puct", None), ("puct", 3), ("gumbel", None), ("gumbel", 3)])
def test_surprise_is_the_kl_from_the_prior_without_noise(rule, noise_seed):
    table, legal, result = search_of(rule, 9, 20, noise_seed)

    for b in range(6):
        weight = np.exp(table.logits[b].astype(np.float64)) * legal[b]
        prior, policy = weight / weight.sum(), result.policy[b].astype(np.float64)
        has_share = policy > 0
        expected = (policy[has_share] * np.log(policy[has_share] / prior[has_share])).sum()
        assert result.surprise[b] == pytest.approx(expected, abs=1e-5)
    assert (result.surprise[legal.sum(axis=1) > 2] > 0.01).all()


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_a_forced_move_surprises_nobody(rule):
    table = random_table(2, 5)
    search = BatchedSearch(SearchConfig(rule=rule, num_simulations=4, use_value_bounds=True), num_trees=1, spec=make_spec(5, 2, (-1, 1)))
    legal = np.array([[False, False, True, False, False]])

    result = run_search(table.serving(search), search.steps(observe(np.array([0])), legal, None))

    assert result.policy[0].tolist() == [0, 0, 1, 0, 0]
    assert result.surprise[0] == pytest.approx(0.0, abs=1e-6)


def test_the_improved_policy_is_exact_where_every_legal_action_is_visited_and_worse_than_the_root_thought():
    """Two of three actions are legal, both far below the root's value, so that their weights beside it are tiny."""
    table = TableModel(
        next_state=np.array([[1, 1, 1], [1, 1, 1]], np.int32),
        reward=np.array([[0.0, 0.1, 0.0], [0.0, 0.0, 0.0]], np.float32),
        value=np.array([1.0, -1.0], np.float32),
        logits=np.log(np.array([[0.05, 0.45, 0.5], [0.05, 0.45, 0.5]], np.float32)),
    )
    config = SearchConfig(rule="gumbel", num_simulations=2, use_value_bounds=True, gumbel_value_scale=1.0)
    search = BatchedSearch(config, num_trees=1, spec=make_spec(3, value_bounds=(-1.0, 1.0)))

    result = run_search(table.serving(search), search.steps(observe(np.array([0])), np.array([[True, True, False]]), None))

    better = 0.45 * math.exp((50 + 1) * 0.1 / 2)  # Q -1 and -0.9, two points of span
    assert result.policy[0] == pytest.approx(np.array([0.05, better, 0.0]) / (0.05 + better), rel=1e-5)
