"""A console that shows the number of its frame and loses its lives on time, in place of ale-py's; it holds no tests."""

from typing import Any

import numpy as np
from ale_py import Action

HEIGHT, WIDTH = 210, 160


class CountingConsole:
    """Its whole screen has the colour number of the frame; a point for each frame; lives are lost on time.

    Attributes:
        deaths: the frames in which a life is lost; the last one ends the game.
        pressed: what was pressed in each frame since the latest start.
    """

    def __init__(self, deaths: tuple[int, ...] = (10, 23, 30)) -> None:
        self.deaths, self._frame, self.pressed = deaths, 0, []

    def getScreenDims(self) -> tuple[int, int]:  # noqa: N802 - ale-py's names
        return HEIGHT, WIDTH

    def getLegalActionSet(self) -> list[Action]:  # noqa: N802
        return list(Action.__members__.values())

    def getScreen(self, out: np.ndarray) -> None:  # noqa: N802
        out[:] = self._frame % 100

    def getScreenGrayscale(self) -> np.ndarray:  # noqa: N802
        """Even frames are brighter by 100 than their number, so that the maximum of two frames is not always the later one."""
        return np.full((HEIGHT, WIDTH), self._frame % 100 + 100 * (self._frame % 2 == 0), np.uint8)

    def cloneState(self, *, include_rng: bool) -> int:  # noqa: N802
        return self._frame

    def restoreState(self, state: int) -> None:  # noqa: N802
        self._frame, self.pressed = state, []

    def act(self, action: Any) -> int:
        if self.game_over():
            return 0
        self._frame += 1
        self.pressed.append(action)
        return 1

    def lives(self) -> int:
        return len([frame for frame in self.deaths if frame > self._frame])

    def game_over(self) -> bool:
        return self.lives() == 0
