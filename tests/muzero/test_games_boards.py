"""Othello, Hex, gomoku and the shared view of boards: frames against OpenSpiel's drawing, moves at their cells, who is paid."""

import numpy as np
import pyspiel
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import Game, make_game

SIDES = {
    "tictactoe": ("tic_tac_toe", ".xo"),
    "connect4": ("connect_four", ".xo"),
    "othello": ("othello", "-xo"),
    "hex7": ("hex(board_size=7)", ".xo"),
    "hex11": ("hex(board_size=11)", ".xo"),
    "gomoku": ("gomoku", ".bw"),
    "go5": ("go(board_size=5)", "+XO"),
    "go9": ("go(board_size=9)", "+XO"),
}
"""OpenSpiel's name of each game, and how it draws an empty cell, the first player's stone and the second's."""
CELL_GAMES = ("tictactoe", "othello", "hex7", "gomoku", "go7", "go19")


def board_of(game: Game) -> np.ndarray:
    """Returns the frame, int8 [H, W]."""
    board = np.full(game.spec.frame_shape, 9, np.int8)
    game.frame(board)
    return board


def drawn_board(name: str, state: object, shape: tuple[int, ...]) -> np.ndarray:
    """Reads OpenSpiel's drawing; Go's has its row 0 at the bottom."""
    symbols = SIDES[name][1]
    rows = [[symbols.index(cell) for cell in line if cell in symbols] for line in str(state).splitlines()]
    board = np.array([row for row in rows if len(row) == shape[1]], np.int8)
    return board[::-1] if name.startswith("go") and name != "gomoku" else board


def play(name: str, actions: list[int], **kwargs: int) -> tuple[np.ndarray, list[float]]:
    """Returns the board after these actions, and the rewards on the way."""
    game = make_game(EnvConfig(name=name, kwargs=kwargs))
    rewards = [game.step(action).reward for action in actions]
    return board_of(game), rewards


@pytest.mark.parametrize("name", SIDES)
def test_frames_rewards_and_legal_moves_are_open_spiels(name: str) -> None:
    rng, game = np.random.default_rng(0), make_game(EnvConfig(name=name))
    rules, legal = pyspiel.load_game(SIDES[name][0]), np.ones(game.spec.num_actions, np.bool_)
    for seed in range(5):
        game.reset(seed)
        state = rules.new_initial_state()
        while not state.is_terminal() and state.move_number() < 60:
            game.legal_actions(legal)
            player, action = state.current_player(), int(rng.choice(np.flatnonzero(legal)))
            assert (np.flatnonzero(legal).tolist(), game.to_play()) == (state.legal_actions(), player)
            state.apply_action(action)
            step = game.step(action)
            np.testing.assert_array_equal(board_of(game), drawn_board(name, state, game.spec.frame_shape))
            if not name.startswith("go"):
                assert (step.reward, step.is_terminal) == (state.rewards()[player], state.is_terminal())


@pytest.mark.parametrize("name", CELL_GAMES)
def test_every_move_is_shown_at_its_own_cell(name: str) -> None:
    game = make_game(EnvConfig(name=name))
    planes, (rows, columns) = game.action_planes(), game.spec.board_shape
    assert planes.shape == (game.spec.num_actions, 1, rows, columns)
    for action in range(rows * columns):
        assert np.argwhere(planes[action]).tolist() == [[0, action // columns, action % columns]]
    assert not planes[rows * columns :].any()


@pytest.mark.parametrize("name", ["tictactoe", "hex7", "gomoku", "go7", "go19"])
def test_every_first_move_puts_a_stone_where_its_plane_says(name: str) -> None:
    game = make_game(EnvConfig(name=name))
    planes = game.action_planes()
    for action in range(int(np.prod(game.spec.board_shape))):
        game.reset(0)
        game.step(action)
        np.testing.assert_array_equal(board_of(game), planes[action, 0])


def test_connect4_planes_show_columns() -> None:
    planes = make_game(EnvConfig(name="connect4")).action_planes()
    assert all(planes[column].sum() == 6 and planes[column, 0, :, column].all() for column in range(7))


def test_tictactoe_shows_absolute_colours_and_pays_the_winner() -> None:
    board, rewards = play("tictactoe", [0, 4, 1, 8, 2])
    assert board.tolist() == [[1, 1, 1], [0, 2, 0], [0, 0, 2]]
    assert rewards == [0, 0, 0, 0, 1]


def test_connect4_stones_fall_to_the_last_row() -> None:
    board, rewards = play("connect4", [3, 3, 0, 3], rows=4, columns=4)
    assert board.tolist() == [[0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 2], [1, 0, 0, 1]]
    assert rewards == [0, 0, 0, 0]


def test_hex_is_won_from_top_to_bottom_by_the_first_player_and_across_by_the_second() -> None:
    assert play("hex7", [0, 1, 3, 4, 6], board_size=3)[1] == [0, 0, 0, 0, 1]
    assert play("hex7", [0, 3, 1, 4, 8, 5], board_size=3)[1] == [0, 0, 0, 0, 0, 1]


def test_hex_cells_touch_as_documented() -> None:
    assert play("hex7", [2, 0, 4, 1, 6], board_size=3)[1][-1] == 1  # (0, 2), (1, 1), (2, 0): up and to the right they touch
    assert play("hex7", [0, 2, 4, 1, 8], board_size=3)[1][-1] == 0  # the other diagonal does not


def test_gomoku_is_won_by_five_in_a_row_of_either_player() -> None:
    assert play("gomoku", [0, 15, 1, 16, 2, 17, 3, 18, 4])[1][-1] == 1
    assert play("gomoku", [0, 15, 1, 16, 2, 17, 3, 18, 100, 19])[1][-1] == 1
    assert play("gomoku", [0, 5, 6, 1, 12, 2, 18, 3, 24], board_size=5)[1][-1] == 1


def test_othello_turns_discs_and_passes_only_without_moves() -> None:
    board, _ = play("othello", [19])  # row 2, column 3 turns row 3, column 3
    assert board[2:5, 3:5].tolist() == [[1, 0], [1, 1], [1, 2]]
    game, rng, legal, num_passes = make_game(EnvConfig(name="othello")), np.random.default_rng(0), np.zeros(65, np.bool_), 0
    for seed in range(20):
        game.reset(seed)
        game.legal_actions(legal)
        while legal.any():
            assert not (legal[64] and legal[:64].any())
            num_passes += int(legal[64])
            game.step(int(rng.choice(np.flatnonzero(legal))))
            game.legal_actions(legal)
    assert num_passes > 0


def test_othello_is_won_by_the_player_with_more_discs() -> None:
    game, rng, legal = make_game(EnvConfig(name="othello")), np.random.default_rng(1), np.zeros(65, np.bool_)
    for seed in range(20):
        game.reset(seed)
        game.legal_actions(legal)
        while legal.any():
            player = game.to_play()
            step = game.step(int(rng.choice(np.flatnonzero(legal))))
            game.legal_actions(legal)
        board = board_of(game)
        lead = np.count_nonzero(board == player + 1) - np.count_nonzero(board == 2 - player)
        assert step.reward == np.sign(lead)


@pytest.mark.parametrize(("name", "size"), [("hex7", 1), ("hex7", 20), ("gomoku", 4), ("gomoku", "big")])
def test_impossible_boards_are_refused(name: str, size: object) -> None:
    with pytest.raises(UserError, match="env.kwargs board_size is .*: set . to 19."):
        make_game(EnvConfig(name=name, kwargs={"board_size": size}))
