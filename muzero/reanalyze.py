"""MuZero Reanalyze without processes: stored positions as search saw them first, and their targets from a new search of them.

Which positions are drawn and where their fresh targets go is `engine/reanalysis.py`. Axis letters: R rows of the store, T
trees, B positions, A actions, P stored policy entries, L bytes of packed legal actions.
"""

from dataclasses import dataclass

import numpy as np

from muzero.search import BatchedSearch, run_search
from muzero.sparse_policy import sparse_policy
from muzero.targets import gather_frames
from muzero.types import (
    BoolArray,
    Float32Array,
    FrameArray,
    GameSpec,
    Int8Array,
    Int32Array,
    Int64Array,
    Model,
    Observation,
    UInt8Array,
)


@dataclass(frozen=True)
class SearchRoots:
    """What a search of stored positions starts from; trees without a position stand at a made-up one.

    Attributes:
        observation: as the first search of each position saw it, T of them.
        legal_actions: bool [T, A].
    """

    observation: Observation
    legal_actions: BoolArray


@dataclass(frozen=True)
class FreshTargets:
    """What a new search says of T positions.

    Attributes:
        policy_action: int32 [T, P], actions of the policy target.
        policy_weight: float32 [T, P], their probabilities; sum to 1.
        value: float32 [T], root values in discounted game points, seen by the player to move.
        policy: float32 [T, A], the whole policy target.
        version: version of the weights that searched.
    """

    policy_action: Int32Array
    policy_weight: Float32Array
    value: Float32Array
    policy: Float32Array
    version: int


def search_roots(
    frame: FrameArray,
    to_play: Int8Array,
    legal_bits: UInt8Array,
    start: Int64Array,
    offset: Int64Array,
    *,
    spec: GameSpec,
    num_trees: int,
) -> SearchRoots:
    """Copies positions out of a store, which is only read.

    Args:
        frame: spec.frame_dtype [R, *frame_shape].
        to_play: int8 [R].
        legal_bits: uint8 [R, L], as np.packbits packs them.
        start: int64 [B], row of the first step of each position's trajectory.
        offset: int64 [B], of the position in its trajectory.
        spec: the game.
        num_trees: T, at least B.
    """
    count, row = len(start), start + offset
    frames = np.zeros((num_trees, spec.num_frames, *spec.frame_shape), spec.frame_dtype)
    flat = frames.reshape(num_trees, spec.num_frames, -1)
    gather_frames(frame.reshape(len(frame), -1), start, offset, spec.num_frames, flat[:count])
    player, legal_actions = np.zeros(num_trees, np.int8), np.ones((num_trees, spec.num_actions), np.bool_)
    player[:count] = to_play[row]
    legal_actions[:count] = np.unpackbits(legal_bits[row], axis=1, count=spec.num_actions)
    return SearchRoots(Observation(frames, player), legal_actions)


def reanalyze(
    model: Model, search: BatchedSearch, positions: SearchRoots, policy_entries: int, noise: Float32Array | None = None
) -> FreshTargets:
    """Searches positions in full; a search whose hidden states get lost starts again.

    Args:
        model: the network.
        search: with T trees.
        positions: T of them.
        policy_entries: P, entries of a stored policy.
        noise: float32 [T, A] of the roots, see `root_noise`; None for none.

    Source: arXiv:1911.08265, appendix H.
    """
    result = run_search(model, search.steps(positions.observation, positions.legal_actions, noise))
    action, weight = sparse_policy(result.policy, policy_entries)
    return FreshTargets(action, weight, result.root_value, result.policy, result.version)
