"""The search trees of a batch as arrays, how a node is added to one and how its value is backed up; no rule of choice.

Axis letters: B trees, N nodes, A actions, k priors kept per node. No array has a row of all actions. Node 0 is the root; simulation i
adds node i to every tree.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from muzero.search.compile import kernel
from muzero.types import Float32Array, Int32Array

ROOT = 0
NO_NODE = -1

Float64Array = NDArray[np.float64]


class Tree(NamedTuple):
    """B search trees, preallocated; nothing is cleared between searches, because a node is written whole when it is added.

    The possible children of a node are its k likeliest actions in descending order of prior (at the root of Gumbel search: of
    prior plus noise). Unvisited children of a node differ in nothing else, so they are visited in that order: the visited ones are
    always the first `num_visited` of the list. They are chained from the last to the first, so that a selection touches
    only what was visited. What belongs to an edge is stored at the child it leads to.

    Attributes:
        prior: float32 [B, N, k], priors of the possible children, descending, in [0, 1].
        prior_action: int32 [B, N, k], their actions, in [0, A).
        num_children: int32 [B, N], how many entries of the two arrays above hold: a node added by simulation i of S can never have
            more than S - i children, so no more are kept.
        num_visited: int32 [B, N], how many of them are nodes.
        last_child: int32 [B, N], the visited child of the lowest prior, or NO_NODE.
        previous_sibling: int32 [B, N], the next likelier child of the same parent, or NO_NODE.
        parent: int32 [B, N], undefined at the root.
        visit_count: int32 [B, N], 1 for the node's own evaluation plus the visits of its children.
        raw_value: float64 [B, N], the network's value, seen by the player to move in the node.
        reward: float64 [B, N], of the edge into the node, seen by the player who acted.
        edge_prior: float64 [B, N], prior of the edge into the node.
        return_sum: float64 [B, N], sum of the discounted returns through the edge into the node, reward included, seen by the
            player who acted; at the root the sum of its own values.
        q: float64 [B, N], return_sum / visit_count: Q(s, a) of the edge into the node.
        min_q: float64 [B], lowest Q of the tree so far, or the known lower bound.
        max_q: float64 [B], highest Q of the tree so far, or the known upper bound.
        root_score: float64 [B, k], logit plus Gumbel noise of the root's possible children, descending; only for Gumbel.
        weight: float64 [N], scratch space of Gumbel selection.
    """

    prior: Float32Array
    prior_action: Int32Array
    num_children: Int32Array
    num_visited: Int32Array
    last_child: Int32Array
    previous_sibling: Int32Array
    parent: Int32Array
    visit_count: Int32Array
    raw_value: Float64Array
    reward: Float64Array
    edge_prior: Float64Array
    return_sum: Float64Array
    q: Float64Array
    min_q: Float64Array
    max_q: Float64Array
    root_score: Float64Array
    weight: Float64Array


def allocate(num_trees: int, num_nodes: int, num_priors: int) -> Tree:
    """Returns the memory of B trees.

    Args:
        num_trees: B.
        num_nodes: N, simulations + 1.
        num_priors: k.
    """
    node = (num_trees, num_nodes)
    child = (num_trees, num_nodes, num_priors)
    return Tree(
        prior=np.zeros(child, np.float32),
        prior_action=np.zeros(child, np.int32),
        num_children=np.zeros(node, np.int32),
        num_visited=np.zeros(node, np.int32),
        last_child=np.zeros(node, np.int32),
        previous_sibling=np.zeros(node, np.int32),
        parent=np.zeros(node, np.int32),
        visit_count=np.zeros(node, np.int32),
        raw_value=np.zeros(node, np.float64),
        reward=np.zeros(node, np.float64),
        edge_prior=np.zeros(node, np.float64),
        return_sum=np.zeros(node, np.float64),
        q=np.zeros(node, np.float64),
        min_q=np.zeros(num_trees, np.float64),
        max_q=np.zeros(num_trees, np.float64),
        root_score=np.zeros((num_trees, num_priors), np.float64),
        weight=np.zeros(num_nodes, np.float64),
    )


@kernel
def clear_node(tree: Tree, b: int, node: int, num_children: int, value: float) -> None:
    """Writes what a node holds before its first child is visited.

    Args:
        tree: changed in place.
        b: index of the tree, in [0, B).
        node: index of the node, in [0, N).
        num_children: how many possible children are kept.
        value: the network's value of the node.
    """
    tree.num_children[b, node] = num_children
    tree.num_visited[b, node] = 0
    tree.last_child[b, node] = NO_NODE
    tree.visit_count[b, node] = 1
    tree.raw_value[b, node] = value


@kernel
def expand(tree: Tree, b: int, node: int, parent: int, reward: float, value: float, prior: Float32Array, prior_action: Int32Array) -> None:
    """Adds a node as the next unvisited child of its parent.

    Args:
        tree: changed in place.
        b: index of the tree, in [0, B).
        node: index of the new node, the number of the simulation that adds it.
        parent: index of the node it continues.
        reward: reward of the edge.
        value: the network's value of the new node.
        prior: float32 [B, k], the priors of the new node's children, descending.
        prior_action: int32 [B, k], their actions.
    """
    num_children = min(tree.prior.shape[2], tree.prior.shape[1] - 1 - node)
    clear_node(tree, b, node, num_children, value)
    for rank in range(num_children):
        tree.prior[b, node, rank] = prior[b, rank]
        tree.prior_action[b, node, rank] = prior_action[b, rank]
    rank = tree.num_visited[b, parent]
    tree.num_visited[b, parent] = rank + 1
    tree.previous_sibling[b, node] = tree.last_child[b, parent]
    tree.last_child[b, parent] = node
    tree.parent[b, node] = parent
    tree.reward[b, node] = reward
    tree.edge_prior[b, node] = tree.prior[b, parent, rank]
    tree.return_sum[b, node] = 0.0
    tree.visit_count[b, node] = 0


@kernel
def backup(tree: Tree, b: int, leaf: int, discount: float, is_bounded: bool) -> None:
    """Adds the k-step discounted return of a new leaf to every edge above it, up to the root.

    Args:
        tree: changed in place.
        b: index of the tree, in [0, B).
        leaf: index of the new node.
        discount: discount per move, negative when the next node is seen by the opponent; applied here and nowhere else.
        is_bounded: whether min_q and max_q are known bounds, which stay as they are.

    Source: arXiv:1911.08265, appendix B, equations 3 to 5.
    """
    value = tree.raw_value[b, leaf]
    node = leaf
    while node != ROOT:
        value = tree.reward[b, node] + discount * value
        tree.return_sum[b, node] += value
        tree.visit_count[b, node] += 1
        q = tree.return_sum[b, node] / tree.visit_count[b, node]
        tree.q[b, node] = q
        if not is_bounded:
            tree.min_q[b] = min(tree.min_q[b], q)
            tree.max_q[b] = max(tree.max_q[b], q)
        node = tree.parent[b, node]
    tree.return_sum[b, ROOT] += value
    tree.visit_count[b, ROOT] += 1
