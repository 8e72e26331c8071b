"""A game for tests: it counts its moves, shows the last four counts, and may raise at a certain move. Loaded by its name."""

import atexit
import os
from typing import Any

import numpy as np

from muzero.games.game import Step
from muzero.symmetries import Symmetries, no_symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec

NUM_FRAMES = 4


class CountingGame:
    """Frame t of episode s shows (s, t + 1)."""

    def __init__(self, num_moves: int = 40, failing_move: int = -1, healthy_games: int = 0, fails_once: bool = False) -> None:
        """Raises at `failing_move` of every game, or of one game, after the first `healthy_games` ones."""
        self.spec = GameSpec(name="counting", num_players=1, num_actions=2, frame_shape=(2,), num_frames=NUM_FRAMES, max_moves=num_moves)
        self._failing_move, self._healthy_games, self._fails_once = failing_move, healthy_games, fails_once
        self._count = self._seed = 0

    def reset(self, seed: int) -> None:
        self._count, self._seed = 0, seed % 1000
        self._healthy_games -= 1

    def to_play(self) -> int:
        return 0

    def legal_actions(self, out: BoolArray) -> None:
        out[:] = self._count < self.spec.max_moves

    def frame(self, out: FrameArray) -> None:
        out[:] = self._seed, self._count + 1

    def step(self, action: int) -> Step:
        is_sick = self._healthy_games == -1 if self._fails_once else self._healthy_games < 0
        if is_sick and self._count == self._failing_move:
            raise ValueError(f"move {self._count} is broken")
        self._count += 1
        return Step(1.0, self._count == self.spec.max_moves, False)

    def action_planes(self) -> Float32Array:
        return np.eye(2, dtype=np.float32)

    def symmetries(self) -> Symmetries:
        return no_symmetries(2, 2)


class ChattingGame(CountingGame):
    """Prints in every way there is: by Python and past it, without a new line, at the very end."""

    def __init__(self) -> None:
        super().__init__()
        print("made", end="")
        os.write(1, b"a library speaks")
        atexit.register(lambda: print("good bye"))


def counting_config(**kwargs: Any) -> dict[str, Any]:
    """Returns the fields of an EnvConfig that makes the game."""
    return {"name": f"{__name__}:CountingGame", "kwargs": kwargs}
