"""Chomp, a whole game of one's own. Run from the project's folder: muzero-launch --env examples.custom_game:Chomp --preset small

Whoever is to move bites a square off a bar of chocolate, with all that is below it and to its right; who has to take the poisoned
square in the upper left corner loses. The first player can always win. docs/adding_a_game.md explains each method.
"""

from copy import copy

import numpy as np

from muzero.games.game import Step
from muzero.types import GameSpec


class Chomp:
    def __init__(self, rows: int = 4, columns: int = 5) -> None:
        size = rows * columns
        self.spec = GameSpec(
            name="chomp",
            num_players=2,
            num_actions=size,
            frame_shape=(1, rows, columns),
            encoding="planes",
            board_shape=(rows, columns),
            action_shape=(1, rows, columns),
            moves_per_point=1,
            value_bounds=(-1.0, 1.0),
            max_moves=size,
        )
        self.reset(seed=0)

    def reset(self, seed: int) -> None:
        self.bar, self.num_moves = np.ones(self.spec.board_shape, np.float32), 0

    def to_play(self) -> int:
        return self.num_moves % 2

    def legal_actions(self, out: np.ndarray) -> None:
        out[:] = self.bar.reshape(-1) == 1

    def frame(self, out: np.ndarray) -> None:
        out[0] = self.bar

    def step(self, action: int) -> Step:
        row, column = divmod(action, self.spec.board_shape[1])
        self.bar[row:, column:] = 0
        self.num_moves += 1
        return Step(reward=-1.0 if action == 0 else 0.0, is_terminal=action == 0, is_truncated=False)

    def action_planes(self) -> np.ndarray:
        return np.eye(self.spec.num_actions, dtype=np.float32).reshape(-1, *self.spec.action_shape)

    def key(self) -> str:
        return f"{self.to_play()} {self.bar.tolist()}"

    def clone(self) -> "Chomp":
        twin = copy(self)
        twin.bar = self.bar.copy()
        return twin
