"""The pUCT rule: which child a simulation follows; how trees are kept is in tree.py."""

import math

from muzero.search.compile import kernel
from muzero.search.rule import Rule
from muzero.search.tree import NO_NODE, Tree


@kernel
def puct_child(rule: Rule, tree: Tree, b: int, node: int) -> int:
    """Returns the visited child with the highest pUCT score, or NO_NODE for the next unvisited one.

    Unvisited children have the lowest Q (0 after normalisation), so among them the first has the highest score.
    Equal scores go to the likelier child.

    Args:
        rule: its `exploration` table is used.
        tree: the trees.
        b: index of the tree, in [0, B).
        node: index of the node whose children are scored.

    Source: arXiv:1911.08265, appendix B, equations 2 and 5.
    """
    exploration = rule.exploration[tree.visit_count[b, node]]
    low = tree.min_q[b]
    span = tree.max_q[b] - low
    q_scale = 1.0 / span if span > 0.0 else 0.0
    child = tree.last_child[b, node]
    rank = tree.num_visited[b, node]
    if rank < tree.num_children[b, node]:
        best, best_score = NO_NODE, exploration * tree.prior[b, node, rank]
    else:
        best, best_score = child, -math.inf
    while child != NO_NODE:
        bonus = exploration * tree.edge_prior[b, child] / (1 + tree.visit_count[b, child])
        score = (tree.q[b, child] - low) * q_scale + bonus
        if score >= best_score:
            best, best_score = child, score
        child = tree.previous_sibling[b, child]
    return best
