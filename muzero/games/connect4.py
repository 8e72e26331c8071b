"""Connect four: OpenSpiel's rules and the view of its board."""

import numpy as np

from muzero.config import require
from muzero.games.openspiel_game import BoardView, OpenSpielGame, load_rules
from muzero.symmetries import mirror_symmetries
from muzero.types import Int8Array


def connect4(*, rows: int = 6, columns: int = 7, x_in_row: int = 4) -> OpenSpielGame:
    """Returns connect four: an action is a column, whose plane is filled with ones.

    Row 0 of the board is the top, as it hangs on the wall: stones fall towards higher rows.

    Args:
        rows: H.
        columns: W, also A.
        x_in_row: stones in a line that win.
    """
    parameters = {"rows": rows, "columns": columns, "x_in_row": x_in_row}
    for name, value in parameters.items():
        require(isinstance(value, int) and 2 <= value <= 64, f"game.kwargs {name} is {value!r}: set a whole number from 2 to 64.")
    planes = np.zeros((columns, 1, rows, columns), np.float32)
    planes[np.arange(columns), 0, :, np.arange(columns)] = 1.0
    view = BoardView((rows, columns), drop_stone, planes, mirror_symmetries(rows, columns))
    return OpenSpielGame("connect4", load_rules("connect_four", parameters), view)


def drop_stone(board: Int8Array, action: int, player: int) -> None:
    """Writes the stone of `player` into the lowest empty cell of column `action` of board int8 [H, W]."""
    board[np.count_nonzero(board[:, action] == 0) - 1, action] = player + 1
