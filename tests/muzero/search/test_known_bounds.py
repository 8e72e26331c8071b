"""What known bounds of the return change in each rule, by hand-computed numbers."""

import math

import numpy as np
import pytest

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, run_search
from muzero.search.gumbel import completed_q
from muzero.search.puct import puct_child
from muzero.search.rule import make_rule
from muzero.search.tree import ROOT, allocate, clear_node, expand
from tests.muzero.search.table_model import TableModel, make_spec, observe

BOUNDS = (-1.0, 3.0)


def two_children(first_q, second_q):
    """A root of value 0 with two possible children of prior 1/2, both visited once."""
    tree = allocate(1, 5, 2)
    prior, prior_action = np.array([[0.5, 0.5]], np.float32), np.array([[0, 1]], np.int32)
    clear_node(tree, 0, ROOT, 2, 0.0)
    tree.prior[0, ROOT] = prior[0]
    for node, q in ((1, first_q), (2, second_q)):
        expand(tree, 0, node, ROOT, 0.0, 0.0, prior, prior_action)
        tree.visit_count[0, node], tree.q[0, node] = 1, q
    tree.visit_count[0, ROOT] = 3
    return tree


@pytest.mark.parametrize("compute", [completed_q, completed_q.py_func])
@pytest.mark.parametrize(
    ("bounds", "uses_bounds", "span"),
    [(BOUNDS, True, 4.0), (BOUNDS, False, 0.5), (None, True, 0.5)],
)
def test_completed_q_are_scaled_by_the_known_span_or_by_that_of_the_node(bounds, uses_bounds, span, compute):
    config = SearchConfig(rule="gumbel", num_simulations=4, gumbel_value_scale=0.5, use_value_bounds=uses_bounds)

    _, high, scale, _ = compute(make_rule(config, make_spec(2, value_bounds=bounds)), two_children(0.75, 0.25), 0, ROOT)

    assert (high, scale) == (0.75, (50 + 1) * 0.5 / span)


@pytest.mark.parametrize("choose", [puct_child, puct_child.py_func])
@pytest.mark.parametrize(("pb_c_init", "child"), [(1.0, 2), (0.1, 1)])
def test_puct_scales_q_by_known_bounds(pb_c_init, child, choose):
    """Of Q 1.0 and 0.6, a fifth of the bounds apart, the bonus of a smaller visit count outweighs the better unless it is small."""
    tree = two_children(1.0, 0.6)
    tree.min_q[0], tree.max_q[0] = 0.0, 2.0
    tree.visit_count[0, 1] = 3
    config = SearchConfig(rule="puct", num_simulations=4, pb_c_init=pb_c_init)

    # Q: 0.5 and 0.3; bonus: about sqrt(3) * pb_c_init * 0.5 / (1 + visits), visits 3 and 1
    assert choose(make_rule(config, make_spec(2, value_bounds=(0.0, 2.0))), tree, 0, ROOT) == child


def nearly_equal_world():
    """Two actions from state 0, worth 0.02 and 0 for ever."""
    return TableModel(
        next_state=np.array([[1, 2], [1, 1], [2, 2]], np.int32),
        reward=np.zeros((3, 2), np.float32),
        value=np.array([0.01, 0.02, 0.0], np.float32),
        logits=np.zeros((3, 2), np.float32),
    )


@pytest.mark.parametrize(("uses_bounds", "odds"), [(False, math.exp(6.6)), (True, math.exp(6.6 * 0.02 / 2))])
def test_known_bounds_keep_nearly_equal_actions_nearly_equal(uses_bounds, odds):
    """32 simulations visit each action 16 times: c_scale (c_visit + 16) = 6.6 is multiplied with 1, or with the 0.02 of a span of 2."""
    config = SearchConfig(rule="gumbel", num_simulations=32, use_value_bounds=uses_bounds)
    search, world = BatchedSearch(config, num_trees=1, spec=make_spec(2, value_bounds=(-1.0, 1.0))), nearly_equal_world()

    result = run_search(world.serving(search), search.steps(observe(np.array([0])), np.ones((1, 2), np.bool_), None))

    assert result.policy[0, 0] / result.policy[0, 1] == pytest.approx(odds, rel=1e-4)
