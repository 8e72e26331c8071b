"""Go: captures, superko, scores and limits, checked by hand-made positions, by OpenSpiel itself and by GNU Go."""

import subprocess
import sys

import numpy as np
import pyspiel
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import BoardGame, make_game
from muzero.games.go import area
from muzero.games.superko import Superko, captured_hashes, neighbours, stone_hashes
from tests.muzero.gtp_referee import GNUGO, GtpReferee

LONG = 1000
PASS_5 = 25
KO = [1, 2, 5, 8, 11, 12, 24, 6, 7]
"""On 5x5: a diamond of each colour, then White's stone 6 is captured by Black at 7."""
needs_gnugo = pytest.mark.skipif(GNUGO is None, reason="GNU Go is not installed")


def new_go(size: int, **kwargs: float) -> BoardGame:
    """Returns Go on a board of that size."""
    game = make_game(EnvConfig(name="go9", kwargs={"board_size": size, **kwargs}))
    assert isinstance(game, BoardGame)
    return game


def legal_moves(game: BoardGame) -> np.ndarray:
    """Returns bool [A]."""
    legal = np.ones(game.spec.num_actions, np.bool_)
    game.legal_actions(legal)
    return legal


def board_of(game: BoardGame) -> np.ndarray:
    """Returns int8 [N, N], row 0 first."""
    board = np.full(game.spec.frame_shape, 9, np.int8)
    game.frame(board)
    return board


def play(game: BoardGame, actions: list[int]) -> float:
    """Plays these moves and returns what the last one earned its player."""
    return [game.step(action).reward for action in actions][-1]


def eyes_of(board: np.ndarray, player: int) -> np.ndarray:
    """Returns bool [N * N], the empty points with nothing but a player's stones and the edge around them."""
    own = np.pad(board == player + 1, 1, constant_values=True)
    around = own[:-2, 1:-1] & own[2:, 1:-1] & own[1:-1, :-2] & own[1:-1, 2:]
    return ((board == 0) & around).reshape(-1)


def random_move(game: BoardGame, rng: np.random.Generator) -> int:
    """Returns a random legal move that fills no eye of its player, the pass where there is none: such games leave no dead stones."""
    good = legal_moves(game)[:-1] & ~eyes_of(board_of(game), game.to_play())
    return int(rng.choice(np.flatnonzero(good))) if good.any() else len(good)


def random_game(size: int, seed: int) -> list[int]:
    """Returns the moves of a random game to two passes."""
    game, rng, moves = new_go(size, max_moves=LONG), np.random.default_rng(seed), []
    while legal_moves(game).any():
        moves.append(random_move(game, rng))
        game.step(moves[-1])
    return moves


def test_a_captured_stone_leaves_the_board() -> None:
    game = new_go(5)
    play(game, [1, 0, 5])  # Black B1, White A1, Black A2
    assert board_of(game)[:2].tolist() == [[0, 1, 0, 0, 0], [1, 0, 0, 0, 0]]


def test_a_ko_is_not_taken_back_before_another_move() -> None:
    game = new_go(5)
    play(game, KO)
    assert board_of(game)[1].tolist() == [1, 0, 1, 2, 0]
    assert not legal_moves(game)[6]
    play(game, [20, 19])
    assert legal_moves(game)[6]


def test_a_move_without_liberties_is_illegal() -> None:
    game = new_go(5)
    play(game, [1, 24, 5])
    assert board_of(game)[0, 0] == 0
    assert not legal_moves(game)[0]


def test_a_single_captured_stone_is_enough_for_a_position_to_repeat() -> None:
    game, superko, legal = new_go(5), Superko(5, 50), np.ones(26, np.bool_)
    for action in KO:
        game.step(action)
        board = board_of(game)
        stones = np.stack([board == 1, board == 2]).reshape(2, -1).astype(np.float32)
        superko.after_move(stones)
    superko.restrict(stones, 1, legal)
    assert np.flatnonzero(~legal).tolist() == [6]


@pytest.mark.parametrize("size", [5, 6])
def test_superko_forbids_exactly_what_open_spiel_would_end_as_a_draw(size: int) -> None:
    rules = pyspiel.load_game("go", {"board_size": size, "komi": 0.5, "max_game_length": LONG})
    num_forbidden = 0
    for seed in range(40):
        rng, state, game = np.random.default_rng(seed), rules.new_initial_state(), new_go(size, max_moves=LONG)
        while not state.is_terminal() and state.move_number() < 300:
            board_moves = [action for action in state.legal_actions() if action != size * size]
            allowed = [action for action in board_moves if not state.child(action).is_terminal()]
            assert np.flatnonzero(legal_moves(game)).tolist() == [*allowed, size * size]
            num_forbidden += len(board_moves) - len(allowed)
            action = int(rng.choice(allowed)) if allowed else size * size
            state.apply_action(action)
            game.step(action)
    assert num_forbidden >= 10


