"""The root of a tree: legal actions, noise and the order of its children; what happens below it is in tree.py."""

import math

from muzero.search.compile import kernel
from muzero.search.root_choices import RootChoices
from muzero.search.rule import GUMBEL, Rule
from muzero.search.tree import ROOT, Float64Array, Tree, clear_node
from muzero.types import Float32Array, Int32Array


@kernel
def set_up_root(
    rule: Rule,
    tree: Tree,
    choices: RootChoices,
    b: int,
    value: float,
    policy_logits: Float32Array,
    noise_fraction: float,
) -> None:
    """Starts a tree: masks illegal actions, adds the noise and sorts the children; the only place where any of this is done.

    Args:
        rule: the kind decides how noise enters the order.
        tree: changed in place.
        choices: the legal actions of the roots, at least one of each; their priors are written.
        b: index of the tree, in [0, B).
        value: the network's value of the root.
        policy_logits: float32 [B, A], unmasked.
        noise_fraction: share of the Dirichlet sample in the prior, in [0, 1].

    Source: arXiv:1911.08265, appendix B; Danihelka et al., ICLR 2022, section 3.
    """
    masked_softmax(b, policy_logits, choices)
    first, num_legal = choices.first[b], choices.first[b + 1] - choices.first[b]
    for index in range(num_legal):
        prior, noise = choices.prior[first + index], choices.noise[first + index]
        if rule.kind == GUMBEL:
            choices.score[index] = policy_logits[b, choices.action[first + index]] + noise
        else:
            choices.score[index] = (1.0 - noise_fraction) * prior + noise_fraction * noise
    limit = rule.num_considered if rule.kind == GUMBEL else tree.prior.shape[2]
    num_children = min(num_legal, limit)
    clear_node(tree, b, ROOT, num_children, value)
    sort_best(choices.score, num_legal, b, num_children, tree.prior_action)
    for rank in range(num_children):
        index = tree.prior_action[b, ROOT, rank]
        score = choices.score[index]
        tree.prior_action[b, ROOT, rank] = choices.action[first + index]
        tree.root_score[b, rank] = score
        tree.prior[b, ROOT, rank] = choices.prior[first + index] if rule.kind == GUMBEL else score
    tree.return_sum[b, ROOT] = value
    tree.min_q[b] = rule.min_value
    tree.max_q[b] = rule.max_value


@kernel
def masked_softmax(b: int, policy_logits: Float32Array, choices: RootChoices) -> None:
    """Writes the softmax over the legal actions of one root into the priors of its choices.

    Args:
        b: index of the tree, in [0, B).
        policy_logits: float32 [B, A].
        choices: their priors are written.
    """
    first, end = choices.first[b], choices.first[b + 1]
    highest = -math.inf
    for index in range(first, end):
        highest = max(highest, policy_logits[b, choices.action[index]])
    total = 0.0
    for index in range(first, end):
        choices.prior[index] = math.exp(policy_logits[b, choices.action[index]] - highest)
        total += choices.prior[index]
    for index in range(first, end):
        choices.prior[index] /= total


@kernel
def is_worse(score: Float64Array, first: int, second: int) -> bool:
    """Returns whether one index comes after another: by score, then by number."""
    return score[first] < score[second] or (score[first] == score[second] and first > second)


@kernel
def sift_down(score: Float64Array, b: int, start: int, size: int, out_index: Int32Array) -> None:
    """Moves one entry of a heap down to its place; the worst index is on top."""
    index = out_index[b, ROOT, start]
    hole = start
    child = 2 * hole + 1
    while child < size:
        if child + 1 < size and is_worse(score, out_index[b, ROOT, child + 1], out_index[b, ROOT, child]):
            child += 1
        if not is_worse(score, out_index[b, ROOT, child], index):
            break
        out_index[b, ROOT, hole] = out_index[b, ROOT, child]
        hole = child
        child = 2 * hole + 1
    out_index[b, ROOT, hole] = index


@kernel
def sort_best(score: Float64Array, num_scores: int, b: int, num_best: int, out_index: Int32Array) -> None:
    """Writes the indices of the highest scores, descending, equal ones by number, with a heap of that size.

    Args:
        score: float64 [num_scores or more].
        num_scores: how many of them count.
        b: index of the tree, in [0, B).
        num_best: how many are wanted, at most num_scores.
        out_index: int32 [B, N, k], row [b, ROOT] is written.
    """
    for index in range(num_best):
        out_index[b, ROOT, index] = index
    for start in range(num_best // 2 - 1, -1, -1):
        sift_down(score, b, start, num_best, out_index)
    for index in range(num_best, num_scores):
        if is_worse(score, out_index[b, ROOT, 0], index):
            out_index[b, ROOT, 0] = index
            sift_down(score, b, 0, num_best, out_index)
    for end in range(num_best - 1, 0, -1):
        worst = out_index[b, ROOT, 0]
        out_index[b, ROOT, 0] = out_index[b, ROOT, end]
        out_index[b, ROOT, end] = worst
        sift_down(score, b, 0, end, out_index)
