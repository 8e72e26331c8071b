"""Reanalysis with the weights of self-play finds what self-play found: the same observations, the same searches."""

from typing import Any

import numpy as np
import pytest

from muzero.config import EnvConfig, SearchConfig, SelfPlayConfig
from muzero.games import make_game
from muzero.reanalyze import FreshTargets, reanalyze, search_roots
from muzero.search import BatchedSearch, FunctionModel
from muzero.self_play import SelfPlay
from muzero.types import HISTORY_ONLY, NO_ACTION, GameSpec, InitialRequest, Int64Array, Observation, Trajectory
from tests.muzero.counting_game import counting_config

NUM_TREES = 5
PUCT = SearchConfig(rule="puct", num_simulations=8, dirichlet_fraction=0.0)
GUMBEL = SearchConfig(rule="gumbel", num_simulations=8)


def seeing_model(search: BatchedSearch) -> FunctionModel:
    """Returns a model that looks at every number of an observation; a tree's answers do not depend on the others."""
    actions = np.arange(search.num_actions)

    def initial(observation: Observation) -> tuple[Any, Any, Any]:
        flat = observation.frames.reshape(len(observation.to_play), -1).astype(np.float64)
        score = np.round(np.sin((flat * np.linspace(0.1, 1.0, flat.shape[1])).sum(axis=1) + 2.0 * observation.to_play), 3)
        return score[:, None], score, np.round(np.sin(9 * score[:, None] + actions), 3)

    def recurrent(hidden_state: Any, action: Any) -> tuple[Any, Any, Any, Any]:
        score = np.round(np.sin(3 * hidden_state[:, 0] + 1.7 * action), 3)
        return score[:, None], 0.1 * score, score, np.round(np.sin(5 * score[:, None] + actions), 3)

    return FunctionModel(initial, recurrent, num_nodes=search.num_nodes, num_priors=search.num_priors)


def played(env: EnvConfig, search_config: SearchConfig, num_moves: int, **config: Any) -> tuple[GameSpec, list[Trajectory]]:
    """Plays games without noise at the roots and returns what would be stored."""
    spec = make_game(env).spec
    search, indices = BatchedSearch(search_config, num_trees=3, spec=spec), iter(range(10**6))
    play = SelfPlay(
        env,
        search_config,
        SelfPlayConfig(**config),
        search,
        seed=5,
        actor_index=0,
        policy_entries=min(20, spec.num_actions),
        legal_bytes=-(-spec.num_actions // 8),
        next_game_index=lambda: next(indices),
    )
    model, trajectories = seeing_model(search), []
    for _ in range(num_moves):
        move, reply = play.play_move(), None
        while True:
            try:
                request = move.send(reply)
            except StopIteration as stop:
                trajectories += stop.value.trajectories
                break
            is_initial = isinstance(request, InitialRequest)
            reply = model.initial_inference(request) if is_initial else model.recurrent_inference(request)
    return spec, trajectories


def searched_again(trajectory: Trajectory, offset: Int64Array, spec: GameSpec, search_config: SearchConfig) -> FreshTargets:
    """Reanalyzes up to NUM_TREES rows of a stored trajectory with the model of self-play."""
    search, start = BatchedSearch(search_config, num_trees=NUM_TREES, spec=spec), np.zeros(len(offset), np.int64)
    store = trajectory.frame, trajectory.to_play, trajectory.legal_bits
    positions = search_roots(*store, start, offset, spec=spec, num_trees=NUM_TREES)
    return reanalyze(seeing_model(search), search, positions, trajectory.policy_action.shape[1])


def require_equal_searches(trajectory: Trajectory, spec: GameSpec, search_config: SearchConfig) -> None:
    """Asserts that a new search of each searched row finds the same policy and value."""
    searched = np.flatnonzero(trajectory.action != HISTORY_ONLY)
    for first in range(0, len(searched), NUM_TREES):
        offset = searched[first : first + NUM_TREES]
        targets, count = searched_again(trajectory, offset, spec, search_config), len(offset)
        np.testing.assert_array_equal(targets.value[:count], trajectory.root_value[offset])
        np.testing.assert_array_equal(targets.policy_weight[:count], trajectory.policy_weight[offset])
        np.testing.assert_array_equal(targets.policy_action[:count], trajectory.policy_action[offset])


@pytest.mark.parametrize("search_config", [PUCT, GUMBEL], ids=["puct", "gumbel"])
@pytest.mark.parametrize("name", ["tictactoe", "go5", "cartpole", "gym:FrozenLake-v1"])
def test_a_new_search_with_the_same_weights_equals_that_of_self_play(name: str, search_config: SearchConfig) -> None:
    exploring = {"temperature_moves": 0} if search_config.rule == "gumbel" else {}
    spec, trajectories = played(EnvConfig(name=name), search_config, 80, random_opening_moves=3, **exploring)
    assert len(trajectories) >= 2
    for trajectory in trajectories[:4]:
        require_equal_searches(trajectory, spec, search_config)


def test_so_do_those_of_a_cut_episode_its_last_position_included() -> None:
    spec, trajectories = played(EnvConfig(name="cartpole", kwargs={"max_episode_steps": 10}), PUCT, 30)
    cut = [trajectory for trajectory in trajectories if trajectory.action[-1] == NO_ACTION]
    assert cut
    require_equal_searches(cut[0], spec, PUCT)


def test_so_do_those_of_a_later_piece_of_a_long_episode_which_brings_its_history_along() -> None:
    spec, trajectories = played(EnvConfig(**counting_config()), PUCT, 40, max_trajectory_steps=8)
    pieces = [trajectory for trajectory in trajectories if trajectory.first_move > 0]
    assert pieces
    assert (pieces[0].action[: spec.num_frames - 1] == HISTORY_ONLY).all()
    require_equal_searches(pieces[0], spec, PUCT)


def test_the_observation_of_a_first_position_has_zeros_where_nothing_was_yet() -> None:
    frame = np.arange(1, 5, dtype=np.float32)[:, None]
    spec = GameSpec(name="line", num_players=1, num_actions=3, frame_shape=(1,), num_frames=3, max_moves=9)
    bits = np.packbits(np.array([[1, 0, 1]] * 4, np.bool_), axis=1)
    at = np.array([1, 1], np.int64), np.array([0, 2], np.int64)  # the trajectory begins at row 1

    positions = search_roots(frame, np.array([0, 1, 0, 1], np.int8), bits, *at, spec=spec, num_trees=3)

    np.testing.assert_array_equal(positions.observation.frames[:, :, 0], [[0, 0, 2], [2, 3, 4], [0, 0, 0]])
    np.testing.assert_array_equal(positions.observation.to_play, [1, 1, 0])
    np.testing.assert_array_equal(positions.legal_actions, [[True, False, True], [True, False, True], [True, True, True]])
