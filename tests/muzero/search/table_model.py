"""A world given by random tables, for the search tests: every state is a number, every action leads to another."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from muzero.search import BatchedSearch, FunctionModel
from muzero.types import GameSpec, Observation


@dataclass(frozen=True)
class TableModel:
    """Tables of S states and A actions: next_state [S, A], reward [S, A], value [S], logits [S, A]."""

    next_state: NDArray[np.int32]
    reward: NDArray[np.float32]
    value: NDArray[np.float32]
    logits: NDArray[np.float32]

    def initial(self, observation: Observation) -> tuple[Any, Any, Any]:
        """The states whose numbers the frames hold."""
        state = observation.frames[:, 0, 0].astype(np.int32)
        return state, self.value[state], self.logits[state]

    def recurrent(self, state: Any, action: Any) -> tuple[Any, Any, Any, Any]:
        """Looks the next states up."""
        following = self.next_state[state, action]
        return following, self.reward[state, action], self.value[following], self.logits[following]

    def serving(self, search: BatchedSearch) -> FunctionModel:
        """This world as the Model of a search."""
        return FunctionModel(self.initial, self.recurrent, num_nodes=search.num_nodes, num_priors=search.num_priors)


def random_table(seed: int, num_actions: int, num_states: int = 257) -> TableModel:
    """A world with normal logits, values in [-1, 1) and small rewards."""
    random = np.random.default_rng(seed)
    shape = (num_states, num_actions)
    return TableModel(
        next_state=random.integers(num_states, size=shape, dtype=np.int32),
        reward=0.1 * random.standard_normal(shape, dtype=np.float32),
        value=random.uniform(-1, 1, num_states).astype(np.float32),
        logits=2.0 * random.standard_normal(shape, dtype=np.float32),
    )


def observe(states: NDArray[Any]) -> Observation:
    """Observations that show the number of the state, first player to move."""
    frames = np.asarray(states, np.float32).reshape(-1, 1, 1)
    return Observation(frames, np.zeros(len(frames), np.int8))


def random_legal(seed: int, num_trees: int, num_actions: int) -> NDArray[np.bool_]:
    """Random masks, at least one legal action in each."""
    random = np.random.default_rng(seed)
    legal = random.random((num_trees, num_actions)) < random.random((num_trees, 1))
    legal[np.arange(num_trees), random.integers(num_actions, size=num_trees)] = True
    return np.asarray(legal)


def make_spec(num_actions: int, num_players: int = 1, value_bounds: tuple[float, float] | None = None) -> GameSpec:
    """A game of that many actions and players."""
    return GameSpec(
        name="table",
        num_players=num_players,
        num_actions=num_actions,
        frame_shape=(1,),
        frame_dtype="float32",
        num_frames=1,
        encoding="vector",
        action_shape=(),
        value_bounds=value_bounds,
        max_moves=100,
    )
