"""Private memory by arithmetic against what is really allocated."""

from typing import Any

import numpy as np
import pytest

from engine.config import RunConfig
from engine.layout import policy_entries_for
from engine.private_memory import (
    MOST_LEGAL_ACTIONS,
    batches_bytes,
    games_bytes,
    history_bytes,
    learner_floats,
    longest_trajectory,
    observations_per_sample,
    search_bytes,
    self_play_bytes,
    training_copies,
)
from engine.replay import Replay
from muzero.config import NetworkConfig, SearchConfig, SelfPlayConfig, TrainingConfig
from muzero.game_record import ROW_COLUMNS, blank_trajectory
from muzero.games.history import FrameHistory
from muzero.search import BatchedSearch
from muzero.search.root_choices import list_choices
from muzero.types import GameSpec
from tests.engine.ring_examples import SPEC, make_ring


def game(num_actions: int) -> GameSpec:
    return GameSpec(name="game", num_players=2, num_actions=num_actions, frame_shape=(3, 3), num_frames=8, max_moves=722)


@pytest.mark.parametrize("num_trees", [1, 8])
@pytest.mark.parametrize("num_actions", [4, 362, 4672, 11259])
def test_bytes_of_a_search_are_those_of_its_arrays(num_actions: int, num_trees: int) -> None:
    config = SearchConfig(num_simulations=50)
    search = BatchedSearch(config, num_trees=num_trees, spec=game(num_actions))
    legal = np.zeros((num_trees, num_actions), np.bool_)
    legal[:, :MOST_LEGAL_ACTIONS] = True

    choices = list_choices(legal, None)

    arrays = [*search._tree, search._parent_node, search._action, choices.first, choices.action, choices.noise, choices.prior]
    scores = 8 * len(choices.action)  # counted for every tree, though one at a time needs them
    assert search_bytes(config, game(num_actions), num_trees) == sum(array.nbytes for array in arrays) + scores - 8


def test_fast_searches_have_trees_of_their_own() -> None:
    capped = RunConfig(self_play=SelfPlayConfig(full_search_fraction=0.5, fast_simulations=10))
    fast = search_bytes(SearchConfig(num_simulations=10), game(362), capped.actors.games_per_group)

    assert self_play_bytes(capped, game(362)) == self_play_bytes(RunConfig(), game(362)) + fast


@pytest.mark.parametrize("num_actions", [4672, 11259])
def test_a_tree_of_chess_or_shogi_takes_at_most_twice_that_of_go(num_actions: int) -> None:
    config = SearchConfig(num_simulations=50)

    assert search_bytes(config, game(num_actions), 1) <= 2 * search_bytes(config, game(362), 1)


def test_bytes_of_running_games_are_those_of_their_rows_and_frames() -> None:
    config, spec = RunConfig(self_play=SelfPlayConfig(max_trajectory_steps=200)), game(362)
    rows = blank_trajectory(spec, longest_trajectory(config, spec), policy_entries_for(362, config.replay.policy_entries))
    games = config.actors.games_per_actor

    expected = games * (sum(getattr(rows, name).nbytes for name in ROW_COLUMNS) + 2 * FrameHistory(spec, 1).frames.nbytes)

    assert len(rows) == 200 + 8
    assert games_bytes(config, spec) == expected + games * 2 * 362  # legal actions and those of a request


def test_the_papers_history_of_atari_is_counted() -> None:
    spec = GameSpec(name="atari", num_players=1, num_actions=18, frame_shape=(27649,), frame_dtype="uint8", num_frames=32, max_moves=9)

    assert history_bytes(spec) == 32 * 27_649


@pytest.mark.parametrize("options", [{}, {"consistency_loss_weight": 1.0, "target_network_steps": 10}], ids=["plain", "options"])
def test_bytes_of_batches_are_close_to_those_of_the_real_ones(options: dict[str, Any]) -> None:
    config = RunConfig(training=TrainingConfig(batch_size=64, **options))
    replay = Replay(make_ring(), SPEC, config.replay, config.training, 1.0, np.random.default_rng(0))
    real = sum(array.nbytes for array in vars(replay.make_batch_buffers()).values() if array is not None)

    planned = batches_bytes(config, SPEC) / (config.learner.prefetch_batches + 1)

    assert real <= planned <= 2.5 * real  # planned with 9 policy entries a row, the ring of the test has 3


def test_the_learner_has_a_copy_for_target_network_and_average_and_trains_a_head() -> None:
    options = TrainingConfig(unroll_steps=5, consistency_loss_weight=1.0, target_network_steps=10, ema_decay=0.9)
    network = NetworkConfig(kind="mlp", hidden_size=4)
    head = 3 * 4 * 4 + 3 * 2 * 4 + 4 * 2 + 2 * 2 + 2 * 4 + 4  # three layers of 4 with norms, one of 2 with its, one of 4 with biases

    assert (training_copies(TrainingConfig()), training_copies(options)) == (4, 6)
    assert (observations_per_sample(TrainingConfig()), observations_per_sample(options)) == (1, 1 + 5 + 6)
    assert learner_floats(TrainingConfig(), network, SPEC, 1000) == 4000
    assert learner_floats(options, network, SPEC, 1000) == 6000 + 4 * head
