"""Othello: OpenSpiel's rules and the view of its board."""

from muzero.games.board_view import cell_planes, stone_view
from muzero.games.openspiel_game import OpenSpielGame, load_rules
from muzero.symmetries import square_symmetries


def othello(name: str) -> OpenSpielGame:
    """Returns Othello: action = 8 row + column, row 0 on top, then the pass, which is legal when nothing else is.

    All 8 symmetries keep the rules. Quarter turns and upright mirrors swap the colours of the first four discs, so they
    show positions that the usual start does not lead to; the moves that are good there are the same.

    Args:
        name: the name it is made by.
    """
    planes, symmetries = cell_planes(8, 8, has_pass=True), square_symmetries(8, has_pass=True)
    return OpenSpielGame(
        name, load_rules("othello"), stone_view((8, 8), planes, symmetries, first_plane=1, second_plane=2, moves_per_point=1)
    )
