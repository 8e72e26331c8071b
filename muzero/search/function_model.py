"""A Model made of two numpy functions, and the sorting of policies that every Model needs; no network lives here."""

from collections.abc import Callable
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from muzero.types import (
    Float32Array,
    InitialReply,
    InitialRequest,
    Int32Array,
    Observation,
    RecurrentReply,
    RecurrentRequest,
)

HiddenArray: TypeAlias = NDArray[Any]
Initial: TypeAlias = Callable[[Observation], tuple[HiddenArray, NDArray[Any], NDArray[Any]]]
Recurrent: TypeAlias = Callable[[HiddenArray, Int32Array], tuple[HiddenArray, NDArray[Any], NDArray[Any], NDArray[Any]]]


class FunctionModel:
    """A Model that keeps the hidden states of two numpy functions in a pool [N, B, ...]."""

    def __init__(self, initial: Initial, recurrent: Recurrent, *, num_nodes: int, num_priors: int) -> None:
        """Keeps the functions.

        Args:
            initial: from an Observation to (hidden [B, ...], value [B], policy_logits [B, A]).
            recurrent: from (hidden [B, ...], action int32 [B]) to (hidden, reward [B], value [B], policy_logits [B, A]).
            num_nodes: nodes of a tree, `BatchedSearch.num_nodes`.
            num_priors: priors sent per node, `BatchedSearch.num_priors`.
        """
        self._initial = initial
        self._recurrent = recurrent
        self._num_nodes = num_nodes
        self._num_priors = num_priors
        self._pool: HiddenArray = np.empty((num_nodes, 0))

    def initial_inference(self, request: InitialRequest) -> InitialReply:
        """Starts B trees at these observations."""
        hidden, value, policy_logits = self._initial(request.observation)
        if self._pool.shape[1:] != hidden.shape or self._pool.dtype != hidden.dtype:
            self._pool = np.empty((self._num_nodes, *hidden.shape), hidden.dtype)
        self._pool[0] = hidden
        return InitialReply(np.asarray(value, np.float32), np.asarray(policy_logits, np.float32), version=0)

    def recurrent_inference(self, request: RecurrentRequest) -> RecurrentReply:
        """Adds one node to each tree."""
        parents = self._pool[request.parent_node, np.arange(len(request.parent_node))]
        hidden, reward, value, policy_logits = self._recurrent(parents, request.action)
        self._pool[request.new_node] = hidden
        prior, prior_action = top_priors(policy_logits, self._num_priors)
        return RecurrentReply(np.asarray(reward, np.float32), np.asarray(value, np.float32), prior, prior_action)


def top_priors(policy_logits: NDArray[Any], num_priors: int) -> tuple[Float32Array, Int32Array]:
    """Returns the largest policy probabilities of each row, sorted, and their actions.

    Args:
        policy_logits: float [B, A].
        num_priors: k, at most A.

    Returns:
        prior: float32 [B, k], softmax over all A actions, descending; equal ones by the lowest action.
        prior_action: int32 [B, k].
    """
    order = np.argsort(-policy_logits, axis=1, kind="stable")[:, :num_priors]
    weight = np.exp(policy_logits - policy_logits.max(axis=1, keepdims=True), dtype=np.float64)
    probability = weight / weight.sum(axis=1, keepdims=True)
    return np.take_along_axis(probability, order, axis=1).astype(np.float32), order.astype(np.int32)
