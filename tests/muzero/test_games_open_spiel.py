"""Boards, rewards and refusals of the OpenSpiel adapter."""

import numpy as np
import pyspiel
import pytest

from muzero.config import GameConfig
from muzero.errors import UnsupportedGame
from muzero.games import make_game
from muzero.games.openspiel_game import BoardView, OpenSpielGame, load_rules
from muzero.symmetries import no_symmetries

OPEN_SPIEL_NAMES = {"tictactoe": "tic_tac_toe", "connect4": "connect_four"}


def play(name: str, actions: list[int], **kwargs: int) -> tuple[np.ndarray, list[float]]:
    """Returns the board after these actions, and the rewards on the way."""
    game = make_game(GameConfig(name=name, kwargs=kwargs))
    rewards = [game.step(action).reward for action in actions]
    board = np.zeros(game.spec.frame_shape, np.int8)
    game.frame(board)
    return board, rewards


def board_of_text(text: str) -> np.ndarray:
    """Reads OpenSpiel's drawing: x is the first player, o the second."""
    return np.array([[".xo".index(cell) for cell in line] for line in text.split()], np.int8)


@pytest.mark.parametrize("name", OPEN_SPIEL_NAMES)
def test_tracked_board_equals_the_board_open_spiel_draws(name: str) -> None:
    rng, game = np.random.default_rng(0), make_game(GameConfig(name=name))
    board = np.zeros(game.spec.frame_shape, np.int8)
    for seed in range(100):
        game.reset(seed)
        state = pyspiel.load_game(OPEN_SPIEL_NAMES[name]).new_initial_state()
        while not state.is_terminal():
            action = int(rng.choice(state.legal_actions()))
            player = state.current_player()
            state.apply_action(action)
            step = game.step(action)
            game.frame(board)
            assert np.array_equal(board, board_of_text(str(state)))
            assert (step.reward, step.is_terminal) == (state.rewards()[player], state.is_terminal())


def test_tictactoe_shows_absolute_colours_and_pays_the_winner() -> None:
    board, rewards = play("tictactoe", [0, 4, 1, 8, 2])
    assert board.tolist() == [[1, 1, 1], [0, 2, 0], [0, 0, 2]]
    assert rewards == [0, 0, 0, 0, 1]


def test_connect4_stones_fall_to_the_last_row() -> None:
    board, rewards = play("connect4", [3, 3, 0, 3], rows=4, columns=4)
    assert board.tolist() == [[0, 0, 0, 0], [0, 0, 0, 2], [0, 0, 0, 2], [1, 0, 0, 1]]
    assert rewards == [0, 0, 0, 0]


def test_action_planes_show_cell_and_column() -> None:
    cell = make_game(GameConfig(name="tictactoe")).action_planes()[5]
    column = make_game(GameConfig(name="connect4")).action_planes()[2]
    assert np.argwhere(cell).tolist() == [[0, 1, 2]]
    assert column.sum() == 6 and column[0, :, 2].all()


@pytest.mark.parametrize(
    ("name", "reason"),
    [("backgammon", "no chance"), ("kuhn_poker", "perfect information"), ("goofspiel", "in turn"), ("catch", "two players")],
)
def test_unplayable_rules_are_refused_with_the_reason(name: str, reason: str) -> None:
    with pytest.raises(UnsupportedGame, match=reason):
        load_rules(name, {})


def test_a_player_who_moves_twice_in_a_row_is_refused() -> None:
    rules = load_rules("dots_and_boxes", {"num_rows": 1, "num_cols": 2})
    planes = np.zeros((rules.num_distinct_actions(), 1, 1, 1), np.float32)
    game = OpenSpielGame("dots", rules, BoardView((1, 1), lambda board, action, player: None, planes, no_symmetries(1, 1)))
    with pytest.raises(UnsupportedGame, match="twice in a row"):
        for action in range(rules.num_distinct_actions()):
            game.step(action)
