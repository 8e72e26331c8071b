"""Connect four: OpenSpiel's rules and the view of its board."""

import numpy as np

from muzero.config import require
from muzero.games.board_view import stone_view
from muzero.games.openspiel_game import OpenSpielGame, load_rules
from muzero.symmetries import mirror_symmetries


def connect4(name: str, *, rows: int = 6, columns: int = 7, x_in_row: int = 4) -> OpenSpielGame:
    """Returns connect four: an action is a column, whose plane is filled with ones.

    Row 0 of the board is the top, as it hangs on the wall: stones fall towards higher rows.

    Args:
        name: the name it is made by.
        rows: H.
        columns: W, also A.
        x_in_row: stones in a line that win.
    """
    parameters = {"rows": rows, "columns": columns, "x_in_row": x_in_row}
    for key, value in parameters.items():
        require(isinstance(value, int) and 2 <= value <= 64, f"env.kwargs {key} is {value!r}: set a whole number from 2 to 64.")
    planes = np.zeros((columns, 1, rows, columns), np.float32)
    planes[np.arange(columns), 0, :, np.arange(columns)] = 1.0
    view = stone_view(
        (rows, columns), planes, mirror_symmetries(rows, columns), first_plane=0, second_plane=1, moves_per_point=0, flip_rows=True
    )
    return OpenSpielGame(name, load_rules("connect_four", parameters), view)
