"""Tic-tac-toe: OpenSpiel's rules and the view of its board."""

from muzero.games.board_view import cell_planes, stone_view
from muzero.games.openspiel_game import OpenSpielGame, load_rules
from muzero.symmetries import square_symmetries


def tictactoe(name: str) -> OpenSpielGame:
    """Returns tic-tac-toe: action = 3 row + column, row 0 on top; an action's plane has a one at its cell."""
    view = stone_view((3, 3), cell_planes(3, 3), square_symmetries(3), first_plane=2, second_plane=1, moves_per_point=1)
    return OpenSpielGame(name, load_rules("tic_tac_toe"), view)
