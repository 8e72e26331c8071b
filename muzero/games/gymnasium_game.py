"""Plays a gymnasium environment with discrete actions; how its observations become frames is in `gymnasium_view.py`."""

from math import ceil
from typing import Any

import gymnasium
import numpy as np

from muzero.config import require
from muzero.errors import UnknownName, UnsupportedGame, UserError
from muzero.games.catalogue import atari_name
from muzero.games.game import Step
from muzero.games.gymnasium_view import require_discrete, view_of
from muzero.symmetries import Symmetries, no_symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec


class GymnasiumGame:
    """One episode of a single-player environment; see `Game` for its methods."""

    def __init__(self, name: str, environment_id: str, *, history: int | None = None, frame_skip: int = 1, **kwargs: Any) -> None:
        """Makes the environment.

        Args:
            name: the name it is made by.
            environment_id: its name in gymnasium.
            history: frames in an observation; None for 4 where it shows images, else 1.
            frame_skip: steps of the environment in one move, all with its action; their rewards are added up.
            kwargs: passed to gymnasium.make.

        Raises:
            UnknownName: gymnasium has no such environment.
            UnsupportedGame: actions or observations are of an unknown kind, or episodes have no limit.
            UserError: gymnasium cannot make it.
        """
        environment = _make(environment_id, kwargs)
        limit = environment.spec.max_episode_steps if environment.spec else None
        actions, view = require_discrete(environment_id, environment.action_space), view_of(environment_id, environment.observation_space)
        require(history is None or history >= 1, f"env.kwargs.history is {history}: set at least 1.")
        is_number = isinstance(frame_skip, int) and not isinstance(frame_skip, bool)
        require(is_number and frame_skip >= 1, f"env.kwargs.frame_skip is {frame_skip!r}: set a whole number of at least 1.")
        if limit is None:
            instead = f", or play {meant}" if (meant := atari_name(environment_id)) else ""
            raise UnsupportedGame(f"environment '{environment_id}' has no limit of moves: set max_episode_steps in env.kwargs{instead}.")
        self.spec = GameSpec(
            name=name,
            num_players=1,
            num_actions=int(actions.n),
            frame_shape=view.frame_shape,
            frame_dtype=view.frame_dtype,
            num_frames=history or view.num_frames,
            encoding=view.encoding,
            board_shape=view.board_shape,
            max_moves=ceil(limit / frame_skip),
        )
        self._environment, self._first_action, self._write = environment, int(actions.start), view.write
        self._frame_skip, self._is_over = frame_skip, False

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
        """Writes the latest observation into float32 [D] or uint8 [C, H, W]."""
        self._write(self._observation, out)

    def step(self, action: int) -> Step:
        """Plays an action `frame_skip` times or to the end; an episode that ends by its rules on its last allowed move was not cut."""
        rewards, is_terminal, is_truncated = 0.0, False, False
        for _ in range(self._frame_skip):
            self._observation, reward, is_terminal, is_truncated, _ = self._environment.step(action + self._first_action)
            rewards += float(reward)
            if is_terminal or is_truncated:
                break
        self._is_over = bool(is_terminal or is_truncated)
        return Step(rewards, bool(is_terminal), bool(is_truncated and not is_terminal))

    def action_planes(self) -> Float32Array:
        """Returns the unit matrix, float32 [A, A]."""
        return np.eye(self.spec.num_actions, dtype=np.float32)

    def symmetries(self) -> Symmetries:
        """Returns the identity alone."""
        return no_symmetries(int(np.prod(self.spec.frame_shape)), self.spec.num_actions)


def _make(environment_id: str, kwargs: dict[str, Any]) -> gymnasium.Env[Any, Any]:
    """Returns gymnasium's environment; whatever goes wrong in its making is said in one sentence."""
    try:
        # The environment checker of gymnasium doubles the time of a step and looks only at the first one.
        return gymnasium.make(environment_id, **{"disable_env_checker": True, **kwargs})
    except gymnasium.error.UnregisteredEnv as error:
        raise UnknownName("gymnasium environment", environment_id, gymnasium.registry, meant=atari_name(environment_id)) from error
    except Exception as error:
        reason = f"{type(error).__name__}: {' '.join(str(error).split())}"
        raise UserError(f"gymnasium cannot make '{environment_id}' with env.kwargs {kwargs} ({reason}): correct it.") from error


def classic(name: str, *, environment_id: str, **kwargs: Any) -> GymnasiumGame:
    """Returns an environment of gymnasium that has a name of its own here, for example "cartpole".

    Args:
        name: its name here.
        environment_id: its name in gymnasium.
        kwargs: `history`, `frame_skip`, and what is passed to gymnasium.make.
    """
    return GymnasiumGame(name, environment_id, **kwargs)


def gym(name: str, **kwargs: Any) -> GymnasiumGame:
    """Returns the environment "gym:<its name in gymnasium>".

    Args:
        name: as the user wrote it; gymnasium imports the module of a name like "gym:my_package:MyWorld-v0".
        kwargs: `history`, `frame_skip`, and what is passed to gymnasium.make.
    """
    return GymnasiumGame(name, name.partition(":")[2], **kwargs)
