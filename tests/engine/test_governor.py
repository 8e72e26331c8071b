"""The governor holds samples per environment step, by hand-computed numbers."""

import numpy as np
import pytest

from engine.governor import NO_LIMIT, Governor, governor_of
from tests.engine.run_examples import tiny_config

GOVERNOR = Governor(replay_ratio=4.0, min_steps=100, slack_steps=50, batch_size=32)


def test_learning_waits_for_the_first_stored_steps() -> None:
    assert not GOVERNOR.may_learn(samples=0, env_steps=500, stored_steps=99)
    assert GOVERNOR.may_learn(samples=0, env_steps=500, stored_steps=100)


def test_learning_stops_at_the_ratio() -> None:
    assert GOVERNOR.may_learn(samples=368, env_steps=100, stored_steps=100)
    assert not GOVERNOR.may_learn(samples=369, env_steps=100, stored_steps=100)


def test_playing_stops_at_the_ratio_and_the_slack_once_there_is_something_to_learn_from() -> None:
    assert GOVERNOR.env_step_limit(samples=0, stored_steps=99) == NO_LIMIT
    assert GOVERNOR.env_step_limit(samples=0, stored_steps=100) == 150
    assert GOVERNOR.env_step_limit(samples=400, stored_steps=100) == 250


def test_the_slack_is_two_learner_steps_and_two_moves_of_every_game() -> None:
    config = tiny_config(actors={"num_actors": 3})
    assert governor_of(config).slack_steps == 2 * 16 // 2 + 2 * 3 * 4


@pytest.mark.parametrize(("num_actors", "game_length"), [(2, 9), (64, 9), (64, 500)])
def test_neither_side_can_block_the_other_for_ever_however_many_long_games_begin_together(num_actors: int, game_length: int) -> None:
    governor = governor_of(tiny_config(actors={"num_actors": num_actors}))
    moves = np.zeros(4 * num_actors, dtype=np.int64)
    samples = env_steps = stored_steps = 0
    for _ in range(30_000):
        can_play = env_steps < governor.env_step_limit(samples, stored_steps)
        can_learn = governor.may_learn(samples, env_steps, stored_steps)
        assert can_play or can_learn
        if can_learn:
            samples += governor.batch_size
        else:
            moves += 1
            env_steps += len(moves)
            stored_steps += game_length * int((moves == game_length).sum())
            moves %= game_length
    assert abs(samples / env_steps - governor.replay_ratio) < 0.1
