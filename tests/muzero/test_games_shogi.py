"""Shogi: numbers and planes of its moves, frames, endings, perft, and positions a user may give."""

import re

import numpy as np
import pyspiel
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import BoardGame, make_game
from muzero.games.shogi import BOARD, HANDS, NUM_MOVES, REPETITIONS
from muzero.games.shogi_moves import rules_actions, target_squares
from tests.muzero.perft import perft
from tests.muzero.positions import frame_of, legal_of, play_actions

KINDS = ["P", "L", "N", "S", "G", "B", "R", "K", "+P", "+L", "+N", "+S", "+B", "+R"]
PROMOTED = {code: code + 8 for code in (1, 2, 3, 4)} | {6: 13, 7: 14}
DIRECTIONS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
ROOK_CHECKS = "R3k4/9/9/9/9/9/9/9/4K4 w - 1"
DROP_MATE = "8k/6G2/8G/9/9/9/9/9/4K4 b PL 1"


def square(text: str) -> int:
    return 9 * "ihgfedcba".index(text[1]) + "987654321".index(text[0])


def action_of(move: str) -> int:
    """Returns the number of a move like 7g7f, 8h2b+ or P*5e."""
    if move[1] == "*":
        return 139 * square(move[2:4]) + 132 + KINDS.index(move[0])
    start, end = square(move[:2]), square(move[2:4])
    step = (end % 9 - start % 9, end // 9 - start // 9)
    promotion = 66 if move.endswith("+") else 0
    if abs(step[0]) == 1 and abs(step[1]) == 2:
        return 139 * start + 64 + (step[0] > 0) + promotion
    distance = max(map(abs, step))
    return 139 * start + 8 * DIRECTIONS.index((step[0] // distance, step[1] // distance)) + distance - 1 + promotion


def new_game(sfen: str | None = None, **kwargs: object) -> BoardGame:
    game = make_game(EnvConfig(name="shogi", kwargs=({"sfen": sfen} if sfen else {}) | kwargs))
    assert isinstance(game, BoardGame)
    return game


def play(game: BoardGame, moves: list[str]) -> list[tuple[float, bool]]:
    return play_actions(game, [action_of(move) for move in moves])


def frame_of_sfen(sfen: str) -> list[int]:
    """Returns the codes of the pieces from 9i to 1a, then both hands."""
    board, _, hands, _ = sfen.split()
    codes = {piece: code for code, piece in enumerate([*KINDS, *(kind.lower() for kind in KINDS)], 1)}
    rows = []
    for row in reversed(board.split("/")):
        for token in re.findall(r"\+?[A-Za-z]|\d", row):
            rows += [0] * int(token) if token.isdigit() else [codes[token]]
    count = {piece: min(int(number or 1), 16) for number, piece in re.findall(r"(\d*)([A-Za-z])", hands)}
    return rows + [count.get(piece, 0) for piece in "PLNSGBRplnsgbr"]


@pytest.mark.parametrize(("move", "number"), [("7g7f", 2780), ("8h2b+", 1469), ("2a3c", 11045), ("8i7g", 204), ("P*5e", 5692)])
def test_moves_have_the_numbers_of_the_paper(move: str, number: int) -> None:
    assert action_of(move) == number
    assert square(move[2:4]) in target_squares()[:, number]


def test_black_begins_and_a_frame_holds_ninety_eight_bytes() -> None:
    game = new_game()
    assert (game.to_play(), game.spec.num_actions, game.spec.frame_shape, game.spec.action_shape) == (0, 11259, (98,), (3, 9, 9))
    frame = frame_of(game)
    assert frame[:9].tolist() == [2, 3, 4, 5, 8, 5, 4, 3, 2] and frame[9:18].tolist() == [0, 6, 0, 0, 0, 0, 0, 7, 0]
    assert frame[72:81].tolist() == [16, 17, 18, 19, 22, 19, 18, 17, 16] and not frame[81:].any()


def test_moves_of_random_games_are_the_moves_of_the_rules() -> None:
    rng, rules, table = np.random.default_rng(2), pyspiel.load_game("shogi"), rules_actions(target_squares())
    planes, game = new_game().action_planes(), new_game()
    for _ in range(8):
        game.reset(0)
        state, is_over, num_moves = rules.new_initial_state(), False, 0
        while not is_over:
            legal_actions, player, before = legal_of(game), game.to_play(), frame_of(game)
            assert sorted(table[player, legal_actions]) == state.legal_actions()
            assert before[:REPETITIONS].tolist() == frame_of_sfen(str(state)) and before[NUM_MOVES] @ [128, 1] == num_moves
            action = int(rng.choice(legal_actions))
            assert action_of(state.action_to_string(player, int(table[player, action]))) == action
            state.apply_action(int(table[player, action]))
            is_over, num_moves = game.step(action).is_terminal, num_moves + 1
            assert_move_is_shown(planes[action], player, before, frame_of(game))


def assert_move_is_shown(planes: np.ndarray, player: int, before: np.ndarray, after: np.ndarray) -> None:
    """Checks that a piece leaves the square of the first plane, or the hand, for one of the second."""
    changed = np.flatnonzero(before[BOARD] != after[BOARD])
    is_drop = bool(planes[0].all())
    left = [] if is_drop else np.flatnonzero(planes[0]).tolist()
    (reached,) = set(changed) - set(left)
    assert planes[1].flat[reached] == 1 and not after[left].any()
    piece = round(7 * planes[0, 0, 0]) if is_drop else before[left[0]] - 14 * player
    assert after[reached] - 14 * player == (PROMOTED[piece] if planes[2].all() else piece)
    hand = HANDS.start + 7 * player
    assert not is_drop or after[hand + piece - 1] == before[hand + piece - 1] - 1


def test_every_number_looks_different_and_numbers_of_no_move_are_negative() -> None:
    planes, targets = new_game().action_planes(), target_squares()
    assert len(np.unique(planes.reshape(11259, -1), axis=0)) == 11259
    assert (targets >= 0).sum(axis=1).tolist() == [2 * (1296 + 816 + 112) + 7 * 81] * 2, (
        "Rook, bishop and knight moves, with and without promotion, drops."
    )
    assert (planes.min(axis=(1, 2, 3)) < 0).tolist() == (targets < 0).all(axis=0).tolist()


def test_a_captured_piece_goes_into_the_hand_and_can_be_dropped() -> None:
    game = new_game()
    play(game, ["7g7f", "3c3d", "8h2b+", "3a2b", "B*5e"])
    hands = frame_of(game)[HANDS].reshape(2, 7)
    assert hands.tolist() == [[0] * 7, [0, 0, 0, 0, 0, 1, 0]]
    assert frame_of(game)[square("5e")] == 6


@pytest.mark.parametrize(
    ("sfen", "legal", "illegal"),
    [
        ("4k4/9/9/9/9/9/P8/9/4K4 b P 1", ["P*8b", "P*1h"], ["P*9b", "P*9h", "P*8a"]),
        ("4k4/9/9/9/9/9/+P8/9/4K4 b P 1", ["P*9b"], []),
        ("4k4/8P/9/9/9/9/9/9/4K4 b - 1", ["1b1a+"], ["1b1a"]),
        ("4k4/9/8N/9/9/9/9/9/4K4 b N 1", ["1c2a+", "N*2c"], ["1c2a", "N*2a", "N*2b"]),
        (DROP_MATE, ["L*1b", "P*5e"], ["P*1b"]),
    ],
    ids=["nifu", "promoted-pawns-are-not-counted", "pawn-must-promote", "knight-must-promote", "no-mate-by-a-pawn-drop"],
)
def test_drops_and_promotions_follow_the_rules(sfen: str, legal: list[str], illegal: list[str]) -> None:
    legal_actions = legal_of(new_game(sfen))
    assert np.isin([action_of(move) for move in legal], legal_actions).all()
    assert not np.isin([action_of(move) for move in illegal], legal_actions).any()


@pytest.mark.parametrize(
    ("sfen", "moves", "last_reward"),
    [
        (DROP_MATE, ["L*1b"], 1.0),
        ("8k/9/8G/9/9/9/9/9/4K1R2 b - 1", ["3i2i"], 1.0),
        (None, ["2h3h", "8b7b", "3h2h", "7b8b"] * 3, 0.0),
        (ROOK_CHECKS, ["5a5b", "9a9b", "5b5a", "9b9a"] * 3, -1.0),
        ("k8/4K4/9/9/9/9/9/9/9 b 2R2B8P 1", ["5b5a"], 1.0),
        ("k8/4K4/9/9/9/9/9/9/9 b 2R2B7P 1", ["5b5a"], None),
        ("9/9/9/4K4/9/9/4k4/9/9 b - 1", ["5d5c"], 0.0),
    ],
    ids=["mate", "stalemate-loses", "fourfold-repetition", "perpetual-check", "entering-king", "one-point-short", "both-kings-enter"],
)
def test_games_end_and_pay_who_moved(sfen: str | None, moves: list[str], last_reward: float | None) -> None:
    game = new_game(sfen)
    steps = play(game, moves)
    assert steps[:-1] == [(0.0, False)] * (len(moves) - 1), "Nothing is paid before the end."
    assert steps[-1] == ((0.0, False) if last_reward is None else (last_reward, True))
    assert (len(legal_of(game)) == 0) == (last_reward is not None)


def test_white_wins_and_is_paid_too() -> None:
    assert play(new_game("4k4/9/9/9/9/9/8g/6g2/8K w l 1"), ["L*1h"]) == [(1.0, True)]


def test_a_game_not_over_after_max_moves_is_a_draw() -> None:
    assert play(new_game(max_moves=2), ["7g7f", "3c3d"]) == [(0.0, False), (0.0, True)]


def test_frames_count_repetitions() -> None:
    game, seen = new_game(), []
    for move in ["2h3h", "8b7b", "3h2h", "7b8b"] * 2:
        play(game, [move])
        seen.append(int(frame_of(game)[REPETITIONS]))
    assert seen == [0, 0, 0, 1, 1, 1, 1, 2]


def test_a_position_that_occurred_before_has_another_key() -> None:
    repeated, reached_anew, other_order = new_game(), new_game(), new_game()
    play(repeated, ["2h3h", "8b7b", "3h2h", "7b8b", "2h3h", "8b7b"])
    play(reached_anew, ["2h4h", "8b6b", "4h5h", "6b5b", "5h3h", "5b7b"])
    play(other_order, ["2h5h", "8b5b", "5h4h", "5b6b", "4h3h", "6b7b"])
    assert frame_of(repeated)[BOARD].tolist() == frame_of(reached_anew)[BOARD].tolist()
    assert repeated.key() != reached_anew.key() == other_order.key()


def test_perft_agrees_with_the_published_number() -> None:
    assert perft(new_game(), 3) == 25_470


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"sfen": "junk"}, "Shogi Forsyth-Edwards"),
        ({"sfen": 7}, "Shogi Forsyth-Edwards"),
        ({"sfen": "4k4/9/9 b - 1"}, "Shogi Forsyth-Edwards"),
        ({"sfen": "4k4/9/9/9/9/9/9/9/4+K4 b - 1"}, "Shogi Forsyth-Edwards"),
        ({"sfen": "4k4/9/9/9/9/9/9/9/9 b - 1"}, "one king"),
        ({"sfen": "4k4/4R4/9/9/9/9/9/9/4K4 b - 1"}, "king can be captured"),
        ({"sfen": "8k/9/8G/9/9/9/9/9/4K2R1 w - 1"}, "the game is over"),
        ({"history": "8"}, "history is '8'"),
        ({"max_moves": 0}, "max_moves is 0"),
    ],
)
def test_arguments_without_sense_get_one_sentence(kwargs: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        make_game(EnvConfig(name="shogi", kwargs=kwargs))
