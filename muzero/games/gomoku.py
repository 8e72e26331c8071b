"""Gomoku, five in a row without further rules: OpenSpiel's rules and the view of its board."""

from muzero.config import require
from muzero.games.board_view import cell_planes, stone_view
from muzero.games.openspiel_game import OpenSpielGame, load_rules
from muzero.symmetries import square_symmetries


def gomoku(name: str, *, board_size: int = 15) -> OpenSpielGame:
    """Returns gomoku: action = board_size row + column, row 0 on top; five or more in a row win, a full board is a draw.

    Args:
        name: the name it is made by.
        board_size: rows and columns, 5 to 19.

    Raises:
        UserError: no such board.
    """
    require(isinstance(board_size, int) and 5 <= board_size <= 19, f"env.kwargs board_size is {board_size!r}: set 5 to 19.")
    planes, symmetries = cell_planes(board_size, board_size), square_symmetries(board_size)
    view = stone_view((board_size, board_size), planes, symmetries, first_plane=0, second_plane=1, moves_per_point=1)
    return OpenSpielGame(name, load_rules("gomoku", {"size": board_size}), view)
