"""The governor holds samples per environment step, by hand-computed numbers."""

from engine.governor import Governor, governor_of
from tests.engine.run_examples import tiny_config

GOVERNOR = Governor(replay_ratio=4.0, min_steps=100, slack_steps=50, batch_size=32)


def test_learning_waits_for_the_first_steps() -> None:
    assert not GOVERNOR.may_learn(samples=0, env_steps=99)
    assert GOVERNOR.may_learn(samples=0, env_steps=100)


def test_learning_stops_at_the_ratio() -> None:
    assert GOVERNOR.may_learn(samples=368, env_steps=100)
    assert not GOVERNOR.may_learn(samples=369, env_steps=100)


def test_playing_stops_at_the_ratio_and_the_slack() -> None:
    assert GOVERNOR.env_step_limit(samples=0) == 150
    assert GOVERNOR.env_step_limit(samples=400) == 250


def test_neither_side_can_block_the_other_for_ever() -> None:
    governor = governor_of(tiny_config())
    samples = env_steps = 0
    for _ in range(1000):
        can_play, can_learn = env_steps < governor.env_step_limit(samples), governor.may_learn(samples, env_steps)
        assert can_play or can_learn
        samples += governor.batch_size * can_learn
        env_steps += 4 * (can_play and not can_learn)
    assert abs(samples / env_steps - governor.replay_ratio) < 0.1
