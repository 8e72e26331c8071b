"""Chess: OpenSpiel's rules and the view of its board; the numbers of its moves are in `chess_moves.py`.

The game ends as the rules of FIDE have it, with every draw that could be claimed taken at once: the third occurrence of a position
(same pieces, player to move, castling rights; en passant counts where a pawn stands ready to capture, even if pinned), 100 plies without
capture or pawn move (checkmate on the last of them wins), stalemate, and too little material: king against king, with one bishop or knight,
or with bishops that all stand on one colour. Other dead positions are played on. Nobody resigns or agrees on a draw. A game
not over after max_moves plies is a draw.
"""

import re
from functools import cache

import numpy as np

from muzero.config import require
from muzero.errors import UserError
from muzero.games.chess_moves import NUM_MOVE_TYPES, NUM_SQUARES, SIZE, action_planes, rules_actions, target_squares
from muzero.games.openspiel_game import OpenSpielGame, View, load_rules
from muzero.games.position_text import has_both_kings, read_board, require_running
from muzero.types import Float32Array, FrameArray

BOARD = slice(0, NUM_SQUARES)
"""Pieces, square by square from a1: 0 none, 1 to 6 White's pawn, knight, bishop, rook, queen, king, 7 to 12 Black's."""
CASTLING = slice(64, 68)
"""Rights, 0 or 1: White's king side, White's queen side, Black's king side, Black's queen side."""
REPETITIONS = 68
"""How often the position occurred before, 0 to 2."""
NO_PROGRESS = 69
"""Plies since the last capture or pawn move, 0 to 100."""
NUM_MOVES = slice(70, 72)
"""Plies played, as NUM_MOVES_BASE * first + second."""
NUM_MOVES_BASE = 128
CHESS_FRAME_SIZE = 72

NUM_PIECE_PLANES = 12
_PIECE_CODES = np.array([6, 12, 5, 11, 4, 10, 3, 9, 2, 8, 1, 7], np.float32)
"""Our codes of OpenSpiel's first planes: king, queen, rook, bishop, knight, pawn, each White's and Black's."""
_COUNTER_PLANES = np.array([17, 16, 19, 18, 13, 15])
"""OpenSpiel's constant planes of what stands from CASTLING to NO_PROGRESS."""
_COUNTER_SCALES = np.array([1, 1, 1, 1, 2, 101], np.float32)
"""What OpenSpiel divided them by."""

LONGEST_GAME = NUM_MOVES_BASE**2 - 1
FEN = re.compile(r"(?P<board>\S+) [wb] (-|(?P<castling>[KQkq]{1,4})) (-|[a-h][36])( \d{1,4} \d{1,4})?")
CASTLING_PIECES = {"K": ("K", 7, "R", 7), "Q": ("K", 7, "R", 0), "k": ("k", 0, "r", 7), "q": ("k", 0, "r", 0)}
"""For each right the king on file e, its row from the top, the rook and its file."""


def chess(name: str, *, history: int = 8, max_moves: int = 512, fen: str | None = None) -> OpenSpielGame:
    """Returns chess; player 0 is White, row 0 of all planes is rank 1.

    Args:
        name: the name it is made by.
        history: positions in an observation; AlphaZero has 8, MuZero's chess 100.
        max_moves: plies after which a game is a draw.
        fen: first position; None for the usual one.

    Raises:
        UserError: an argument makes no sense.
    """
    require(isinstance(history, int) and 1 <= history <= 128, f"env.kwargs history is {history!r}: set 1 to 128.")
    require(
        isinstance(max_moves, int) and 1 <= max_moves <= LONGEST_GAME, f"env.kwargs max_moves is {max_moves!r}: set 1 to {LONGEST_GAME}."
    )
    rules = load_rules("chess")
    if fen is not None:
        _require_fen(fen)
        require_running(rules, "fen", fen)
    game = OpenSpielGame(name, rules, _view(history), max_moves=max_moves, position=fen)
    require(
        fen is None or not _can_capture_king(game), f"env.kwargs fen is '{fen}', where the king can be captured: let the other side move."
    )
    return game


@cache
def _view(history: int) -> View:
    """Returns how chess is shown, once in a process: its action planes are 4 MB."""
    targets = target_squares()
    return View(
        frame_shape=(CHESS_FRAME_SIZE,),
        frame_dtype="int8",
        encoding="chess",
        board_shape=(SIZE, SIZE),
        decode=_decode,
        num_frames=history,
        action_planes=action_planes(targets),
        moves_per_point=NUM_MOVE_TYPES,
        rules_action=rules_actions(targets),
        counters=slice(REPETITIONS, NUM_MOVES.stop),
    )


def _decode(observation: Float32Array, num_moves: int, out: FrameArray) -> None:
    """Writes the frame, int8 [72], from OpenSpiel's observation, float32 [20, 8, 8]."""
    planes = observation.reshape(len(observation), NUM_SQUARES)
    out[BOARD] = _PIECE_CODES @ planes[:NUM_PIECE_PLANES]
    out[CASTLING.start : NUM_MOVES.start] = np.rint(planes[_COUNTER_PLANES, 0] * _COUNTER_SCALES)
    out[NUM_MOVES] = divmod(num_moves, NUM_MOVES_BASE)


def _require_fen(fen: object) -> None:
    """Raises UserError unless the text is a FEN with two kings, and king and rook at home for each right to castle."""
    match = FEN.fullmatch(fen) if isinstance(fen, str) else None
    rows = read_board(match["board"], SIZE, "[PNBRQKpnbrqk]") if match else None
    if match is None or rows is None:
        raise UserError(f"env.kwargs fen is {fen!r}: give a position in Forsyth-Edwards notation.")
    edge_rows = "".join(rows[0] + rows[-1]).lower()
    require("p" not in edge_rows, f"env.kwargs fen is '{fen}', with a pawn on the first or last rank: give a position that can occur.")
    require(has_both_kings(rows), f"env.kwargs fen is '{fen}': give each player one king.")
    for right in match["castling"] or "":
        king, row, rook, file = CASTLING_PIECES[right]
        is_home = rows[row][4] == king and rows[row][file] == rook
        require(is_home, f"env.kwargs fen is '{fen}', with a right to castle '{right}' but not king and rook at home: remove the right.")


def _can_capture_king(game: OpenSpielGame) -> bool:
    """Returns whether a legal move of the first position ends on the opponent's king."""
    frame, legal = np.zeros(CHESS_FRAME_SIZE, np.int8), np.zeros(game.spec.num_actions, np.bool_)
    game.frame(frame)
    game.legal_actions(legal)
    king = np.flatnonzero(frame[BOARD] == (12 if game.to_play() == 0 else 6))
    return bool(np.isin(target_squares()[legal], king).any())
