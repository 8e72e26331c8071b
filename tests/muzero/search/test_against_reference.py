"""The compiled search against the dense reference: equal visits, policies, values and actions on random trees."""

import numpy as np
import pytest

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, run_search
from tests.muzero.search.reference import DenseSearch
from tests.muzero.search.table_model import make_spec, observe, random_legal, random_table

CASES = [
    # actions, simulations, trees, players, bounds
    (2, 1, 8, 1, None),
    (2, 40, 8, 2, (-1.0, 1.0)),
    (3, 25, 16, 1, None),
    (9, 25, 16, 2, (-1.0, 1.0)),
    (9, 200, 4, 2, None),
    (18, 50, 12, 1, None),
    (82, 50, 8, 2, (-1.0, 1.0)),
    (82, 120, 4, 1, (-4.0, 4.0)),
    (500, 30, 6, 1, None),
    (500, 200, 2, 2, (-1.0, 1.0)),
]


def noise_of(rule, trees, legal):
    random = np.random.default_rng(trees)
    if rule == "gumbel":
        return random.gumbel(size=legal.shape).astype(np.float32)
    sample = random.gamma(0.3, size=legal.shape) * legal + 1e-6 * legal
    return (sample / sample.sum(axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("has_noise", [False, True])
@pytest.mark.parametrize("rule", ["puct", "gumbel"])
@pytest.mark.parametrize(("actions", "simulations", "trees", "players", "bounds"), CASES)
def test_search_agrees_with_the_dense_reference(actions, simulations, trees, players, bounds, rule, has_noise):
    config = SearchConfig(rule=rule, num_simulations=simulations, discount=0.997 if players == 1 else 1.0)
    spec, table = make_spec(actions, players, bounds), random_table(actions + simulations, actions)
    legal, states = random_legal(simulations, trees, actions), np.arange(trees)
    noise = noise_of(rule, trees, legal) if has_noise else None
    search = BatchedSearch(config, num_trees=trees, spec=spec)

    result = run_search(table.serving(search), search.steps(observe(states), legal, noise))

    for b in range(trees):
        expected = DenseSearch(config, spec, table).run(b, legal[b], None if noise is None else noise[b].astype(np.float64))
        np.testing.assert_array_equal(result.visit_count[b], expected.visit_count)
        np.testing.assert_allclose(result.root_value[b], expected.root_value, atol=1e-5)
        np.testing.assert_allclose(result.policy[b], expected.policy, atol=1e-5)
        np.testing.assert_allclose(result.surprise[b], expected.surprise, atol=1e-5)
        assert result.action[b] == expected.action


@pytest.mark.parametrize("value_scale", [0.1, 1.0])
@pytest.mark.parametrize(("actions", "simulations", "trees", "players", "bounds"), [case for case in CASES if case[-1]])
def test_gumbel_with_known_bounds_agrees_with_the_dense_reference(actions, simulations, trees, players, bounds, value_scale):
    config = SearchConfig(rule="gumbel", num_simulations=simulations, use_value_bounds=True, gumbel_value_scale=value_scale)
    spec, table = make_spec(actions, players, bounds), random_table(actions + simulations, actions)
    legal, states = random_legal(simulations, trees, actions), np.arange(trees)
    noise = noise_of("gumbel", trees, legal)
    search = BatchedSearch(config, num_trees=trees, spec=spec)

    result = run_search(table.serving(search), search.steps(observe(states), legal, noise))

    for b in range(trees):
        expected = DenseSearch(config, spec, table).run(b, legal[b], noise[b].astype(np.float64))
        np.testing.assert_array_equal(result.visit_count[b], expected.visit_count)
        np.testing.assert_allclose(result.policy[b], expected.policy, atol=1e-5)
        np.testing.assert_allclose(result.surprise[b], expected.surprise, atol=1e-4)
        assert result.action[b] == expected.action


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_ties_of_a_uniform_model_are_broken_as_in_the_reference(rule):
    config, spec = SearchConfig(rule=rule, num_simulations=60), make_spec(9, 2, (-1.0, 1.0))
    table = random_table(0, 9)
    flat = type(table)(table.next_state, 0 * table.reward, 0 * table.value, 0 * table.logits)
    legal = random_legal(5, 10, 9)
    search = BatchedSearch(config, num_trees=10, spec=spec)

    result = run_search(flat.serving(search), search.steps(observe(np.arange(10)), legal, None))

    expected = [DenseSearch(config, spec, flat).run(b, legal[b], None).visit_count for b in range(10)]
    np.testing.assert_array_equal(result.visit_count, expected)
