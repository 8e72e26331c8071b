"""Raw ale-py as the yardstick of Atari in `bench games`: the emulator and its grey screen, nothing else."""

import time
from typing import Any

import ale_py
import numpy as np

from muzero.games.atari_emulator import playable_roms

FRAME_SKIP = 4
STICKY_ACTIONS = 0.25
NANOSECONDS = 1e9


class RawAtari:
    """An emulator that skips frames by itself and shows its grey screen of 210 x 160 after each action."""

    def __init__(self, rom: str) -> None:
        """Starts it.

        Args:
            rom: name of the game as behind "atari:".
        """
        ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)
        self._ale: Any = ale_py.ALEInterface()
        self._ale.setInt("frame_skip", FRAME_SKIP)
        self._ale.setFloat("repeat_action_probability", STICKY_ACTIONS)
        self._ale.loadROM(playable_roms()[rom])
        self._actions = self._ale.getLegalActionSet()
        self._screen = np.empty(self._ale.getScreenDims(), np.uint8)

    def steps_per_second(self, episodes: list[tuple[int, list[int]]]) -> float:
        """Returns its speed in steps per second of processor time when it plays these actions; a game that ends starts again."""
        ale, screen, moves = self._ale, self._screen, self._actions
        start, steps = time.process_time_ns(), 0
        for _, actions in episodes:
            ale.reset_game()
            for action in actions:
                ale.act(moves[action])
                ale.getScreenGrayscale(screen)
                if ale.game_over():
                    ale.reset_game()
            steps += len(actions)
        return steps * NANOSECONDS / (time.process_time_ns() - start)