def test_clones_remember_the_same_positions_and_go_their_own_way() -> None:
    rng, game = np.random.default_rng(6), new_go(5, max_moves=LONG)
    for _ in range(150):
        twin = game.clone()
        legal = legal_moves(game)
        assert (np.array_equal(legal, legal_moves(twin)), game.key()) == (True, twin.key())
        twin.step(random_move(twin, rng))
        np.testing.assert_array_equal(legal, legal_moves(game))
        game.step(int(rng.choice(np.flatnonzero(legal[:-1]))) if legal[:-1].any() else PASS_5)
        if not legal_moves(game).any():
            break
    assert game.key() != twin.key()


def naive_captures(board: np.ndarray, opponent: int) -> dict[int, set[int]]:
    """Returns for each point the opponent's stones that a move there captures, found by spreading sets of points."""
    size, captures = len(board), {}
    beside = {point: {int(other) for other in neighbours(size)[point] if other >= 0} for point in range(size * size)}
    cells = board.reshape(-1)
    for start in np.flatnonzero(cells == opponent + 1):
        chain: set[int] = {int(start)}
        while (grown := chain.union(*({p for p in beside[q] if cells[p] == opponent + 1} for q in chain))) != chain:
            chain = grown
        liberties = {point for stone in chain for point in beside[stone] if cells[point] == 0}
        if len(liberties) == 1:
            captures.setdefault(liberties.pop(), set()).update(chain)
    return captures


@pytest.mark.parametrize("find", [captured_hashes, captured_hashes.py_func], ids=["compiled", "python"])  # type: ignore[attr-defined]
def test_captures_equal_those_of_a_naive_search(find: object) -> None:
    rng, hashes = np.random.default_rng(0), stone_hashes(6)
    for _ in range(50):
        board = rng.choice(3, (6, 6), p=[0.2, 0.4, 0.4])
        stones = np.stack([board == 1, board == 2]).reshape(2, -1).astype(np.float32)
        expected = np.zeros(36, np.int64)
        for point, chain in naive_captures(board, 1).items():
            expected[point] = np.bitwise_xor.reduce(hashes[1][list(chain)])
        np.testing.assert_array_equal(find(stones[1], stones[0], hashes[1], neighbours(6)), expected)  # type: ignore[operator]


@pytest.mark.parametrize(
    ("komi", "first_player_wins"),
    [(0.5, 1), (24.5, 1), (25, 0), (25.0, 0)],
)
def test_one_stone_alone_owns_the_board(komi: float, first_player_wins: int) -> None:
    game = new_go(5, komi=komi)
    assert play(game, [12, PASS_5, PASS_5]) == first_player_wins
    assert not legal_moves(game).any()


def test_two_passes_on_an_empty_board_win_for_the_second_player_by_komi() -> None:
    assert play(new_go(5), [PASS_5, PASS_5]) == 1
    game = new_go(5)
    assert play(game, [0, PASS_5, 24, PASS_5, PASS_5]) == 1  # two black stones; the first player passes last


def test_the_board_is_scored_as_it_lies_at_the_limit_of_moves() -> None:
    game = new_go(5, max_moves=4)
    steps = [game.step(action) for action in (0, 24, 1, 23)]  # two stones each, the rest belongs to nobody
    assert [(step.reward, step.is_terminal) for step in steps] == [(0, False), (0, False), (0, False), (1, True)]


@pytest.mark.parametrize(("size", "komi"), [(5, 0.5), (6, 3.5), (7, 8.5), (9, 7.5), (19, 7.5)])
def test_default_komi_and_limit_follow_the_size(size: int, komi: float) -> None:
    game = make_game(EnvConfig(name="go9", kwargs={"board_size": size}))
    assert f"komi={komi}" in str(game.key())  # type: ignore[attr-defined]
    assert (game.spec.max_moves, game.spec.num_actions, game.spec.num_frames) == (2 * size * size, size * size + 1, 8)


@pytest.mark.parametrize("kwargs", [{"board_size": 4}, {"board_size": 20}, {"board_size": "nine"}, {"komi": 82}, {"max_moves": 1}])
def test_impossible_boards_are_refused_by_name(kwargs: dict[str, object]) -> None:
    with pytest.raises(UserError, match=f"env.kwargs {next(iter(kwargs))} is .*: set .* to "):
        make_game(EnvConfig(name="go9", kwargs=kwargs))


def test_asking_for_the_facts_of_go_does_not_import_numba() -> None:
    script = "import sys; from muzero.config import EnvConfig; from muzero.games import make_game; "
    script += "make_game(EnvConfig(name='go9')).spec; sys.exit('numba' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], timeout=60).returncode == 0


