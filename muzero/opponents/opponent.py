"""What an opponent is and what it is told of a table where it is its turn; each opponent is in a file of its own."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from muzero.games import Game
from muzero.types import BoolArray, FrameArray

RESIGNATION = -1
"""What `Opponent.choose` returns instead of a move where it gives the game up."""


@dataclass(frozen=True)
class Turn:
    """A game in which the opponent is to move.

    Attributes:
        table: where it is played, from 0; one game after another is played at a table.
        game: in a position that is not over; to be left unchanged.
        frames: spec.frame_dtype [num_frames, *frame_shape], the latest frames, oldest first; to be left unchanged.
        legal_actions: bool [A], what `game.legal_actions` wrote.
        moves: all actions of this game so far, both players', in order.
        rng: source of all randomness in this game.
    """

    table: int
    game: Game
    frames: FrameArray
    legal_actions: BoolArray
    moves: Sequence[int]
    rng: np.random.Generator


class Opponent(Protocol):
    """Someone who chooses moves, at several tables at a time.

    Attributes:
        name: its name in full, with the defaults that the user left out.
    """

    name: str

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns the move to play now at each of these tables, or RESIGNATION.

        Args:
            turns: at least one, each of another table.

        Raises:
            OpponentFailed: it cannot go on.
        """

    def close(self) -> None:
        """Gives back what it holds, such as other processes; it cannot play afterwards."""
