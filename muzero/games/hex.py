"""Hex: OpenSpiel's rules, without the swap of sides, and the view of its board."""

from muzero.config import require
from muzero.games.board_view import cell_planes, stone_view
from muzero.games.openspiel_game import OpenSpielGame, load_rules
from muzero.symmetries import half_turn_symmetries


def hex_game(name: str, *, board_size: int) -> OpenSpielGame:
    """Returns Hex: action = board_size row + column; the first player joins top and bottom, the second left and right.

    Each row is drawn half a cell further right than the one above, so a cell touches its row's two neighbours, (row - 1, column),
    (row - 1, column + 1), (row + 1, column - 1) and (row + 1, column).

    Args:
        name: the name it is made by.
        board_size: rows and columns, 2 to 19.

    Raises:
        UserError: no such board.
    """
    require(isinstance(board_size, int) and 2 <= board_size <= 19, f"env.kwargs board_size is {board_size!r}: set 2 to 19.")
    rules = load_rules("hex", {"board_size": board_size, "plain_obs_tensor": True})
    planes, symmetries = cell_planes(board_size, board_size), half_turn_symmetries(board_size, board_size)
    return OpenSpielGame(
        name, rules, stone_view((board_size, board_size), planes, symmetries, first_plane=0, second_plane=1, moves_per_point=1)
    )