@needs_gnugo
@pytest.mark.parametrize(("size", "num_games"), [(9, 4), (19, 1)])
def test_gnugo_agrees_on_legality_move_by_move(size: int, num_games: int) -> None:
    num_illegal = 0
    for seed in range(num_games):
        game, rng = new_go(size), np.random.default_rng(seed)
        with GtpReferee(size, 7.5) as referee:
            while (legal := legal_moves(game)).any():
                player, forbidden = game.to_play(), (board_of(game).reshape(-1) == 0) & ~legal[:-1]
                points = [*np.flatnonzero(forbidden).tolist(), *rng.integers(size * size, size=5).tolist()]
                assert referee.is_legal(player, points) == legal[points].tolist()
                num_illegal += int(forbidden.sum())
                action = int(rng.choice(np.flatnonzero(legal[:-1]))) if legal[:-1].any() else size * size
                referee.play(player, action)
                game.step(action)
    assert num_illegal > 50


def area_of(board: np.ndarray) -> float:
    """Returns the first player's stones and eyes less the second's, on a board where every empty point is an eye."""
    first, second = (int((board == player + 1).sum() + eyes_of(board, player).sum()) for player in (0, 1))
    assert first + second == board.size
    return first - second


@needs_gnugo
@pytest.mark.parametrize(("size", "num_games", "least_compared"), [(9, 8, 8), (19, 4, 1)])
def test_scores_equal_counted_areas_and_gnugo_agrees_where_it_sees_no_dead_stones(size: int, num_games: int, least_compared: int) -> None:
    num_compared = 0
    for seed in range(num_games):
        moves = random_game(size, seed)
        last_player, game = (len(moves) - 1) % 2, new_go(size, max_moves=LONG)
        play(game, moves)
        area = area_of(board_of(game))
        for komi, winner in ((area - 0.5, 0), (area + 0.5, 1)):
            assert play(new_go(size, komi=komi, max_moves=LONG), moves) == (1 if winner == last_player else -1)
        with GtpReferee(size, 0) as referee:
            for number, action in enumerate(moves):
                referee.play(number % 2, action)
            # It takes chains for dead that share their eyes with a ring of others, which random games on 19x19 often leave.
            if not referee.sees_dead_stones():
                assert referee.final_score() == area
                num_compared += 1
    assert num_compared >= least_compared


def test_a_share_of_the_reward_may_be_the_margin() -> None:
    plain, shared = new_go(5, komi=0.5), new_go(5, komi=0.5, margin_share=0.4)
    for moves, result, margin in (
        ([12, PASS_5, PASS_5], 1.0, 24.5),  # Black's stone owns the board, and Black passes last
        ([PASS_5, 12, PASS_5, PASS_5], 1.0, 25.5),  # the same for White
        ([12, 0, PASS_5, PASS_5], 1.0, 0.5),  # nobody owns the empty points: a stone each, and White passes last
        ([12, PASS_5, 0, 4, PASS_5, PASS_5], -1.0, 0.5),  # two stones to one: White passes last and lost
    ):
        for game in (plain, shared):
            game.reset(0)
        assert play(plain, moves) == result
        assert play(shared, moves) == pytest.approx(result * (0.6 + 0.4 * margin / 25.5))


def test_area_is_stones_and_points_that_only_one_player_surrounds() -> None:
    board = np.array([[0, 1, 0, -1, 0], [1, 1, 0, -1, -1], [0, 0, 0, 0, 0], [1, 1, 1, -1, -1], [0, 1, 0, -1, 0]], np.float32)
    assert area(board) == (7 + 2) - (6 + 2)
    assert area(np.zeros((5, 5), np.float32)) == 0


@pytest.mark.parametrize("komi", [-3.5, 2.5, 7.5])
def test_the_margin_is_that_of_counted_areas_and_agrees_with_the_result(komi: float) -> None:
    rng = np.random.default_rng(1)
    plain, shared = new_go(5, komi=komi, max_moves=LONG), new_go(5, komi=komi, max_moves=LONG, margin_share=0.99)
    for _ in range(20):
        plain.reset(0)
        shared.reset(0)
        is_over = False
        while not is_over:
            action = random_move(plain, rng)
            step, same = plain.step(action), shared.step(action)
            is_over = step.is_terminal
        margin = area_of(board_of(plain)) - komi
        assert same.reward == pytest.approx(step.reward * (0.01 + 0.99 * abs(margin) / (25 + abs(komi))))
        assert np.sign(margin) == step.reward * (1 if plain.to_play() == 1 else -1)


def test_a_draw_has_no_margin() -> None:
    game = new_go(5, komi=25, margin_share=0.5)
    assert play(game, [12, PASS_5, PASS_5]) == 0.0


@pytest.mark.parametrize("share", [-0.1, 1.0, "half", True])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(UserError, match="margin_share"):
        new_go(5, margin_share=share)
