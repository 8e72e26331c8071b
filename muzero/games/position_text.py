"""Reads the board of a FEN or SFEN, which OpenSpiel takes without looking and may crash on; the rules stay OpenSpiel's."""

import re
from typing import Any

import pyspiel

from muzero.config import require
from muzero.errors import UserError
from muzero.games.silent_stderr import silent_stderr


def read_board(board: str, size: int, piece: str) -> list[list[str]] | None:
    """Returns the piece on each square, rows from the top, "" where there is none; None if the text is no board.

    Args:
        board: rows separated by "/"; a digit stands for so many empty squares.
        size: rows and columns.
        piece: regular expression of one piece.
    """
    rows = []
    for text in board.split("/"):
        if re.fullmatch(rf"({piece}|[1-9])+", text) is None:
            return None
        tokens = re.findall(rf"(?:{piece}|[1-9])", text)
        rows.append([square for token in tokens for square in ([""] * int(token) if token.isdigit() else [token])])
    return rows if len(rows) == size and all(len(row) == size for row in rows) else None


def has_both_kings(rows: list[list[str]]) -> bool:
    """Returns whether each player has exactly one king."""
    squares = [square for row in rows for square in row]
    return squares.count("K") == squares.count("k") == 1


def require_running(rules: Any, key: str, position: str) -> None:
    """Raises UserError unless the rules accept a position and its game is not over.

    Args:
        rules: OpenSpiel's game.
        key: the keyword argument that held the position, for example "fen".
        position: its text, checked as far as this file can.
    """
    try:
        with silent_stderr():
            is_over = rules.new_initial_state(position).is_terminal()
    except (pyspiel.SpielError, ValueError) as error:
        raise UserError(f"env.kwargs {key} is '{position}', which OpenSpiel refuses: give a position that can occur.") from error
    require(not is_over, f"env.kwargs {key} is '{position}', where the game is over: give a position with a move to play.")
