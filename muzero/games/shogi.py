"""Shogi: OpenSpiel's rules and the view of its board and hands; the numbers of its moves are in `shogi_moves.py`.

As everywhere: promotion is forced where a piece could never move again, such drops and a second unpromoted pawn on a file (nifu) are
not legal, nor is mate by dropping a pawn; who has no legal move has lost. Different from common rules:

- The fourth occurrence of a position ends the game: as a draw (there is no replay), or lost for a player whose last six moves
  or more all gave check.
- A player wins as soon as a move leaves the own king in the last three ranks and 28 points or more among the own pieces there and in hand
  (rook and bishop 5, others 1, king 0). Nothing is declared, ten pieces are not asked for, and both players need 28.
- If both kings have entered the last three ranks, the game is a draw, whatever the points.

A game not over after max_moves plies is a draw.
"""

import re
from functools import cache

import numpy as np

from muzero.config import require
from muzero.errors import UserError
from muzero.games.openspiel_game import OpenSpielGame, View, load_rules
from muzero.games.position_text import has_both_kings, read_board, require_running
from muzero.games.shogi_moves import NUM_HAND_PIECES, NUM_MOVE_TYPES, NUM_SQUARES, SIZE, action_planes, rules_actions, target_squares
from muzero.types import Float32Array, FrameArray

BOARD = slice(0, NUM_SQUARES)
"""Pieces, square by square from 9i: 0 none, 1 to 14 Black's pawn, lance, knight, silver, gold, bishop, rook, king, promoted pawn,
lance, knight, silver, bishop, rook, 15 to 28 White's."""
HANDS = slice(81, 95)
"""Black's pawns, lances, knights, silvers, golds, bishops, rooks in hand, then White's; OpenSpiel shows 16 for more than 16."""
REPETITIONS = 95
"""How often the position occurred before, 0 to 3."""
NUM_MOVES = slice(96, 98)
"""Plies played, as NUM_MOVES_BASE * first + second."""
NUM_MOVES_BASE = 128
SHOGI_FRAME_SIZE = 98
NUM_PIECES = 14
"""Kinds of pieces of one player on the board."""

_PIECE_CODES = np.array([c + s for c in (8, 2, 3, 4, 5, 1, 6, 7, 10, 11, 12, 9, 13, 14) for s in (NUM_PIECES, 0)], np.float32)
"""Our codes of OpenSpiel's first planes: king, lance, knight, silver, gold, pawn, bishop, rook, then promoted lance, knight, silver,
pawn, bishop, rook, each White's and Black's."""
_COUNTER_PLANES = np.array([*range(38, 45), *range(31, 38), 29])
"""OpenSpiel's constant planes of what stands from HANDS to REPETITIONS."""
_COUNTER_SCALES = np.array([16] * 2 * NUM_HAND_PIECES + [2], np.float32)
"""What OpenSpiel divided them by."""

LONGEST_GAME = NUM_MOVES_BASE**2 - 1
SFEN = re.compile(r"(?P<board>\S+) (?P<side>[bw]) (?P<hands>-|([1-9]?\d?[PLNSGBRplnsgbr])+) \d{1,4}")
OTHER_SIDE = {"b": "w", "w": "b"}


def shogi(name: str, *, history: int = 8, max_moves: int = 512, sfen: str | None = None) -> OpenSpielGame:
    """Returns shogi; player 0 is Black (sente), row 0 of all planes is rank i, column 0 file 9.

    Args:
        name: the name it is made by.
        history: positions in an observation.
        max_moves: plies after which a game is a draw.
        sfen: first position; None for the usual one.

    Raises:
        UserError: an argument makes no sense.
    """
    require(isinstance(history, int) and 1 <= history <= 128, f"env.kwargs history is {history!r}: set 1 to 128.")
    require(
        isinstance(max_moves, int) and 1 <= max_moves <= LONGEST_GAME, f"env.kwargs max_moves is {max_moves!r}: set 1 to {LONGEST_GAME}."
    )
    rules = load_rules("shogi")
    if sfen is not None:
        waiting = _other_side_to_move(sfen)
        require_running(rules, "sfen", sfen)
        is_check = rules.new_initial_state(waiting).in_check()
        require(not is_check, f"env.kwargs sfen is '{sfen}', where the king can be captured: let the other side move.")
    return OpenSpielGame(name, rules, _view(history), max_moves=max_moves, position=sfen)


@cache
def _view(history: int) -> View:
    """Returns how shogi is shown, once in a process: its action planes are 11 MB."""
    targets = target_squares()
    return View(
        frame_shape=(SHOGI_FRAME_SIZE,),
        frame_dtype="int8",
        encoding="shogi",
        board_shape=(SIZE, SIZE),
        decode=_decode,
        num_frames=history,
        action_planes=action_planes(targets),
        moves_per_point=NUM_MOVE_TYPES,
        rules_action=rules_actions(targets),
        counters=slice(REPETITIONS, NUM_MOVES.stop),
    )


def _decode(observation: Float32Array, num_moves: int, out: FrameArray) -> None:
    """Writes the frame, int8 [98], from OpenSpiel's observation, float32 [45, 9, 9]."""
    planes = observation.reshape(len(observation), NUM_SQUARES)
    out[BOARD] = _PIECE_CODES @ planes[: 2 * NUM_PIECES]
    out[HANDS.start : NUM_MOVES.start] = np.rint(planes[_COUNTER_PLANES, 0] * _COUNTER_SCALES)
    out[NUM_MOVES] = divmod(num_moves, NUM_MOVES_BASE)


def _other_side_to_move(sfen: object) -> str:
    """Returns the same position with the other side to move.

    Raises:
        UserError: the text is not an SFEN with two kings.
    """
    match = SFEN.fullmatch(sfen) if isinstance(sfen, str) else None
    rows = read_board(match["board"], SIZE, r"\+?[PLNSBRplnsbr]|[GKgk]") if match else None
    if match is None or rows is None:
        raise UserError(f"env.kwargs sfen is {sfen!r}: give a position in Shogi Forsyth-Edwards notation.")
    require(has_both_kings(rows), f"env.kwargs sfen is '{sfen}': give each player one king.")
    return f"{match['board']} {OTHER_SIDE[match['side']]} {match['hands']} 1"
