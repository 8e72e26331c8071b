"""How an observation of gymnasium becomes a frame: vectors, numbers of a state and images; nothing is played in here."""

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from gymnasium.spaces import Box, Discrete, Space

from muzero.errors import UnsupportedGame
from muzero.types import FrameArray

"""Lengths of a last axis that make it the channels: grey and colour."""
IMAGE_HISTORY = 4


@dataclass(frozen=True)
class SpaceView:
    """How the observations of a space are shown.

    Attributes:
        frame_shape, frame_dtype, encoding, board_shape: as in GameSpec.
        num_frames: frames in an observation unless the user says otherwise.
        write: writes the frame, given (the environment's observation, out frame).
    """

    frame_shape: tuple[int, ...]
    frame_dtype: str
    encoding: str
    board_shape: tuple[int, ...]
    num_frames: int
    write: Callable[[Any, FrameArray], None]


def view_of(environment_id: str, space: Space[Any]) -> SpaceView:
    """Returns how a space is shown: a Discrete one one-hot, a Box of uint8 with 2 or 3 axes as an image, any other Box as a vector.

    Args:
        environment_id: whose space it is.
        space: its observation_space.

    Raises:
        UnsupportedGame: it is neither Box nor Discrete.
    """
    if isinstance(space, Discrete):
        return _vector_view(int(space.n), _one_hot(int(space.start)))
    if not isinstance(space, Box):
        raise UnsupportedGame(
            f"environment '{environment_id}' shows {_one_line(space)}: choose one that shows a Box or Discrete, "
            "or flatten it with a wrapper."
        )
    if space.dtype == np.uint8 and len(space.shape) in (2, 3):
        return _image_view(space.shape)
    return _vector_view(prod(space.shape), _write_flat)


def require_discrete(environment_id: str, space: Space[Any]) -> Discrete:
    """Returns a space of actions, refusing all but Discrete ones.

    Args:
        environment_id: whose space it is.
        space: its action_space.

    Raises:
        UnsupportedGame: its actions are continuous, several at once or named.
    """
    if not isinstance(space, Discrete):
        raise UnsupportedGame(
            f"environment '{environment_id}' takes {_one_line(space)} as its actions: choose one whose actions are Discrete, "
            "or number them with a wrapper."
        )
    return space


def _one_line(space: Space[Any]) -> str:
    return " ".join(str(space).split())


def _vector_view(size: int, write: Callable[[Any, FrameArray], None]) -> SpaceView:
    return SpaceView((size,), "float32", "vector", (), 1, write)


def _one_hot(start: int) -> Callable[[Any, FrameArray], None]:
    def write(observation: Any, out: FrameArray) -> None:
        out[:] = 0.0
        out[observation - start] = 1.0

    return write


def _write_flat(observation: Any, out: FrameArray) -> None:
    out[:] = np.reshape(observation, -1)


def _image_view(shape: tuple[int, ...]) -> SpaceView:
    """Returns the view of an image [H, W], [H, W, C] or [C, H, W]; the channels are the shortest axis, the last one in doubt."""
    if len(shape) == 2:
        return SpaceView((1, *shape), "uint8", "image", shape, IMAGE_HISTORY, _write_as_it_is)
    if shape[2] <= shape[0]:
        return SpaceView((shape[2], *shape[:2]), "uint8", "image", shape[:2], IMAGE_HISTORY, _write_channels_first)
    return SpaceView(shape, "uint8", "image", shape[1:], IMAGE_HISTORY, _write_as_it_is)


def _write_as_it_is(observation: Any, out: FrameArray) -> None:
    out[:] = observation


def _write_channels_first(observation: Any, out: FrameArray) -> None:
    out[:] = np.moveaxis(observation, -1, 0)
