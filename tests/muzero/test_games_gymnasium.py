"""Spaces, episodes and refusals of the gymnasium adapter, and the making of games by name."""

from collections.abc import Callable

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiDiscrete, Space

from muzero.config import EnvConfig
from muzero.errors import UnknownName, UnsupportedGame, UserError
from muzero.games import Game, make_game
from muzero.games.game import Step
from muzero.games.gymnasium_game import GymnasiumGame

TWO_ACTIONS = Discrete(2)


class Shown(gymnasium.Env):
    """Shows a sample of its space, drawn by the seed; the first move ends it in both ways at once."""

    def __init__(self, observation_space: Space, action_space: Space = TWO_ACTIONS) -> None:
        self.observation_space, self.action_space = observation_space, action_space

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[object, dict]:
        self.observation_space.seed(seed)
        return self.observation_space.sample(), {}

    def step(self, action: int) -> tuple[object, float, bool, bool, dict]:
        return self.observation_space.sample(), np.float64(action), np.True_, np.True_, {}


class Echo(gymnasium.Env):
    """Shows the latest action, 5 or 6."""

    action_space = Discrete(2, start=5)
    observation_space = Box(0, 6, (1,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        return np.zeros(1, np.float32), {}

    def step(self, action: int) -> tuple[np.ndarray, float, bool, bool, dict]:
        return np.array([action], np.float32), 0.0, False, False, {}


def restarting_cart_pole() -> gymnasium.Env:
    return gymnasium.wrappers.Autoreset(gymnasium.make("CartPole-v1", max_episode_steps=20, disable_env_checker=True))


gymnasium.register("Shown-v0", Shown, max_episode_steps=9)
gymnasium.register("Echo-v0", Echo, max_episode_steps=9)
gymnasium.register("RestartingCartPole-v0", restarting_cart_pole, max_episode_steps=20)


def shown_frame(space: Space, **kwargs: object) -> tuple[Game, np.ndarray, object]:
    """Returns a game that shows a space, its first frame, and the observation behind it."""
    game = GymnasiumGame("shown", "Shown-v0", observation_space=space, **kwargs)
    game.reset(3)
    frame = np.full(game.spec.frame_shape, 77, game.spec.frame_dtype)
    game.frame(frame)
    space.seed(3)
    return game, frame, space.sample()


def episode_of(game: Game, seed: int) -> list[tuple]:
    """Returns (frame before, reward, is_terminal, is_truncated) of each move of an episode in which both actions alternate."""
    moves, frame, is_over = [], np.zeros(4, np.float32), False
    game.reset(seed)
    while not is_over:
        game.frame(frame)
        step = game.step(len(moves) % 2)
        moves.append((frame.tolist(), step.reward, step.is_terminal, step.is_truncated))
        is_over = step.is_terminal or step.is_truncated
    return moves


def test_cartpole_repeats_gymnasium_move_by_move() -> None:
    game, environment = make_game(EnvConfig(name="cartpole")), gymnasium.make("CartPole-v1")
    frame = np.zeros(4, np.float32)
    game.reset(11)
    observation, _ = environment.reset(seed=11)
    for action in (0, 1, 1, 0, 1):
        game.frame(frame)
        assert np.array_equal(frame, observation)
        step = game.step(action)
        observation, reward, is_terminal, is_truncated, _ = environment.step(action)
        assert (step.reward, step.is_terminal, step.is_truncated) == (reward, is_terminal, is_truncated)


@pytest.mark.parametrize(("name", "num_actions", "size", "max_moves"), [("acrobot", 3, 6, 500), ("lunarlander", 4, 8, 1000)])
def test_worlds_with_a_name_of_their_own_can_be_played(name: str, num_actions: int, size: int, max_moves: int) -> None:
    game = make_game(EnvConfig(name=name))
    spec = game.spec
    assert (spec.num_actions, spec.frame_shape, spec.max_moves, spec.num_frames) == (num_actions, (size,), max_moves, 1)
    game.reset(0)
    assert not game.step(0).is_terminal


def test_a_time_limit_truncates_and_a_fallen_pole_terminates() -> None:
    short = make_game(EnvConfig(name="cartpole", kwargs={"max_episode_steps": 3}))
    short.reset(0)
    assert short.spec.max_moves == 3
    assert [short.step(action).is_truncated for action in (0, 1, 0)] == [False, False, True]
    full = make_game(EnvConfig(name="cartpole"))
    full.reset(0)
    steps = [full.step(0) for _ in range(8)]
    while not steps[-1].is_terminal:
        steps.append(full.step(0))
    assert not any(step.is_truncated for step in steps) and 8 <= len(steps) <= 12


def test_an_end_on_the_last_allowed_move_is_an_end_by_the_rules() -> None:
    game, _, _ = shown_frame(Discrete(3))
    step = game.step(1)
    assert (step.reward, step.is_terminal, step.is_truncated) == (1.0, True, False)
    assert type(step.reward) is float and type(step.is_terminal) is bool
    legal_actions = np.ones(2, np.bool_)
    game.legal_actions(legal_actions)
    assert not legal_actions.any()


def test_an_environment_that_restarts_itself_gives_the_same_episodes() -> None:
    plain = make_game(EnvConfig(name="gym:CartPole-v1", kwargs={"max_episode_steps": 20}))
    restarting = make_game(EnvConfig(name="gym:RestartingCartPole-v0"))
    for seed in (1, 2, 1):
        moves = episode_of(plain, seed)
        assert len(moves) == 20 and moves[-1][2:] == (False, True)
        assert episode_of(restarting, seed) == moves


def test_actions_that_do_not_start_at_zero_are_shifted() -> None:
    game = GymnasiumGame("echo", "Echo-v0")
    frame = np.zeros(1, np.float32)
    game.reset(0)
    game.step(1)
    game.frame(frame)
    assert game.spec.num_actions == 2 and frame.tolist() == [6.0]


def test_a_discrete_observation_is_shown_one_hot() -> None:
    game, frame, observation = shown_frame(Discrete(5, start=-2))
    assert (game.spec.encoding, game.spec.frame_shape, game.spec.frame_dtype) == ("vector", (5,), "float32")
    assert frame.tolist() == np.eye(5)[observation + 2].tolist()


@pytest.mark.parametrize("space", [Box(-1, 1, (2, 3)), Box(0, 9, (4,), np.int64), Box(0, 255, (128,), np.uint8), Box(-1, 1, ())])
def test_a_box_that_is_no_image_is_flattened(space: Box) -> None:
    game, frame, observation = shown_frame(space)
    spec = game.spec
    assert (spec.encoding, spec.frame_shape, spec.board_shape, spec.num_frames) == ("vector", (observation.size,), (), 1)
    assert frame.tolist() == observation.astype(np.float32).reshape(-1).tolist()


@pytest.mark.parametrize(
    ("shape", "last_channel"),
    [
        ((12, 10), lambda image: image),
        ((12, 10, 1), lambda image: image[:, :, 0]),
        ((12, 10, 3), lambda image: image[:, :, 2]),
        ((12, 10, 4), lambda image: image[:, :, 3]),
        ((4, 12, 10), lambda image: image[3]),
    ],
)
def test_an_image_is_shown_with_its_channels_first(shape: tuple[int, ...], last_channel: Callable[[np.ndarray], np.ndarray]) -> None:
    game, frame, observation = shown_frame(Box(0, 255, shape, np.uint8))
    spec = game.spec
    assert (spec.encoding, spec.frame_shape, spec.frame_dtype) == ("image", (observation.size // 120, 12, 10), "uint8")
    assert (spec.board_shape, spec.num_frames) == ((12, 10), 4)
    assert np.array_equal(frame[-1], last_channel(observation))


def test_history_is_a_setting_of_ours_and_the_rest_gymnasiums() -> None:
    game = make_game(EnvConfig(name="cartpole", kwargs={"history": 3, "max_episode_steps": 7}))
    assert (game.spec.num_frames, game.spec.max_moves) == (3, 7)


def test_a_move_may_hold_its_action_for_several_steps() -> None:
    game = make_game(EnvConfig(name="gym:CartPole-v1", kwargs={"frame_skip": 3, "max_episode_steps": 10}))
    environment = gymnasium.make("CartPole-v1", max_episode_steps=10)
    game.reset(4)
    environment.reset(seed=4)
    assert game.spec.max_moves == 4
    for action, num_steps in ((1, 3), (0, 3), (1, 3), (0, 1)):
        step = game.step(action)
        observations = [environment.step(action)[0] for _ in range(num_steps)]
        frame = np.empty(4, np.float32)
        game.frame(frame)
        assert np.array_equal(frame, observations[-1])
        assert step == Step(float(num_steps), is_terminal=False, is_truncated=num_steps == 1)


def test_a_held_action_ends_with_the_episode() -> None:
    game = make_game(EnvConfig(name="cartpole", kwargs={"frame_skip": 50}))
    game.reset(0)
    step = game.step(0)
    assert step.is_terminal and 8 <= step.reward <= 12


@pytest.mark.parametrize("actions", [Box(-1, 1, (2,)), MultiDiscrete([2, 2]), Dict({"fire": Discrete(2)})])
def test_actions_that_cannot_be_numbered_are_refused(actions: Space) -> None:
    with pytest.raises(UnsupportedGame, match="whose actions are Discrete") as refusal:
        GymnasiumGame("other", "Shown-v0", observation_space=Discrete(2), action_space=actions)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("space", [Dict({"map": Discrete(2)}), MultiDiscrete([2, 2])])
def test_observations_of_another_kind_are_refused(space: Space) -> None:
    with pytest.raises(UnsupportedGame, match="shows a Box or Discrete"):
        GymnasiumGame("other", "Shown-v0", observation_space=space)


def test_endless_episodes_are_refused_with_the_setting_that_ends_them() -> None:
    with pytest.raises(UnsupportedGame, match="max_episode_steps"):
        GymnasiumGame("endless", "CartPole-v1", max_episode_steps=-1)


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown environment 'tictacto': did you mean tictactoe"):
        make_game(EnvConfig(name="tictacto"))
    with pytest.raises(UnknownName, match="unknown gymnasium environment 'Akrobot-v1': did you mean Acrobot-v1"):
        make_game(EnvConfig(name="gym:Akrobot-v1"))


@pytest.mark.parametrize("name", ["gym:", "gym:no_such_module:World-v0", "gym:LunarLander-v1"])
def test_what_gymnasium_cannot_make_is_one_sentence(name: str) -> None:
    with pytest.raises(UserError, match="gymnasium") as refusal:
        make_game(EnvConfig(name=name))
    assert "\n" not in str(refusal.value)


def test_a_missing_dependency_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: object, **kwargs: object) -> None:
        raise gymnasium.error.DependencyNotInstalled("Box2D is not installed,\nyou can install it")

    monkeypatch.setattr(gymnasium, "make", refuse)
    with pytest.raises(UserError, match="cannot make 'LunarLander-v3'.*Box2D is not installed, you can install it"):
        make_game(EnvConfig(name="lunarlander"))


@pytest.mark.parametrize(
    ("name", "kwargs"),
    [
        ("tictactoe", {"size": 4}),
        ("cartpole", {"gravitas": 1}),
        ("cartpole", {"max_episode_steps": 0}),
        ("cartpole", {"history": 0}),
        ("cartpole", {"frame_skip": 0}),
        ("cartpole", {"frame_skip": 2.5}),
        ("cartpole", {"frame_skip": True}),
        ("connect4", {"rows": "six"}),
        ("connect4", {"rows": 0}),
    ],
)
def test_wrong_arguments_are_refused_with_their_value(name: str, kwargs: dict) -> None:
    with pytest.raises(UserError, match=next(iter(kwargs))):
        make_game(EnvConfig(name=name, kwargs=kwargs))
