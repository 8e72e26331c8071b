"""A game for tests whose steps take time but no processor, as an emulator behind a socket would. Loaded by its name."""

import time

from muzero.games.game import Step
from tests.muzero.counting_game import CountingGame


class SlowGame(CountingGame):
    """Sleeps at every step."""

    def __init__(self, step_seconds: float) -> None:
        super().__init__(num_moves=8)
        self._step_seconds = step_seconds

    def step(self, action: int) -> Step:
        time.sleep(self._step_seconds)
        return super().step(action)
