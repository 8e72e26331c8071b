"""The compiled search against mctx: equal visit counts on hundreds of random trees."""

import functools

import numpy as np
import pytest

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, run_search
from tests.muzero.search.table_model import make_spec, observe, random_legal, random_table

mctx = pytest.importorskip("mctx")
import jax  # noqa: E402
import jax.numpy as jnp  # noqa: E402

TREES = 50
BOUNDS = (-3.0, 3.0)
CASES = [("puct", 60, 50), ("gumbel", 60, 50), ("gumbel", 7, 30), ("bounded gumbel", 60, 50), ("bounded gumbel", 7, 30)]
VALUE_SCALE = 0.7


def recurrent(params, key, action, state):
    table, discount = params
    following = table["next_state"][state, action]
    output = mctx.RecurrentFnOutput(
        reward=table["reward"][state, action],
        discount=jnp.full(state.shape, discount),
        prior_logits=table["logits"][following],
        value=table["value"][following],
    )
    return output, following


@functools.partial(jax.jit, static_argnums=(0, 1))
def run_mctx(rule, simulations, params, states, illegal, key):
    table, _ = params
    root = mctx.RootFnOutput(prior_logits=table["logits"][states], value=table["value"][states], embedding=states)
    if rule == "bounded gumbel":
        raw = functools.partial(
            mctx.qtransform_completed_by_mix_value, rescale_values=False, value_scale=VALUE_SCALE / (BOUNDS[1] - BOUNDS[0])
        )
        output = mctx.gumbel_muzero_policy(params, key, root, recurrent, simulations, illegal, qtransform=raw)
    elif rule == "gumbel":
        output = mctx.gumbel_muzero_policy(params, key, root, recurrent, simulations, illegal)
    else:
        transform = functools.partial(mctx.qtransform_by_min_max, min_value=BOUNDS[0], max_value=BOUNDS[1])
        output = mctx.muzero_policy(params, key, root, recurrent, simulations, illegal, qtransform=transform, dirichlet_fraction=0.0)
    return output.search_tree.summary(), output.action, output.action_weights


def config_of(rule, simulations, discount):
    """Known bounds shift and stretch the completed Q; softmax and argmax see no shift, so mctx gets the raw Q with c_scale / span."""
    if rule == "bounded gumbel":
        bounded = {"use_value_bounds": True, "gumbel_value_scale": VALUE_SCALE}
        return SearchConfig(rule="gumbel", num_simulations=simulations, discount=abs(discount), **bounded)
    return SearchConfig(rule=rule, num_simulations=simulations, discount=abs(discount))


@pytest.mark.parametrize("discount", [0.997, -1.0])
@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize(("rule", "actions", "simulations"), CASES)
def test_visit_counts_equal_those_of_mctx(rule, actions, simulations, seed, discount):
    table, states, legal = random_table(seed, actions), np.arange(TREES), random_legal(seed, TREES, actions)
    key = jax.random.PRNGKey(seed)
    gumbel = np.asarray(jax.random.gumbel(jax.random.split(key)[1], (TREES, actions))) if rule != "puct" else None
    params = ({name: jnp.asarray(value) for name, value in vars(table).items()}, discount)
    summary, action, weights = run_mctx(rule, simulations, params, jnp.asarray(states), jnp.asarray(~legal), key)
    config = config_of(rule, simulations, discount)
    search = BatchedSearch(config, num_trees=TREES, spec=make_spec(actions, 2 if discount < 0 else 1, BOUNDS))

    result = run_search(table.serving(search), search.steps(observe(states), legal, gumbel))

    np.testing.assert_array_equal(result.visit_count, summary.visit_counts)
    np.testing.assert_allclose(result.root_value, summary.value, atol=1e-5)
    np.testing.assert_allclose(result.policy, weights, atol=1e-4)
    if rule != "puct":
        np.testing.assert_array_equal(result.action, action)
