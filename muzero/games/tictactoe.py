"""Tic-tac-toe: OpenSpiel's rules and the view of its board."""

import numpy as np

from muzero.games.openspiel_game import BoardView, OpenSpielGame, load_rules
from muzero.symmetries import square_symmetries
from muzero.types import Int8Array


def tictactoe() -> OpenSpielGame:
    """Returns tic-tac-toe: action = 3 row + column, row 0 on top; an action's plane has a one at its cell."""
    planes = np.eye(9, dtype=np.float32).reshape(9, 1, 3, 3)
    return OpenSpielGame("tictactoe", load_rules("tic_tac_toe", {}), BoardView((3, 3), place_stone, planes, square_symmetries(3)))


def place_stone(board: Int8Array, action: int, player: int) -> None:
    """Writes the stone of `player` into cell `action` of board int8 [3, 3]."""
    board[action // 3, action % 3] = player + 1
