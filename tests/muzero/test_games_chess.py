"""Chess: numbers and planes of its moves, frames, endings, perft, and positions a user may give."""

import numpy as np
import pyspiel
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import BoardGame, make_game
from muzero.games.chess import BOARD, CASTLING, NO_PROGRESS, NUM_MOVES, REPETITIONS
from muzero.games.chess_moves import CASTLING_ACTION, rules_actions, target_squares
from tests.muzero.perft import perft
from tests.muzero.positions import frame_of, legal_of, play_actions

KIWIPETE = "r3k2r/p1ppqpb1/bn2pnp1/3PN3/1p2P3/2N2Q1p/PPPBBPPP/R3K2R w KQkq -"
CASTLING_FEN = "r3k2r/8/8/8/8/8/8/R3K2R {} KQkq - 0 1"
KNIGHTS_OUT_AND_BACK = ["g1f3", "g8f6", "f3g1", "f6g8"]
JUMPS = [(1, 2), (2, 1), (2, -1), (1, -2), (-1, -2), (-2, -1), (-2, 1), (-1, 2)]
DIRECTIONS = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]


def square(text: str) -> int:
    return 8 * (int(text[1]) - 1) + "abcdefgh".index(text[0])


def action_of(move: str) -> int:
    """Returns the number of a move like e2e4, a7a8n or (castling) 0-0 with its square: e1-0-0."""
    start = square(move[:2])
    if "-" in move:
        return 73 * start + (65 if move.endswith("0-0-0") else 64)
    end = square(move[2:4])
    step = (end % 8 - start % 8, end // 8 - start // 8)
    if move[4:]:
        return 73 * start + 64 + 3 * "nbr".index(move[4]) + step[0] + 1
    if step in JUMPS:
        return 73 * start + 56 + JUMPS.index(step)
    distance = max(map(abs, step))
    return 73 * start + 7 * DIRECTIONS.index((step[0] // distance, step[1] // distance)) + distance - 1


def new_game(fen: str | None = None, **kwargs: object) -> BoardGame:
    game = make_game(EnvConfig(name="chess", kwargs=({"fen": fen} if fen else {}) | kwargs))
    assert isinstance(game, BoardGame)
    return game


def play(game: BoardGame, moves: list[str]) -> list[tuple[float, bool]]:
    return play_actions(game, [action_of(move) for move in moves])


def pieces_of_fen(fen: str) -> list[int]:
    """Returns the codes of the pieces from a1 to h8."""
    rows = ["".join("." * int(c) if c.isdigit() else c for c in row) for row in fen.split()[0].split("/")]
    return [".PNBRQKpnbrqk".index(piece) for row in reversed(rows) for piece in row]


@pytest.mark.parametrize(("move", "number"), [("e2e4", 877), ("g8f6", 4586), ("a7a8n", 3569), ("a2b1r", 656), ("h8a1", 4640)])
def test_moves_have_the_numbers_of_the_paper(move: str, number: int) -> None:
    assert action_of(move) == number
    assert target_squares()[number] == square(move[2:4])


def test_white_begins_and_a_frame_holds_seventy_two_bytes() -> None:
    game = new_game()
    assert (game.to_play(), game.spec.num_actions, game.spec.frame_shape, game.spec.action_shape) == (0, 4672, (72,), (3, 8, 8))
    frame = frame_of(game)
    assert frame[BOARD].tolist() == [4, 2, 3, 5, 6, 3, 2, 4] + [1] * 8 + [0] * 32 + [7] * 8 + [10, 8, 9, 11, 12, 9, 8, 10]
    assert frame[CASTLING].all() and not frame[REPETITIONS:].any()


def test_moves_of_random_games_are_the_moves_of_the_rules() -> None:
    rng, rules, table = np.random.default_rng(1), pyspiel.load_game("chess"), rules_actions(target_squares())
    planes, game = new_game().action_planes(), new_game()
    for _ in range(12):
        game.reset(0)
        state, is_over, num_moves = rules.new_initial_state(), False, 0
        while not is_over:
            legal_actions, player, before = legal_of(game), game.to_play(), frame_of(game)
            assert sorted(table[player, legal_actions]) == state.legal_actions()
            assert before[BOARD].tolist() == pieces_of_fen(str(state)) and before[NUM_MOVES] @ [128, 1] == num_moves
            action = int(rng.choice(legal_actions))
            state.apply_action(int(table[player, action]))
            is_over, num_moves = game.step(action).is_terminal, num_moves + 1
            assert_move_is_shown(planes[action], player, before[BOARD], frame_of(game)[BOARD])


def assert_move_is_shown(planes: np.ndarray, player: int, before: np.ndarray, after: np.ndarray) -> None:
    """Checks that pieces leave the squares of the first plane for those of the second."""
    left, reached = np.flatnonzero(planes[0]), np.flatnonzero(planes[1])
    own = range(1 + 6 * player, 7 + 6 * player)
    assert all(piece in own for piece in (*before[left], *after[reached])) and not after[left].any()
    moved = sorted(before[left]) == sorted(after[reached])
    promoted = before[left][0] == own[0] and after[reached][0] in own[1:5]
    assert moved or promoted
    assert not promoted or after[reached][0] - own[0] == (round(3 * planes[2, 0, 0]) or 4), "The third plane tells the new piece."
    passed = np.flatnonzero((before != after) & ~np.isin(np.arange(64), [*left, *reached]))
    assert len(passed) <= 1 and not after[passed].any(), "Only a pawn taken en passant changes another square."


def test_every_number_looks_different_and_numbers_of_no_move_are_negative() -> None:
    planes, targets = new_game().action_planes(), target_squares()
    assert len(np.unique(planes.reshape(4672, -1), axis=0)) == 4672
    assert (targets >= 0).sum() == 1792 + 2 * 3 * 22 + 4, "Queen and knight moves, underpromotions of both players, castling."
    assert (planes.min(axis=(1, 2, 3)) < 0).tolist() == (targets < 0).tolist()


@pytest.mark.parametrize(
    ("side", "move", "squares"),
    [
        ("w", "e1-0-0", {"g1": 6, "f1": 4, "a1": 4}),
        ("w", "e1-0-0-0", {"c1": 6, "d1": 4, "h1": 4}),
        ("b", "e8-0-0", {"g8": 12, "f8": 10, "a8": 10}),
        ("b", "e8-0-0-0", {"c8": 12, "d8": 10, "h8": 10}),
    ],
)
def test_castling_moves_king_and_rook(side: str, move: str, squares: dict[str, int]) -> None:
    game = new_game(CASTLING_FEN.format(side))
    player = game.to_play()
    play(game, [move])
    rank = frame_of(game)[BOARD].reshape(8, 8)[7 * player]
    assert {square(name) % 8: code for name, code in squares.items()} == {int(file): int(rank[file]) for file in np.flatnonzero(rank)}
    assert frame_of(game)[CASTLING].tolist() == ([0, 0, 1, 1] if side == "w" else [1, 1, 0, 0])


def test_a_rook_on_e1_does_not_move_like_a_castling_king() -> None:
    game = new_game("3k4/8/8/8/8/8/K7/4R3 w - - 0 1")
    assert action_of("e1g1") in legal_of(game) and not np.isin(CASTLING_ACTION, legal_of(game)).any()


def test_castling_rights_are_lost_one_by_one() -> None:
    game = new_game(CASTLING_FEN.format("w"))
    play(game, ["h1h2", "a8b8", "e1e2"])
    assert frame_of(game)[CASTLING].tolist() == [0, 0, 1, 0]


@pytest.mark.parametrize(
    ("fen", "moves", "last_reward"),
    [
        (None, ["f2f3", "e7e5", "g2g4", "d8h4"], 1.0),
        (None, ["e2e4", "e7e5", "d1h5", "b8c6", "f1c4", "g8f6", "h5f7"], 1.0),
        ("7k/8/5K2/6Q1/8/8/8/8 w - - 0 1", ["g5g6"], 0.0),
        (None, KNIGHTS_OUT_AND_BACK * 2, 0.0),
        ("7k/8/6K1/8/8/8/8/R7 w - - 99 80", ["a1a7"], 0.0),
        ("7k/8/6K1/8/8/8/8/R7 w - - 99 80", ["a1a8"], 1.0),
        ("k7/8/8/8/8/8/1p6/K7 w - - 0 1", ["a1b2"], 0.0),
        ("k7/8/8/8/8/1N6/1p6/K7 w - - 0 1", ["a1b2"], 0.0),
        ("k1b5/8/8/8/8/B7/1p6/K7 w - - 0 1", ["a1b2"], None),
        ("kb6/8/8/8/8/B7/1p6/K7 w - - 0 1", ["a1b2"], 0.0),
        ("k7/8/8/8/8/NN6/1p6/K7 w - - 0 1", ["a1b2"], None),
    ],
    ids=["fools-mate", "scholars-mate", "stalemate", "repetition", "fifty-moves", "mate-on-the-fiftieth", "bare-kings", "one-knight",
         "bishops-of-two-colours", "bishops-of-one-colour", "two-knights"],
)  # fmt: skip
def test_games_end_and_pay_who_moved(fen: str | None, moves: list[str], last_reward: float | None) -> None:
    game = new_game(fen)
    steps = play(game, moves)
    assert steps[:-1] == [(0.0, False)] * (len(moves) - 1), "Nothing is paid before the end."
    assert steps[-1] == ((0.0, False) if last_reward is None else (last_reward, True))
    assert (len(legal_of(game)) == 0) == (last_reward is not None)


def test_a_game_not_over_after_max_moves_is_a_draw() -> None:
    assert play(new_game(max_moves=3), ["e2e4", "e7e5", "g1f3"]) == [(0.0, False), (0.0, False), (0.0, True)]


def test_frames_count_repetitions_and_plies_without_progress() -> None:
    game, seen = new_game(), []
    for move in [*KNIGHTS_OUT_AND_BACK, "e2e4"]:
        play(game, [move])
        seen.append((int(frame_of(game)[REPETITIONS]), int(frame_of(game)[NO_PROGRESS])))
    assert seen == [(0, 1), (0, 2), (0, 3), (1, 4), (0, 0)]


def test_a_position_that_occurred_before_has_another_key() -> None:
    repeated, reached_anew, other_order = new_game(), new_game(), new_game()
    play(repeated, [*KNIGHTS_OUT_AND_BACK, "g1f3", "g8f6"])
    play(reached_anew, ["b1c3", "g8f6", "g1f3", "b8c6", "c3b1", "c6b8"])
    play(other_order, ["g1f3", "b8c6", "b1c3", "g8f6", "c3b1", "c6b8"])
    assert frame_of(repeated)[BOARD].tolist() == frame_of(reached_anew)[BOARD].tolist()
    assert repeated.key() != reached_anew.key() == other_order.key()


@pytest.mark.parametrize(("fen", "depth", "count"), [(None, 4, 197_281), (KIWIPETE, 3, 97_862)], ids=["start", "kiwipete"])
def test_perft_agrees_with_the_published_numbers(fen: str | None, depth: int, count: int) -> None:
    assert perft(new_game(fen), depth) == count


@pytest.mark.parametrize(
    ("kwargs", "reason"),
    [
        ({"fen": "junk"}, "Forsyth-Edwards"),
        ({"fen": 7}, "Forsyth-Edwards"),
        ({"fen": "8/8 w - - 0 1"}, "Forsyth-Edwards"),
        ({"fen": "9/8/8/8/8/8/8/K6k w - - 0 1"}, "Forsyth-Edwards"),
        ({"fen": "8/8/8/8/8/8/8/K7 w - - 0 1"}, "one king"),
        ({"fen": "4k3/8/8/8/8/8/8/R3K3 w KQ - 0 1"}, "right to castle 'K'"),
        ({"fen": "4k3/8/8/8/8/8/8/4K3 w - - 0 1"}, "the game is over"),
        ({"fen": "4k3/4R3/8/8/8/8/8/4K3 w - - 0 1"}, "king can be captured"),
        ({"history": 0}, "history is 0"),
        ({"max_moves": 20_000}, "max_moves is 20000"),
    ],
)
def test_arguments_without_sense_get_one_sentence(kwargs: dict[str, object], reason: str) -> None:
    with pytest.raises(UserError, match=reason):
        make_game(EnvConfig(name="chess", kwargs=kwargs))


def test_black_may_move_first_where_the_fen_says_so() -> None:
    game = new_game("7k/P7/8/8/8/8/p7/7K b - - 0 1")
    assert game.to_play() == 1
    assert play(game, ["a2a1r", "h1g2"]) == [(0.0, False)] * 2
    assert (game.to_play(), frame_of(game)[0]) == (1, 10)
