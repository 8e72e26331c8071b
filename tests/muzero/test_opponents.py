"""Random and perfect opponents, and OpenSpiel's search."""

from typing import Any

import numpy as np
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.opponents import Opponent
from muzero.opponents.openspiel_mcts import OpenSpielMctsOpponent
from muzero.opponents.perfect import PerfectOpponent
from muzero.opponents.random_moves import RandomOpponent
from tests.muzero.turns import random_moves, turn_after

TICTACTOE = EnvConfig(name="tictactoe")
RANDOM, PERFECT = RandomOpponent(), PerfectOpponent(TICTACTOE)


def chosen(opponent: Opponent, *actions: int) -> set[int]:
    """Returns every move the opponent chooses after these in 200 tries."""
    return set(opponent.choose([turn_after(TICTACTOE, actions, seed=seed) for seed in range(200)]))


def test_random_opponent_plays_every_legal_move_and_no_other() -> None:
    assert chosen(RANDOM, 0, 4, 8) == {1, 2, 3, 5, 6, 7}


def test_perfect_opponent_plays_every_best_move_and_no_other() -> None:
    assert chosen(PERFECT) == set(range(9))
    assert chosen(PERFECT, 4) == {0, 2, 6, 8}
    assert chosen(PERFECT, 0) == {4}


def test_perfect_opponent_wins_where_it_can_and_blocks_where_it_must() -> None:
    assert chosen(PERFECT, 0, 3, 1, 4) == {2}
    assert chosen(PERFECT, 0, 4, 1) == {2}


def test_two_perfect_opponents_draw() -> None:
    for seed in range(20):
        turn, rewards = turn_after(TICTACTOE, [], seed=seed), []
        while turn.legal_actions.any():
            rewards.append(turn.game.step(PERFECT.choose([turn])[0]).reward)
            turn.game.legal_actions(turn.legal_actions)
        assert rewards == [0.0] * 9


def test_perfect_play_is_refused_where_it_is_not_known() -> None:
    with pytest.raises(UserError, match="does not know 'connect4'.*choose opponent 'random'"):
        PerfectOpponent(EnvConfig(name="connect4"))


def test_search_with_rollouts_wins_and_blocks_and_depends_on_the_seed_alone() -> None:
    opponent = OpenSpielMctsOpponent("openspiel-mcts", TICTACTOE, rollouts=300)
    assert opponent.choose([turn_after(TICTACTOE, [0, 3, 1, 4]), turn_after(TICTACTOE, [0, 4, 1])]) == [2, 2]
    few = OpenSpielMctsOpponent("openspiel-mcts", TICTACTOE, rollouts=5)
    first, again = (few.choose([turn_after(TICTACTOE, [], seed=seed) for seed in range(20)]) for _ in range(2))
    assert first == again and len(set(first)) > 2


@pytest.mark.parametrize(("name", "kwargs"), [("chess", {}), ("shogi", {}), ("go5", {}), ("openspiel:breakthrough", {})])
def test_search_with_rollouts_plays_legal_moves_in_our_numbers(name: str, kwargs: dict[str, Any]) -> None:
    config, rng = EnvConfig(name=name, kwargs=kwargs), np.random.default_rng(0)
    opponent = OpenSpielMctsOpponent("openspiel-mcts", config, rollouts=3)
    for num_moves in (0, 1, 8, 9):
        turn = turn_after(config, random_moves(config, num_moves, rng))
        key = turn.game.key()
        assert turn.legal_actions[opponent.choose([turn])[0]]
        assert turn.game.key() == key


def test_search_with_rollouts_plays_the_most_visited_move_among_those_that_superko_leaves() -> None:
    opponent, turn = OpenSpielMctsOpponent("openspiel-mcts", TICTACTOE, rollouts=300), turn_after(TICTACTOE, [0, 4, 1])
    turn.legal_actions[2] = False  # the one move that does not lose
    allowed = turn.legal_actions.copy()
    assert allowed[opponent.choose([turn])[0]]


@pytest.mark.parametrize(
    ("name", "rollouts", "sentence"),
    [("tictactoe", 0, "has 0 rollouts"), ("cartpole", 5, "plays by OpenSpiel's rules, which 'cartpole' has not")],
)
def test_search_with_rollouts_refuses_what_it_cannot_do(name: str, rollouts: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        OpenSpielMctsOpponent("openspiel-mcts", EnvConfig(name=name), rollouts=rollouts)
