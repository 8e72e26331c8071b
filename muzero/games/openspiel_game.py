"""Plays a game whose rules are OpenSpiel's; how its board is shown is a `BoardView`, kept in the file of that game."""

from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyspiel

from muzero.errors import UnsupportedGame
from muzero.games.game import Step
from muzero.symmetries import Symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec, Int8Array


@dataclass(frozen=True)
class BoardView:
    """How a board game is shown to the network.

    Attributes:
        board_shape: (H, W).
        place: writes a move into the board, given (board int8 [H, W], action, player who acted); empty cells are 0, stones of the
            first player 1, of the second 2. The view keeps the board itself because asking OpenSpiel for its observation costs more
            than playing the move (connect four: 1.2 us for the list of floats alone, against 0.5 us).
        action_planes: float32 [A, C, H, W], what each action looks like.
        symmetries: of the board and its moves.
    """

    board_shape: tuple[int, int]
    place: Callable[[Int8Array, int, int], None]
    action_planes: Float32Array
    symmetries: Symmetries


class OpenSpielGame:
    """One episode of a deterministic two-player board game; see `Game` and `BoardGame` for its methods."""

    def __init__(self, name: str, rules: Any, view: BoardView) -> None:
        """Prepares the game and starts its only possible first position.

        Args:
            name: the name it is made by.
            rules: a game from `load_rules`.
            view: its board and action planes.
        """
        self.spec = GameSpec(
            name=name,
            num_players=2,
            num_actions=rules.num_distinct_actions(),
            frame_shape=view.board_shape,
            frame_dtype="int8",
            num_frames=1,
            encoding="board",
            action_shape=view.action_planes.shape[1:],
            value_bounds=(rules.min_utility(), rules.max_utility()),
            max_moves=rules.max_game_length(),
        )
        self._rules, self._view = rules, view
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Starts an episode; the seed has no effect, because the rules have no chance."""
        self._state = self._rules.new_initial_state()
        self._board: Int8Array = np.zeros(self._view.board_shape, np.int8)
        self._player = 0

    def to_play(self) -> int:
        """Returns the player to move; after the end, the one whose turn it would be."""
        return self._player

    def legal_actions(self, out: BoolArray) -> None:
        """Writes the legal moves into bool [A]."""
        out[:] = self._state.legal_actions_mask()

    def frame(self, out: FrameArray) -> None:
        """Writes the board into int8 [H, W]: 0 empty, 1 first player, 2 second player, whoever is to move."""
        out[...] = self._board

    def step(self, action: int) -> Step:
        """Plays a move.

        Raises:
            UnsupportedGame: the same player is to move again, which the discount of -1 per move cannot express.
        """
        player, state = self._player, self._state
        state.apply_action(action)
        self._view.place(self._board, action, player)
        self._player = 1 - player
        is_terminal = state.is_terminal()
        if not is_terminal and state.current_player() != self._player:
            raise UnsupportedGame(f"game '{self.spec.name}' lets a player move twice in a row: choose a game whose players alternate.")
        return Step(state.rewards()[player], is_terminal, False)

    def action_planes(self) -> Float32Array:
        """Returns the view's planes, float32 [A, C, H, W]."""
        return self._view.action_planes

    def symmetries(self) -> Symmetries:
        """Returns the symmetries of the board and its moves."""
        return self._view.symmetries

    def key(self) -> str:
        """Returns OpenSpiel's text of the position, behind the player to move."""
        return f"{self._player} {self._state}"

    def clone(self) -> Self:
        """Returns an independent copy in the same position; rules and view are shared."""
        twin = copy(self)
        twin._state, twin._board = self._state.clone(), self._board.copy()
        return twin


def load_rules(open_spiel_name: str, parameters: Mapping[str, int]) -> Any:
    """Returns OpenSpiel's game, refusing what the engine cannot play.

    Args:
        open_spiel_name: its name in OpenSpiel, for example "tic_tac_toe".
        parameters: its OpenSpiel parameters.

    Raises:
        UnsupportedGame: the game has chance, hidden information, simultaneous moves, other than two players or a sum that is not zero.
    """
    rules = pyspiel.load_game(open_spiel_name, dict(parameters))
    kind = rules.get_type()
    needs = {
        "two players": rules.num_players() == 2,
        "players who move in turn": kind.dynamics == pyspiel.GameType.Dynamics.SEQUENTIAL,
        "no chance": kind.chance_mode == pyspiel.GameType.ChanceMode.DETERMINISTIC,
        "perfect information": kind.information == pyspiel.GameType.Information.PERFECT_INFORMATION,
        "a zero sum": kind.utility == pyspiel.GameType.Utility.ZERO_SUM,
    }
    missing = [need for need, is_met in needs.items() if not is_met]
    if missing:
        raise UnsupportedGame(f"game '{open_spiel_name}' cannot be played, it lacks {' and '.join(missing)}: choose another game.")
    return rules
