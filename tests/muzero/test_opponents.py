"""Random and perfect opponents."""

import numpy as np
import pytest

from muzero.config import EnvConfig
from muzero.errors import UnknownName, UserError
from muzero.games import Game, make_game
from muzero.opponents import PerfectOpponent, make_opponent

TICTACTOE = EnvConfig(name="tictactoe")


def position(*actions: int) -> tuple[Game, np.ndarray]:
    """Returns tic-tac-toe after these moves, with its legal actions."""
    game, legal_actions = make_game(TICTACTOE), np.zeros(9, np.bool_)
    for action in actions:
        game.step(action)
    game.legal_actions(legal_actions)
    return game, legal_actions


def chosen(name: str, *actions: int) -> set[int]:
    """Returns every move the opponent chooses in 200 tries."""
    opponent, (game, legal_actions) = make_opponent(name, TICTACTOE), position(*actions)
    rng = np.random.default_rng(0)
    return {opponent.choose(game, legal_actions, rng) for _ in range(200)}


def test_random_opponent_plays_every_legal_move_and_no_other() -> None:
    assert chosen("random", 0, 4, 8) == {1, 2, 3, 5, 6, 7}


def test_perfect_opponent_plays_every_best_move_and_no_other() -> None:
    assert chosen("perfect") == set(range(9))
    assert chosen("perfect", 4) == {0, 2, 6, 8}
    assert chosen("perfect", 0) == {4}


def test_perfect_opponent_wins_where_it_can_and_blocks_where_it_must() -> None:
    assert chosen("perfect", 0, 3, 1, 4) == {2}
    assert chosen("perfect", 0, 4, 1) == {2}


def test_two_perfect_opponents_draw() -> None:
    opponent, rng = PerfectOpponent(), np.random.default_rng(1)
    for _ in range(20):
        game, legal_actions = position()
        rewards = []
        while legal_actions.any():
            rewards.append(game.step(opponent.choose(game, legal_actions, rng)).reward)
            game.legal_actions(legal_actions)
        assert rewards == [0.0] * 9


def test_unknown_opponent_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(UnknownName, match="unknown opponent 'prefect': did you mean perfect"):
        make_opponent("prefect", TICTACTOE)


def test_perfect_play_is_refused_where_it_is_not_known() -> None:
    with pytest.raises(UserError, match="does not know 'connect4'.*choose opponent 'random'"):
        make_opponent("perfect", EnvConfig(name="connect4"))
