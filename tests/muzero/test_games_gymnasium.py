"""Episodes and refusals of the gymnasium adapter, and the making of games by name."""

import gymnasium
import numpy as np
import pytest

from muzero.config import GameConfig
from muzero.errors import UnknownName, UnsupportedGame, UserError
from muzero.games import make_game
from muzero.games.gymnasium_game import GymnasiumGame


class Echo(gymnasium.Env):
    """Shows the latest action, 5 or 6."""

    action_space = gymnasium.spaces.Discrete(2, start=5)
    observation_space = gymnasium.spaces.Box(0, 6, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        return np.array([action], np.float32), 0.0, False, False, {}


gymnasium.register("Echo-v0", Echo, max_episode_steps=9)


def test_cartpole_repeats_gymnasium_move_by_move() -> None:
    game, environment = make_game(GameConfig(name="cartpole")), gymnasium.make("CartPole-v1")
    frame = np.zeros(4, np.float32)
    game.reset(11)
    observation, _ = environment.reset(seed=11)
    for action in (0, 1, 1, 0, 1):
        game.frame(frame)
        assert np.array_equal(frame, observation)
        step = game.step(action)
        observation, reward, is_terminal, is_truncated, _ = environment.step(action)
        assert (step.reward, step.is_terminal, step.is_truncated) == (reward, is_terminal, is_truncated)


def test_a_time_limit_truncates_and_a_fallen_pole_terminates() -> None:
    short = make_game(GameConfig(name="cartpole", kwargs={"max_episode_steps": 3}))
    short.reset(0)
    assert short.spec.max_moves == 3
    assert [short.step(action).is_truncated for action in (0, 1, 0)] == [False, False, True]
    full = make_game(GameConfig(name="cartpole"))
    full.reset(0)
    steps = [full.step(0) for _ in range(8)]
    while not steps[-1].is_terminal:
        steps.append(full.step(0))
    assert not any(step.is_truncated for step in steps) and 8 <= len(steps) <= 12


def test_actions_that_do_not_start_at_zero_are_shifted() -> None:
    game = GymnasiumGame("echo", "Echo-v0")
    frame = np.zeros(1, np.float32)
    game.reset(0)
    game.step(1)
    game.frame(frame)
    assert game.spec.num_actions == 2 and frame.tolist() == [6.0]


@pytest.mark.parametrize(
    ("environment_id", "reason"), [("Pendulum-v1", "actions are Discrete"), ("FrozenLake-v1", "Box"), ("Blackjack-v1", "Box")]
)
def test_other_spaces_are_refused_with_the_reason(environment_id: str, reason: str) -> None:
    with pytest.raises(UnsupportedGame, match=reason):
        GymnasiumGame("other", environment_id)


def test_endless_episodes_are_refused_with_the_setting_that_ends_them() -> None:
    with pytest.raises(UnsupportedGame, match="max_episode_steps"):
        GymnasiumGame("endless", "CartPole-v1", max_episode_steps=-1)


def test_unknown_game_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="unknown environment 'tictacto': did you mean tictactoe"):
        make_game(GameConfig(name="tictacto"))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("tictactoe", {"size": 4}),
        ("cartpole", {"gravitas": 1}),
        ("cartpole", {"max_episode_steps": 0}),
        ("connect4", {"rows": "six"}),
        ("connect4", {"rows": 0}),
    ],
)
def test_wrong_arguments_are_refused_with_their_value(name: str, kwargs: dict) -> None:
    with pytest.raises(UserError, match=next(iter(kwargs))):
        make_game(GameConfig(name=name, kwargs=kwargs))
