"""What a finished tree says about its root: visits, policy target, value and greedy action."""

import math

from muzero.search.compile import kernel
from muzero.search.gumbel import best_considered, completed_q
from muzero.search.root_choices import RootChoices
from muzero.search.rule import GUMBEL, Rule
from muzero.search.tree import NO_NODE, ROOT, Tree
from muzero.types import Float32Array, Int32Array


@kernel
def summarise(
    rule: Rule,
    tree: Tree,
    choices: RootChoices,
    b: int,
    out_visit_count: Int32Array,
    out_policy: Float32Array,
    out_action: Int32Array,
) -> None:
    """Writes visits, policy target and greedy action of one tree.

    Args:
        rule: the kind decides what the policy is.
        tree: the trees.
        choices: the legal actions of the roots with their priors.
        b: index of the tree, in [0, B).
        out_visit_count: int32 [B, A], zeros before.
        out_policy: float32 [B, A], zeros before; sums to 1.
        out_action: int32 [B].
    """
    most_visits, best_action = 0, 0
    child = tree.last_child[b, ROOT]
    rank = tree.num_visited[b, ROOT]
    while child != NO_NODE:
        rank -= 1
        action = tree.prior_action[b, ROOT, rank]
        visits = tree.visit_count[b, child]
        out_visit_count[b, action] = visits
        out_policy[b, action] = visits / (tree.visit_count[b, ROOT] - 1)
        if visits > most_visits or (visits == most_visits and action < best_action):
            most_visits, best_action = visits, action
        child = tree.previous_sibling[b, child]
    out_action[b] = best_action
    if rule.kind == GUMBEL:
        out_action[b] = tree.prior_action[b, ROOT, best_considered(rule, tree, b, most_visits)[1]]
        improve_policy(rule, tree, choices, b, out_policy)


@kernel
def improve_policy(rule: Rule, tree: Tree, choices: RootChoices, b: int, out_policy: Float32Array) -> None:
    """Writes softmax(logits + completed Q) over all legal root actions.

    Args:
        rule: the constants of the completed Q.
        tree: the trees.
        choices: the legal actions of the roots with their priors.
        b: index of the tree, in [0, B).
        out_policy: float32 [B, A]; illegal actions are left as they are.

    Source: Danihelka et al., ICLR 2022, section 4, equation 11.
    """
    mixed_value, high, scale, _ = completed_q(rule, tree, b, ROOT)
    boost = math.exp(scale * (mixed_value - high)) if tree.num_visited[b, ROOT] < rule.num_actions else 0.0
    rest = 1.0
    total = 0.0
    child = tree.last_child[b, ROOT]
    while child != NO_NODE:
        tree.weight[child] = tree.edge_prior[b, child] * math.exp(scale * (tree.q[b, child] - high))
        total += tree.weight[child]
        rest -= tree.edge_prior[b, child]
        child = tree.previous_sibling[b, child]
    total += max(rest, 0.0) * boost
    for index in range(choices.first[b], choices.first[b + 1]):
        out_policy[b, choices.action[index]] = choices.prior[index] * boost / total
    child = tree.last_child[b, ROOT]
    rank = tree.num_visited[b, ROOT]
    while child != NO_NODE:
        rank -= 1
        out_policy[b, tree.prior_action[b, ROOT, rank]] = tree.weight[child] / total
        child = tree.previous_sibling[b, child]
