"""Go on boards of 5 to 19 lines: OpenSpiel's rules, scoring by area, positional superko, and the view of the board.

Players may not repeat an earlier position of the whole board, may not capture their own stones, and score their stones and the
points that only they surround. Two passes end the game; so does the limit of moves, and the board is scored as it lies: there is no
removal of dead stones, so play on until they are captured.

Komi is 7.5 where nothing else is known to be better. Perfect play on 5x5 wins the whole board for Black, 25 points (van der Werf,
van den Herik and Uiterwijk, "Solving Go on small boards", 2003); on 6x6 and 7x7 strong players believe in 4 and 9. A komi just
below would be fair, yet with 24.5 on 5x5 White wins every game of a beginner, from which nobody learns anything. So 5x5 has 0.5;
6x6 and 7x7 have 3.5 and 8.5.
"""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Self

import numpy as np

from muzero.config import require
from muzero.games.board_view import cell_planes, stone_view
from muzero.games.game import Step
from muzero.games.openspiel_game import OpenSpielGame, View, load_rules
from muzero.symmetries import square_symmetries
from muzero.types import BoolArray, Float32Array

if TYPE_CHECKING:
    from muzero.games.superko import Superko

SMALLEST_BOARD, LARGEST_BOARD = 5, 19
KOMI = {5: 0.5, 6: 3.5, 7: 8.5}
USUAL_KOMI = 7.5
NUM_FRAMES = 8
"""Positions in an observation. Source: arXiv:1911.08265, appendix E."""


class GoGame(OpenSpielGame):
    """One game of Go; see `Game` and `BoardGame` for its methods."""

    _superko: "Superko | None"

    def __init__(self, name: str, rules: Any, view: View, *, margin_share: float) -> None:
        """Prepares the game and starts it.

        Args:
            name, rules, view: as of OpenSpielGame.
            margin_share: see `go`.
        """
        super().__init__(name, rules, view)
        self._margin_share = margin_share

    def reset(self, seed: int) -> None:
        """Starts at the empty board; the seed has no effect."""
        super().reset(seed)
        self._superko = None

    def legal_actions(self, out: BoolArray) -> None:
        """Writes the legal moves into bool [A]; a pass is always one, until the end."""
        super().legal_actions(out)
        if self._superko is not None:
            self._superko.restrict(self._stones(), self._player, out)

    def step(self, action: int) -> Step:
        """Plays a move."""
        step = super().step(action)
        if self._superko is None:
            # Here and not above, because the supervisor asks games for their spec and must not import Numba.
            from muzero.games.superko import Superko

            self._superko = Superko(self.spec.board_shape[0], self.spec.max_moves)
        self._superko.after_move(self._stones())
        return replace(step, reward=self._reward(step.reward)) if self._margin_share and step.is_terminal else step

    @property
    def komi(self) -> float:
        """Points added to White's."""
        return float(self._rules.get_parameters()["komi"])

    def key(self) -> str:
        """Returns OpenSpiel's text of the position, and which positions must not be repeated."""
        return f"{super().key()} {'' if self._superko is None else self._superko.key()}"

    def clone(self) -> Self:
        """Returns an independent copy in the same position."""
        twin = super().clone()
        twin._superko = None if self._superko is None else self._superko.copy()
        return twin

    def _reward(self, result: float) -> float:
        """Returns the reward of the last move, whose player has this result, -1, 0 or 1."""
        black, white = self._stones()[:2]
        margin = abs(area((black - white).reshape(self.spec.board_shape)) - self.komi)
        share_of_most = margin / (int(black.size) + abs(self.komi))
        return result * (1.0 - self._margin_share + self._margin_share * share_of_most)

    def _stones(self) -> Float32Array:
        """Returns the stones of both players, float32 [4, P]: OpenSpiel's planes, of which the first two are used."""
        return self._observe().reshape(4, -1)


def area(stones: Float32Array) -> float:
    """Returns Black's stones and surrounded points less White's.

    Args:
        stones: float32 [size, size], 1 Black's, -1 White's, 0 empty.
    """
    total, unseen = float(stones.sum()), {(int(row), int(column)) for row, column in np.argwhere(stones == 0)}
    while unseen:
        region, owners = [unseen.pop()], set[float]()
        for row, column in region:
            for point in ((row - 1, column), (row + 1, column), (row, column - 1), (row, column + 1)):
                if point in unseen:
                    unseen.remove(point)
                    region.append(point)
                elif min(point) >= 0 and max(point) < len(stones) and stones[point]:
                    owners.add(float(stones[point]))
        total += sum(owners) * len(region) if len(owners) == 1 else 0.0
    return total


def go(name: str, *, board_size: int, komi: float | None = None, max_moves: int | None = None, margin_share: float = 0.0) -> GoGame:
    """Returns Go: action = board_size row + column, then the pass; row 0 is line 1, the lowest one in diagrams.

    Args:
        name: the name it is made by.
        board_size: lines of the board, 5 to 19.
        komi: points added to White's; None for the default of that size.
        max_moves: moves after which the board is scored as it lies; None for 2 board_size^2.
        margin_share: in [0, 1): the winner's reward is 1 less this share, plus this share of the points won by over the most that there
            are (those of the board and the komi); a beginner, who loses all games of one colour, then still learns to lose by less.

    Raises:
        UserError: one of these is not possible.
    """
    is_size = isinstance(board_size, int) and SMALLEST_BOARD <= board_size <= LARGEST_BOARD
    require(is_size, f"env.kwargs board_size is {board_size!r}: set {SMALLEST_BOARD} to {LARGEST_BOARD}.")
    points = board_size * board_size
    komi, max_moves = KOMI.get(board_size, USUAL_KOMI) if komi is None else komi, 2 * points if max_moves is None else max_moves
    require(
        isinstance(komi, int | float) and not isinstance(komi, bool) and abs(komi) <= points,
        f"env.kwargs komi is {komi!r}: set a number from {-points} to {points}.",
    )
    require(isinstance(max_moves, int) and 2 <= max_moves <= 10_000, f"env.kwargs max_moves is {max_moves!r}: set 2 to 10000.")
    is_share = isinstance(margin_share, int | float) and not isinstance(margin_share, bool) and 0.0 <= margin_share < 1.0
    require(is_share, f"env.kwargs margin_share is {margin_share!r}: set a value in [0, 1).")
    rules = load_rules("go", {"board_size": board_size, "komi": float(komi), "max_game_length": max_moves})
    return GoGame(name, rules, _view(board_size), margin_share=margin_share)


@cache
def _view(board_size: int) -> View:
    """Returns the view of a board; all games of a process share it, because 362 planes of 19x19 are half a megabyte."""
    planes = cell_planes(board_size, board_size, has_pass=True)
    symmetries = square_symmetries(board_size, has_pass=True)
    return stone_view((board_size, board_size), planes, symmetries, first_plane=0, second_plane=1, moves_per_point=1, num_frames=NUM_FRAMES)
