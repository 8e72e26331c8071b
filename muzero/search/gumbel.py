"""The Gumbel MuZero rule: sequential halving at the root, the improved policy below and as target; trees are kept in tree.py.

Source of all of it: Danihelka et al., "Policy improvement by planning with Gumbel", ICLR 2022.
"""

import math

from muzero.search.compile import kernel
from muzero.search.rule import Rule
from muzero.search.tree import NO_NODE, ROOT, Tree

SMALLEST_PRIOR = 1.1754944e-38
"""The smallest normal float32, so that a visited child of prior 0 still has a weight."""
SMALLEST_SPAN = 1e-8
"""The completed Q of a node are never stretched from a narrower span than this."""
LOWEST_SCORE = -1e9
"""Score of a root action whose logit is -infinity: chosen only when no other is considered."""


@kernel
def completed_q(rule: Rule, tree: Tree, b: int, node: int) -> tuple[float, float, float, float]:
    """Returns what completes and scales the Q of a node's children.

    The completed Q of a visited child is its Q, of every other action the mixed value; all are multiplied by
    (c_visit + max visits) * c_scale and divided by what they span in this node, or by the known span of returns. The
    first makes 0 and 1 of two nearly equal actions, the second keeps them equal.

    Returns:
        The mixed value; the highest completed Q; the factor of (Q - highest); the prior of all visited children together.

    Source: section 4 (equation 8) and appendix D (equation 33).
    """
    weighted_q, prior_sum, most_visits = 0.0, 0.0, 0
    low, high = math.inf, -math.inf
    child = tree.last_child[b, node]
    while child != NO_NODE:
        q = tree.q[b, child]
        prior = max(tree.edge_prior[b, child], SMALLEST_PRIOR)
        weighted_q += prior * q
        prior_sum += prior
        low, high = min(low, q), max(high, q)
        most_visits = max(most_visits, tree.visit_count[b, child])
        child = tree.previous_sibling[b, child]
    visits = tree.visit_count[b, node] - 1
    mean_q = weighted_q / prior_sum if prior_sum > 0.0 else 0.0
    mixed_value = (tree.raw_value[b, node] + visits * mean_q) / (visits + 1)
    if tree.num_visited[b, node] < rule.num_actions:
        low, high = min(low, mixed_value), max(high, mixed_value)
    span = rule.known_span if rule.known_span > 0.0 else max(high - low, SMALLEST_SPAN)
    scale = (rule.max_visit_init + most_visits) * rule.value_scale / span
    return mixed_value, high, scale, prior_sum


@kernel
def gumbel_interior_child(rule: Rule, tree: Tree, b: int, node: int) -> int:
    """Returns the child whose visit share lags most behind the improved policy, or NO_NODE for the next unvisited one.

    Compares pi'(a) - n(a) / N, multiplied by N and by the normaliser of pi'.

    Args:
        rule: the constants of the completed Q.
        tree: the trees; `weight` is overwritten.
        b: index of the tree, in [0, B).
        node: index of the node, below the root.

    Source: section 5, equation 14.
    """
    child = tree.last_child[b, node]
    if child == NO_NODE:
        return NO_NODE
    mixed_value, high, scale, prior_sum = completed_q(rule, tree, b, node)
    total = 0.0
    while child != NO_NODE:
        prior = max(tree.edge_prior[b, child], SMALLEST_PRIOR)
        tree.weight[child] = prior * math.exp(scale * (tree.q[b, child] - high))
        total += tree.weight[child]
        child = tree.previous_sibling[b, child]
    child = tree.last_child[b, node]
    rank = tree.num_visited[b, node]
    visits = tree.visit_count[b, node]
    has_next = rank < tree.num_children[b, node]
    next_weight = 0.0
    if rank < rule.num_actions:
        boost = math.exp(scale * (mixed_value - high))
        next_weight = tree.prior[b, node, rank] * boost if has_next else 0.0
        total += max((1.0 - prior_sum) * boost, next_weight)
    if has_next:
        best, best_score = NO_NODE, next_weight * visits
    else:
        best, best_score = child, -math.inf
    while child != NO_NODE:
        score = tree.weight[child] * visits - tree.visit_count[b, child] * total
        if score >= best_score:
            best, best_score = child, score
        child = tree.previous_sibling[b, child]
    return best


@kernel
def gumbel_root_child(rule: Rule, tree: Tree, b: int) -> int:
    """Returns the root child that sequential halving visits next, or NO_NODE for the next unvisited one.

    Source: section 3, algorithm 2.
    """
    simulation = tree.visit_count[b, ROOT] - 1
    considered = rule.considered_visit[tree.num_children[b, ROOT], simulation]
    if considered == 0:
        return NO_NODE
    return best_considered(rule, tree, b, considered)[0]


@kernel
def best_considered(rule: Rule, tree: Tree, b: int, considered: int) -> tuple[int, int]:
    """Returns, among root children of one visit count, the one of the highest logit + noise + completed Q, and its rank.

    Args:
        rule: the constants of the completed Q.
        tree: the trees.
        b: index of the tree, in [0, B).
        considered: that visit count; at least one child has it.
    """
    _, high, scale, _ = completed_q(rule, tree, b, ROOT)
    best, best_rank, best_score = NO_NODE, 0, -math.inf
    child = tree.last_child[b, ROOT]
    rank = tree.num_visited[b, ROOT]
    while child != NO_NODE:
        rank -= 1
        if tree.visit_count[b, child] == considered:
            score = max(tree.root_score[b, rank] + scale * (tree.q[b, child] - high), LOWEST_SCORE)
            if best == NO_NODE or score >= best_score:
                best, best_rank, best_score = child, rank, score
        child = tree.previous_sibling[b, child]
    return best, best_rank
