"""What the engine asks of a game; the games themselves are in the other files of this folder."""

from dataclasses import dataclass
from typing import Protocol, Self, runtime_checkable

from muzero.symmetries import Symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec


@dataclass(frozen=True, slots=True)
class Step:
    """What one action led to.

    Attributes:
        reward: in game points, seen by the player who acted.
        is_terminal: the episode ended by its rules; its value is known.
        is_truncated: the episode was cut, by a limit of moves; it could have gone on.
    """

    reward: float
    is_terminal: bool
    is_truncated: bool


class Game(Protocol):
    """One running episode of a game.

    Attributes:
        spec: what is known of the game before it starts.
    """

    spec: GameSpec

    def reset(self, seed: int) -> None:
        """Starts an episode; the same seed (0 to 2**31 - 1) and the same actions give the same episode."""

    def to_play(self) -> int:
        """Returns the player to move, 0 or 1; always 0 where one plays alone."""

    def legal_actions(self, out: BoolArray) -> None:
        """Writes which actions may be played now, nothing but False after the end.

        Args:
            out: bool [A], overwritten.
        """

    def frame(self, out: FrameArray) -> None:
        """Writes the compact frame of the present position.

        Args:
            out: spec.frame_dtype [*frame_shape], overwritten.
        """

    def step(self, action: int) -> Step:
        """Plays an action.

        Args:
            action: a legal one, in [0, A).
        """

    def action_planes(self) -> Float32Array:
        """Returns how each action is shown to the dynamics: float32 [A, *action_shape], or the unit matrix [A, A] for action_shape ()."""

    def symmetries(self) -> Symmetries:
        """Returns the symmetries of frames and actions; the identity alone where there are none."""


@runtime_checkable
class BoardGame(Game, Protocol):
    """A game whose positions can be compared and branched, as exhaustive walks and perfect play need."""

    def key(self) -> str:
        """Returns a text that two positions share exactly if they are equal, player to move included."""

    def clone(self) -> Self:
        """Returns an independent copy in the same position."""
