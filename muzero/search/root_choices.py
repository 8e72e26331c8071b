"""What may be played at the roots of a batch, listed without gaps so that no tree keeps a row of all actions. No order and no noise rule.

Axis letters: B trees, A actions, L legal actions of all roots together.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from muzero.search.compile import kernel
from muzero.types import BoolArray, Float32Array, Int32Array, Int64Array


class RootChoices(NamedTuple):
    """The legal actions of B roots, those of one tree after those of the one before.

    A position of chess has some 35 legal moves of 4,672 and one of shogi some 80 of 11,259: rows of all actions would be most of a
    tree's memory.

    Attributes:
        first: int64 [B + 1], those of tree b lie at first[b] to first[b + 1], that one excluded.
        action: int32 [L], ascending within a tree.
        noise: float32 [L], a Dirichlet sample (pUCT) or Gumbel samples, zeros without exploration.
        prior: float64 [L], their priors without noise; those of a tree sum to 1.
        score: float64 [most legal actions of one root], scratch space: what the children of one root at a time are sorted by.
    """

    first: Int64Array
    action: Int32Array
    noise: Float32Array
    prior: NDArray[np.float64]
    score: NDArray[np.float64]


def list_choices(legal_actions: BoolArray, noise: Float32Array | None) -> RootChoices:
    """Returns the legal actions of all roots, priors and scores still to be written.

    Args:
        legal_actions: bool [B, A], True = allowed.
        noise: float32 [B, A], or None for none.
    """
    count = np.count_nonzero(legal_actions, axis=1)
    total, first = int(count.sum()), np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=first[1:])
    action, chosen_noise = np.empty(total, np.int32), np.zeros(total, np.float32)
    fill_choices(legal_actions, first, action)
    if noise is not None:
        pick_noise(noise, first, action, chosen_noise)
    return RootChoices(first, action, chosen_noise, np.empty(total, np.float64), np.empty(int(count.max()), np.float64))


@kernel
def fill_choices(legal_actions: BoolArray, first: Int64Array, out_action: Int32Array) -> None:
    """Writes the numbers of the legal actions of all trees.

    Args:
        legal_actions: bool [B, A].
        first: int64 [B + 1], where those of each tree begin.
        out_action: int32 [L].
    """
    for b in range(legal_actions.shape[0]):
        index = first[b]
        for action in range(legal_actions.shape[1]):
            if legal_actions[b, action]:
                out_action[index] = action
                index += 1


@kernel
def pick_noise(noise: Float32Array, first: Int64Array, action: Int32Array, out_noise: Float32Array) -> None:
    """Writes the noise of the legal actions of all trees.

    Args:
        noise: float32 [B, A].
        first: int64 [B + 1], where those of each tree begin.
        action: int32 [L], the legal actions.
        out_noise: float32 [L].
    """
    for b in range(noise.shape[0]):
        for index in range(first[b], first[b + 1]):
            out_noise[index] = noise[b, action[index]]
