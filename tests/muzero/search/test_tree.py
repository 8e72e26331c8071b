"""How nodes are added and returns backed up, by hand-computed numbers."""

import math

import numpy as np
import pytest

from muzero.search.tree import NO_NODE, ROOT, allocate, backup, clear_node, expand

PRIOR = np.array([[0.6, 0.3, 0.1]], np.float32)
PRIOR_ACTION = np.array([[2, 0, 1]], np.int32)


def chain_of_two(discount, is_bounded=False, run_backup=backup):
    """Root of value 0.25; node 1 with reward 1 and value 0.5; below it node 2 with reward 2 and value 4."""
    tree = allocate(1, 5, 3)
    clear_node(tree, 0, ROOT, 3, 0.25)
    tree.prior[0, ROOT], tree.prior_action[0, ROOT] = PRIOR[0], PRIOR_ACTION[0]
    tree.return_sum[0, ROOT], tree.min_q[0], tree.max_q[0] = 0.25, math.inf, -math.inf
    expand(tree, 0, 1, ROOT, 1.0, 0.5, PRIOR, PRIOR_ACTION)
    run_backup(tree, 0, 1, discount, is_bounded)
    expand(tree, 0, 2, 1, 2.0, 4.0, PRIOR, PRIOR_ACTION)
    run_backup(tree, 0, 2, discount, is_bounded)
    return tree


@pytest.mark.parametrize("run_backup", [backup, backup.py_func])
def test_backup_adds_the_discounted_return_of_every_step(run_backup):
    tree = chain_of_two(0.5, run_backup=run_backup)

    # node 1: 1 + 0.5 * 0.5 = 1.25, then 1 + 0.5 * (2 + 0.5 * 4) = 3; node 2: 2 + 0.5 * 4 = 4
    np.testing.assert_allclose(tree.q[0, 1:3], [(1.25 + 3) / 2, 4])
    np.testing.assert_allclose(tree.return_sum[0, ROOT], 0.25 + 1.25 + 3)
    np.testing.assert_array_equal(tree.visit_count[0, :3], [3, 2, 1])
    np.testing.assert_allclose([tree.min_q[0], tree.max_q[0]], [1.25, 4])


def test_backup_flips_sign_for_two_players():
    tree = chain_of_two(-1.0)

    # node 1: 1 - 0.5 = 0.5, then 1 - (2 - 4) = 3; node 2: 2 - 4 = -2
    np.testing.assert_allclose(tree.q[0, 1:3], [(0.5 + 3) / 2, -2])
    np.testing.assert_allclose(tree.return_sum[0, ROOT], 0.25 + 0.5 + 3)


def test_known_bounds_are_not_moved_by_backup():
    tree = chain_of_two(0.5, is_bounded=True)

    assert (tree.min_q[0], tree.max_q[0]) == (math.inf, -math.inf)


def test_children_are_visited_in_the_order_of_their_priors():
    tree = chain_of_two(1.0)
    expand(tree, 0, 3, ROOT, 0.0, 0.0, PRIOR, PRIOR_ACTION)

    assert (tree.last_child[0, ROOT], tree.previous_sibling[0, 3], tree.previous_sibling[0, 1]) == (3, 1, NO_NODE)
    np.testing.assert_allclose(tree.edge_prior[0, [1, 3]], PRIOR[0, :2])


def test_a_node_keeps_only_the_children_it_can_still_visit():
    tree = chain_of_two(1.0)

    # 5 nodes are 4 simulations: node 1 has 3 left, node 2 has 2
    np.testing.assert_array_equal(tree.num_children[0, :3], [3, 3, 2])
