"""The three compiled calls of a search, each over all trees of a batch: begin, continue, finish.

Trees and rule arrive as plain tuples, because a call with named ones costs 2.0 us instead of 0.7.
"""

from typing import Any

from muzero.search.compile import kernel
from muzero.search.gumbel import gumbel_interior_child, gumbel_root_child
from muzero.search.puct import puct_child
from muzero.search.result import summarise
from muzero.search.root import set_up_root
from muzero.search.root_choices import RootChoices
from muzero.search.rule import PUCT, Rule
from muzero.search.tree import NO_NODE, ROOT, Tree, backup, expand
from muzero.types import Float32Array, Int32Array


@kernel
def select(rule: Rule, tree: Tree, b: int, out_parent_node: Int32Array, out_action: Int32Array) -> None:
    """Walks one tree from its root to the edge that the next node is added at.

    Args:
        rule: how a child is chosen, by an integer branch.
        tree: the trees.
        b: index of the tree, in [0, B).
        out_parent_node: int32 [B], the node at the end of the walk.
        out_action: int32 [B], its action to try next.
    """
    node = ROOT
    while True:
        if rule.kind == PUCT:
            child = puct_child(rule, tree, b, node)
        elif node == ROOT:
            child = gumbel_root_child(rule, tree, b)
        else:
            child = gumbel_interior_child(rule, tree, b, node)
        if child == NO_NODE:
            break
        node = child
    out_parent_node[b] = node
    out_action[b] = tree.prior_action[b, node, tree.num_visited[b, node]]


@kernel
def begin_trees(
    rule_fields: tuple[Any, ...],
    tree_arrays: tuple[Any, ...],
    choice_arrays: tuple[Any, ...],
    value: Float32Array,
    policy_logits: Float32Array,
    noise_fraction: float,
    out_parent_node: Int32Array,
    out_action: Int32Array,
) -> None:
    """Sets up all roots and selects for the first simulation.

    Args:
        rule_fields: a Rule as a plain tuple.
        tree_arrays: a Tree as a plain tuple, changed in place.
        choice_arrays: RootChoices as a plain tuple, changed in place.
        value: float32 [B], of the roots.
        policy_logits: float32 [B, A].
        noise_fraction: share of Dirichlet noise, in [0, 1].
        out_parent_node: int32 [B].
        out_action: int32 [B].
    """
    rule = Rule(*rule_fields)
    tree = Tree(*tree_arrays)
    choices = RootChoices(*choice_arrays)
    for b in range(value.shape[0]):
        set_up_root(rule, tree, choices, b, value[b], policy_logits, noise_fraction)
        select(rule, tree, b, out_parent_node, out_action)


@kernel
def continue_trees(
    rule_fields: tuple[Any, ...],
    tree_arrays: tuple[Any, ...],
    new_node: int,
    reward: Float32Array,
    value: Float32Array,
    prior: Float32Array,
    prior_action: Int32Array,
    out_parent_node: Int32Array,
    out_action: Int32Array,
) -> None:
    """Adds the new node to every tree, backs it up and, unless it was the last, selects for the next simulation.

    One call does all three, so that a tree is read into the cache once per simulation.

    Args:
        rule_fields: a Rule as a plain tuple.
        tree_arrays: a Tree as a plain tuple, changed in place.
        new_node: index of the new node, in [1, N).
        reward: float32 [B].
        value: float32 [B].
        prior: float32 [B, k].
        prior_action: int32 [B, k].
        out_parent_node: int32 [B], read as the parents of the new nodes, then overwritten.
        out_action: int32 [B].
    """
    rule = Rule(*rule_fields)
    tree = Tree(*tree_arrays)
    is_last = new_node + 1 == tree.parent.shape[1]
    for b in range(value.shape[0]):
        expand(tree, b, new_node, out_parent_node[b], reward[b], value[b], prior, prior_action)
        backup(tree, b, new_node, rule.discount, rule.is_bounded)
        if not is_last:
            select(rule, tree, b, out_parent_node, out_action)


@kernel
def finish_trees(
    rule_fields: tuple[Any, ...],
    tree_arrays: tuple[Any, ...],
    choice_arrays: tuple[Any, ...],
    out_visit_count: Int32Array,
    out_policy: Float32Array,
    out_root_value: Float32Array,
    out_action: Int32Array,
    out_surprise: Float32Array,
) -> None:
    """Writes the results of all trees.

    Args:
        rule_fields: a Rule as a plain tuple.
        tree_arrays: a Tree as a plain tuple.
        choice_arrays: RootChoices as a plain tuple.
        out_visit_count: int32 [B, A], zeros before.
        out_policy: float32 [B, A], zeros before.
        out_root_value: float32 [B].
        out_action: int32 [B].
        out_surprise: float32 [B].
    """
    rule = Rule(*rule_fields)
    tree = Tree(*tree_arrays)
    choices = RootChoices(*choice_arrays)
    for b in range(out_action.shape[0]):
        out_root_value[b] = tree.return_sum[b, ROOT] / tree.visit_count[b, ROOT]
        out_surprise[b] = summarise(rule, tree, choices, b, out_visit_count, out_policy, out_action)
