"""The root of a tree: legal actions, noise and the order of its children; what happens below it is in tree.py."""

import math

from muzero.search.compile import kernel
from muzero.search.rule import GUMBEL, Rule
from muzero.search.tree import ROOT, Float64Array, Tree, clear_node
from muzero.types import BoolArray, Float32Array, Int32Array

ILLEGAL = -math.inf


@kernel
def set_up_root(
    rule: Rule,
    tree: Tree,
    b: int,
    value: float,
    policy_logits: Float32Array,
    legal_actions: BoolArray,
    noise: Float32Array,
    noise_fraction: float,
) -> None:
    """Starts a tree: masks illegal actions, adds the noise and sorts the children; the only place where any of this is done.

    Args:
        rule: the kind decides how noise enters the order.
        tree: changed in place.
        b: index of the tree, in [0, B).
        value: the network's value of the root.
        policy_logits: float32 [B, A], unmasked.
        legal_actions: bool [B, A], True = allowed; at least one.
        noise: float32 [B, A], a Dirichlet sample (pUCT) or Gumbel samples.
        noise_fraction: share of the Dirichlet sample in the prior, in [0, 1].

    Source: arXiv:1911.08265, appendix B; Danihelka et al., ICLR 2022, section 3.
    """
    masked_softmax(b, policy_logits, legal_actions, tree.root_prior)
    score = tree.sort_score
    num_legal = 0
    for action in range(rule.num_actions):
        score[action] = ILLEGAL
        if legal_actions[b, action]:
            num_legal += 1
            if rule.kind == GUMBEL:
                score[action] = policy_logits[b, action] + noise[b, action]
            else:
                score[action] = (1.0 - noise_fraction) * tree.root_prior[b, action] + noise_fraction * noise[b, action]
    limit = rule.num_considered if rule.kind == GUMBEL else tree.prior.shape[2]
    num_children = min(num_legal, limit)
    clear_node(tree, b, ROOT, num_children, value)
    sort_best(score, legal_actions, b, num_children, tree.prior_action)
    for rank in range(num_children):
        action = tree.prior_action[b, ROOT, rank]
        tree.root_score[b, rank] = score[action]
        tree.prior[b, ROOT, rank] = tree.root_prior[b, action] if rule.kind == GUMBEL else score[action]
    tree.return_sum[b, ROOT] = value
    tree.min_q[b] = rule.min_value
    tree.max_q[b] = rule.max_value


@kernel
def masked_softmax(b: int, policy_logits: Float32Array, legal_actions: BoolArray, out_probability: Float64Array) -> None:
    """Writes the softmax over the legal actions of one row.

    Args:
        b: the row.
        policy_logits: float32 [B, A].
        legal_actions: bool [B, A].
        out_probability: float64 [B, A], illegal actions 0, the row sums to 1.
    """
    num_actions = policy_logits.shape[1]
    highest = -math.inf
    for action in range(num_actions):
        if legal_actions[b, action]:
            highest = max(highest, policy_logits[b, action])
    total = 0.0
    for action in range(num_actions):
        out_probability[b, action] = 0.0
        if legal_actions[b, action]:
            out_probability[b, action] = math.exp(policy_logits[b, action] - highest)
            total += out_probability[b, action]
    for action in range(num_actions):
        out_probability[b, action] /= total


@kernel
def is_worse(score: Float64Array, first: int, second: int) -> bool:
    """Returns whether one action comes after another: by score, then by number."""
    return score[first] < score[second] or (score[first] == score[second] and first > second)


@kernel
def sift_down(score: Float64Array, b: int, start: int, size: int, out_action: Int32Array) -> None:
    """Moves one entry of a heap down to its place; the worst action is on top."""
    action = out_action[b, ROOT, start]
    hole = start
    child = 2 * hole + 1
    while child < size:
        if child + 1 < size and is_worse(score, out_action[b, ROOT, child + 1], out_action[b, ROOT, child]):
            child += 1
        if not is_worse(score, out_action[b, ROOT, child], action):
            break
        out_action[b, ROOT, hole] = out_action[b, ROOT, child]
        hole = child
        child = 2 * hole + 1
    out_action[b, ROOT, hole] = action


@kernel
def sort_best(score: Float64Array, legal_actions: BoolArray, b: int, num_best: int, out_action: Int32Array) -> None:
    """Writes the legal actions of the highest scores, descending, equal ones by number, with a heap of that size.

    Args:
        score: float64 [A].
        legal_actions: bool [B, A].
        b: index of the tree, in [0, B).
        num_best: how many, at most the number of legal actions.
        out_action: int32 [B, N, k], row [b, ROOT] is written.
    """
    size = 0
    for action in range(score.shape[0]):
        if not legal_actions[b, action]:
            continue
        if size < num_best:
            out_action[b, ROOT, size] = action
            size += 1
            if size == num_best:
                for start in range(size // 2 - 1, -1, -1):
                    sift_down(score, b, start, size, out_action)
        elif is_worse(score, out_action[b, ROOT, 0], action):
            out_action[b, ROOT, 0] = action
            sift_down(score, b, 0, size, out_action)
    for end in range(size - 1, 0, -1):
        worst = out_action[b, ROOT, 0]
        out_action[b, ROOT, 0] = out_action[b, ROOT, end]
        out_action[b, ROOT, end] = worst
        sift_down(score, b, 0, end, out_action)
