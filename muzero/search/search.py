"""The batched search: slices of tree work between requests to a network; the kernels are in kernels.py."""

from collections.abc import Generator
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from muzero.config import SearchConfig
from muzero.search.kernels import begin_trees, continue_trees, finish_trees
from muzero.search.root_choices import RootChoices, list_choices
from muzero.search.rule import make_rule
from muzero.search.tree import allocate
from muzero.types import (
    BoolArray,
    Float32Array,
    GameSpec,
    InitialReply,
    InitialRequest,
    Model,
    Observation,
    RecurrentReply,
    RecurrentRequest,
    Reply,
    Request,
    SearchAborted,
    SearchResult,
    SearchSteps,
)

Scalar = TypeVar("Scalar", bound=np.generic)


class BatchedSearch:
    """A fixed number of search trees that grow in step, one node each per simulation.

    The trees are allocated once, a search adds the list of its legal root actions. One search at a time: `steps` starts all trees anew.

    Attributes:
        num_trees: B.
        num_actions: A.
        num_nodes: N, simulations + 1.
        num_priors: priors a reply must hold per node.
    """

    def __init__(self, config: SearchConfig, *, num_trees: int, spec: GameSpec, num_priors: int | None = None) -> None:
        """Allocates the trees.

        Args:
            config: rule, number of simulations and constants.
            num_trees: B.
            spec: the game: actions, players, bounds.
            num_priors: priors a reply holds per node, at least the k = min(A, simulations) that the trees keep; those by default.
        """
        kept_priors = min(spec.num_actions, config.num_simulations)
        self.num_trees = num_trees
        self.num_actions = spec.num_actions
        self.num_nodes = config.num_simulations + 1
        self.num_priors = kept_priors if num_priors is None else num_priors
        self._noise_fraction = config.dirichlet_fraction
        self._rule = tuple(make_rule(config, spec))
        self._tree = tuple(allocate(num_trees, self.num_nodes, kept_priors))
        self._parent_node = np.zeros(num_trees, np.int32)
        self._action = np.zeros(num_trees, np.int32)
        self._requests = [RecurrentRequest(self._parent_node, self._action, node) for node in range(1, self.num_nodes)]

    def steps(self, observation: Observation, legal_actions: BoolArray, noise: Float32Array | None) -> SearchSteps:
        """Yields what the search asks of the network, is sent the replies, and returns what it found.

        The arrays of a request are overwritten by the next one; legal_actions and noise are read before the first and not kept.
        When SearchAborted is thrown in, the search starts again at its roots, with the same noise.

        Args:
            observation: B observations.
            legal_actions: bool [B, A], True = allowed, at least one per row; used at the root only.
            noise: float32 [B, A], a Dirichlet sample per row (pUCT) or Gumbel samples; None for no
                exploration.

        Returns:
            The result, in arrays that the caller owns.

        Raises:
            ValueError: an array has the wrong shape, or no action is legal.
        """
        shape = (self.num_trees, self.num_actions)
        legal_actions = _as_array(legal_actions, shape, np.bool_, "legal_actions")
        if not legal_actions.any(axis=1).all():
            raise ValueError("legal_actions has a row without a legal action: give idle trees any legal position.")
        fraction = 0.0 if noise is None else self._noise_fraction
        choices = list_choices(legal_actions, None if noise is None else _as_array(noise, shape, np.float32, "noise"))
        del legal_actions, noise  # rows of all actions, which would be kept as long as the search goes on
        while True:
            try:
                return (yield from self._attempt(observation, choices, fraction))
            except SearchAborted:
                continue

    def _attempt(self, observation: Observation, choices: RootChoices, noise_fraction: float) -> Generator[Request, Any, SearchResult]:
        """Searches once, from the roots to the result."""
        choice_arrays = tuple(choices)
        version = self._begin((yield InitialRequest(observation)), choice_arrays, noise_fraction)
        for request in self._requests:
            reply: RecurrentReply = yield request
            self._add_nodes(request.new_node, reply)
        return self._result(choice_arrays, version)

    def _begin(self, reply: InitialReply, choice_arrays: tuple[Any, ...], noise_fraction: float) -> int:
        """Sets up the roots, selects for the first simulation, and returns the version of the weights that answered."""
        value = _as_array(reply.value, (self.num_trees,), np.float32, "value")
        policy_logits = _as_array(reply.policy_logits, (self.num_trees, self.num_actions), np.float32, "policy_logits")
        begin_trees(self._rule, self._tree, choice_arrays, value, policy_logits, noise_fraction, self._parent_node, self._action)
        return reply.version

    def _add_nodes(self, new_node: int, reply: RecurrentReply) -> None:
        """Adds the node that a reply describes to each tree, and selects for the next simulation."""
        tree_shape, prior_shape = (self.num_trees,), (self.num_trees, self.num_priors)
        continue_trees(
            self._rule,
            self._tree,
            new_node,
            _as_array(reply.reward, tree_shape, np.float32, "reward"),
            _as_array(reply.value, tree_shape, np.float32, "value"),
            _as_array(reply.prior, prior_shape, np.float32, "prior"),
            _as_array(reply.prior_action, prior_shape, np.int32, "prior_action"),
            self._parent_node,
            self._action,
        )

    def _result(self, choice_arrays: tuple[Any, ...], version: int) -> SearchResult:
        """Reads the roots."""
        visit_count = np.zeros((self.num_trees, self.num_actions), np.int32)
        policy = np.zeros((self.num_trees, self.num_actions), np.float32)
        root_value = np.zeros(self.num_trees, np.float32)
        action = np.zeros(self.num_trees, np.int32)
        surprise = np.zeros(self.num_trees, np.float32)
        finish_trees(self._rule, self._tree, choice_arrays, visit_count, policy, root_value, action, surprise)
        return SearchResult(visit_count, policy, root_value, action, surprise, version)


def run_search(model: Model, steps: SearchSteps) -> SearchResult:
    """Returns the result of a search whose requests a synchronous model answers.

    A model that has lost its hidden states raises SearchAborted: the search then starts again at its roots.

    Args:
        model: answers each request at once.
        steps: a generator that has not started yet.
    """
    request = next(steps)
    while True:
        try:
            try:
                reply = _answer(model, request)
            except SearchAborted as aborted:
                request = steps.throw(aborted)
            else:
                request = steps.send(reply)
        except StopIteration as stop:
            result: SearchResult = stop.value
            return result


def _answer(model: Model, request: Request) -> Reply:
    if isinstance(request, InitialRequest):
        return model.initial_inference(request)
    return model.recurrent_inference(request)


def _as_array(array: NDArray[Any], shape: tuple[int, ...], dtype: type[Scalar], name: str) -> NDArray[Scalar]:
    """Returns the array in the one form the kernels are compiled for, copying only where it is read-only, strided or of another type.

    Raises:
        ValueError: it has another shape.
    """
    if array.shape != shape:
        raise ValueError(f"{name} has shape {array.shape}: the search needs {shape}.")
    if array.dtype == dtype and array.flags.carray:
        return array
    return np.array(array, dtype=dtype, order="C")
