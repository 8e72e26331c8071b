"""Searches a model given as two numpy functions: no network, no torch, no processes. Run: python examples/search_alone.py

The game: from a random start walk along a line of 7 squares, left, stay or right; reaching the last square pays 1 and ends it.
"""

import numpy as np

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, FunctionModel, run_search
from muzero.types import GameSpec, Observation

LAST_SQUARE = 6


def initial(observation):
    """From observations to (hidden states, values, policy logits)."""
    square = observation.frames[:, 0, 0].astype(np.int64)
    return square, np.zeros(len(square)), np.zeros((len(square), 3))


def recurrent(square, action):
    """From hidden states and actions to (hidden states, rewards, values, policy logits)."""
    is_over = square == LAST_SQUARE
    following = np.where(is_over, square, np.maximum(square + action - 1, 0))
    reward = (following == LAST_SQUARE) & ~is_over
    return following, reward, np.zeros(len(square)), np.zeros((len(square), 3))


spec = GameSpec(name="line", num_players=1, num_actions=3, frame_shape=(1,), value_bounds=(0.0, 1.0), max_moves=50)
starts = np.array([[[3]], [[4]], [[5]]], dtype=np.float32)
observation = Observation(starts, to_play=np.zeros(3, np.int8))
legal_actions = np.array([[True, True, True], [True, True, True], [True, True, False]])

search = BatchedSearch(SearchConfig(rule="puct", num_simulations=200, discount=0.9), num_trees=3, spec=spec)
model = FunctionModel(initial, recurrent, num_nodes=search.num_nodes, num_priors=search.num_priors)
result = run_search(model, search.steps(observation, legal_actions, noise=None))

print("start  visits of left, stay, right  value")
for start, visits, value in zip(starts[:, 0, 0], result.visit_count, result.root_value, strict=True):
    print(f"{start:5.0f}  {str(visits):27}  {value:.3f}")
