"""Plays a gymnasium environment with discrete actions and a vector as its observation; images and continuous actions are not in here."""

from typing import Any

import gymnasium
import numpy as np

from muzero.errors import UnsupportedGame
from muzero.games.game import Step
from muzero.symmetries import Symmetries, no_symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec


class GymnasiumGame:
    """One episode of a single-player environment; see `Game` for its methods."""

    def __init__(self, name: str, environment_id: str, **kwargs: Any) -> None:
        """Makes the environment.

        Args:
            name: the name it is made by.
            environment_id: its name in gymnasium.
            kwargs: passed to gymnasium.make.

        Raises:
            UnsupportedGame: actions are not discrete, the observation is no vector, or episodes have no limit.
        """
        # The environment checker of gymnasium doubles the time of a step and looks only at the first one.
        self._environment: gymnasium.Env[Any, Any] = gymnasium.make(environment_id, disable_env_checker=True, **kwargs)
        actions, observations = self._environment.action_space, self._environment.observation_space
        limit = self._environment.spec.max_episode_steps if self._environment.spec else None
        if not isinstance(actions, gymnasium.spaces.Discrete):
            raise UnsupportedGame(f"environment '{environment_id}' has actions {actions}: choose one whose actions are Discrete.")
        if not isinstance(observations, gymnasium.spaces.Box) or len(observations.shape) != 1:
            raise UnsupportedGame(f"environment '{environment_id}' shows {observations}: choose one that shows a Box with one axis.")
        if limit is None:
            raise UnsupportedGame(f"environment '{environment_id}' has no limit of moves: set max_episode_steps in game.kwargs.")
        self.spec = GameSpec(
            name=name,
            num_players=1,
            num_actions=int(actions.n),
            frame_shape=observations.shape,
            frame_dtype="float32",
            num_frames=1,
            encoding="vector",
            action_shape=(),
            value_bounds=None,
            max_moves=limit,
        )
        self._first_action = int(actions.start)
        self._is_over = False

    def reset(self, seed: int) -> None:
        """Starts the episode of that seed."""
        self._observation, _ = self._environment.reset(seed=seed)
        self._is_over = False

    def to_play(self) -> int:
        """Returns 0."""
        return 0

    def legal_actions(self, out: BoolArray) -> None:
        """Writes True for every action of bool [A] until the episode is over."""
        out[:] = not self._is_over

    def frame(self, out: FrameArray) -> None:
        """Writes the latest observation into float32 [D]."""
        out[:] = self._observation

    def step(self, action: int) -> Step:
        """Plays an action."""
        self._observation, reward, is_terminal, is_truncated, _ = self._environment.step(action + self._first_action)
        self._is_over = is_terminal or is_truncated
        return Step(float(reward), bool(is_terminal), bool(is_truncated))

    def action_planes(self) -> Float32Array:
        """Returns the unit matrix, float32 [A, A]."""
        return np.eye(self.spec.num_actions, dtype=np.float32)

    def symmetries(self) -> Symmetries:
        """Returns the identity alone."""
        return no_symmetries(int(np.prod(self.spec.frame_shape)), self.spec.num_actions)
