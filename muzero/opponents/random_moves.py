"""The opponent that plays any legal move. It knows no game."""

from collections.abc import Sequence

import numpy as np

from muzero.opponents.opponent import Turn


class RandomOpponent:
    """Plays every legal move with the same probability; see `Opponent` for its methods."""

    name = "random"

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns a legal move for each turn."""
        return [int(turn.rng.choice(np.flatnonzero(turn.legal_actions))) for turn in turns]

    def close(self) -> None:
        """Holds nothing."""
