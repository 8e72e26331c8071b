"""The governor holds samples per environment step, by hand-computed numbers."""

import numpy as np
import pytest

from engine.governor import NO_LIMIT, Governor, ReanalysisGovernor, governor_of, reanalysis_governor_of
from tests.engine.run_examples import tiny_config

GOVERNOR = Governor(replay_ratio=4.0, min_steps=100, slack_steps=50, batch_size=32)

REANALYSIS = ReanalysisGovernor(samples_per_position=4.0, fresh_per_batch=25.6, min_steps=100, slack_positions=60)


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


def test_the_learner_has_caught_up_two_steps_before_nine_tenths_of_the_samples_that_the_ratio_allows() -> None:
    assert GOVERNOR.has_caught_up(samples=296, env_steps=100)
    assert not GOVERNOR.has_caught_up(samples=295, env_steps=100)


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


def test_learning_stops_at_the_fresh_samples_per_reanalyzed_position() -> None:
    assert REANALYSIS.may_learn(fresh_samples=374, positions=100)
    assert not REANALYSIS.may_learn(fresh_samples=375, positions=100)


def test_reanalysis_starts_with_learning_and_stops_at_the_ratio_and_the_slack() -> None:
    assert REANALYSIS.position_limit(fresh_samples=0, positions=0, stored_steps=99, is_starved=False) == 0
    assert REANALYSIS.position_limit(fresh_samples=0, positions=0, stored_steps=100, is_starved=False) == 60
    assert REANALYSIS.position_limit(fresh_samples=401, positions=90, stored_steps=100, is_starved=False) == 160


def test_reanalysis_goes_on_past_the_ratio_while_too_few_positions_are_fresh() -> None:
    assert REANALYSIS.position_limit(fresh_samples=400, positions=500, stored_steps=100, is_starved=True) == 560


def test_without_reanalysis_nothing_waits_for_it() -> None:
    off = reanalysis_governor_of(tiny_config())
    assert off.may_learn(fresh_samples=0, positions=0)


@pytest.mark.parametrize("samples_per_position", [0.1, 4.0, 100.0])
@pytest.mark.parametrize("num_reanalyzers", [1, 20])
def test_neither_learner_nor_reanalyzers_can_block_the_other_for_ever(samples_per_position: float, num_reanalyzers: int) -> None:
    settings = {"fraction": 0.8, "num_reanalyzers": num_reanalyzers, "samples_per_position": samples_per_position}
    governor = reanalysis_governor_of(tiny_config(reanalyze=settings))
    random, samples, positions = np.random.default_rng(0), 0, 0
    for _ in range(3000):
        can_reanalyze = positions < governor.position_limit(samples, positions, 60, is_starved=False)
        can_learn = governor.may_learn(samples, positions)
        assert can_reanalyze or can_learn
        if can_learn and (not can_reanalyze or random.random() < 0.5):
            samples += int(random.binomial(16, 0.8))
        else:
            positions += 128 * num_reanalyzers
    assert abs(samples / samples_per_position - positions) <= governor.slack_positions + 128 * num_reanalyzers
