"""Alpha-beta in connect four against plain minimax over the game's own rules, and by hand."""

import time

import numpy as np
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import BoardGame
from muzero.opponents.alphabeta import AlphaBetaOpponent
from muzero.opponents.connect4_kernel import WIN, bits_of, has_line, landing
from tests.muzero.turns import random_moves, turn_after

CONNECT4 = EnvConfig(name="connect4")
SMALL = EnvConfig(name="connect4", kwargs={"rows": 4, "columns": 5, "x_in_row": 3})


def minimax(game: BoardGame, depth: int) -> dict[int, int]:
    """Returns what each move is worth by looking at every line of `depth` plies."""
    legal_actions, values = np.zeros(game.spec.num_actions, np.bool_), dict[int, int]()
    game.legal_actions(legal_actions)
    for action in np.flatnonzero(legal_actions).tolist():
        child = game.clone()
        step = child.step(action)
        if step.is_terminal:
            values[action] = WIN + depth if step.reward > 0 else 0
        else:
            values[action] = 0 if depth == 1 else -max(minimax(child, depth - 1).values())
    return values


def chosen(moves: list[int], depth: int) -> list[int]:
    return AlphaBetaOpponent("alphabeta", CONNECT4, depth=depth).best_columns(turn_after(CONNECT4, moves))


@pytest.mark.parametrize(("config", "depth", "num_positions"), [(CONNECT4, 3, 15), (SMALL, 1, 20), (SMALL, 4, 20), (SMALL, 5, 6)])
def test_best_columns_are_those_of_plain_minimax(config: EnvConfig, depth: int, num_positions: int) -> None:
    rng, opponent = np.random.default_rng(depth), AlphaBetaOpponent("alphabeta", config, depth=depth)
    values_seen = set()
    for _ in range(num_positions):
        turn = turn_after(config, random_moves(config, int(rng.integers(30)), rng))
        expected = minimax(turn.game, depth)
        best = max(expected.values())
        values_seen.add(best)
        assert opponent.best_columns(turn) == [action for action, value in expected.items() if value == best]
    assert len(values_seen) > 1


def test_it_wins_at_once_rather_than_later() -> None:
    assert chosen([0, 6, 0, 6, 0, 5], depth=5) == [0]
    assert chosen([3, 6, 2, 6], depth=5) == [1, 4]  # both make three with open ends, which win two plies later


def test_it_sees_four_plies_ahead_that_three_with_open_ends_would_lose() -> None:
    assert chosen([2, 6, 3], depth=4) == [1, 4]
    assert chosen([2, 6, 3], depth=3) == list(range(7))


def test_a_threat_is_blocked_as_soon_as_two_plies_are_searched() -> None:
    assert chosen([0, 6, 0, 6, 0], depth=2) == [0]
    assert chosen([0, 6, 0, 6, 0], depth=1) == list(range(7))


def test_equally_good_columns_are_all_played() -> None:
    opponent = AlphaBetaOpponent("alphabeta:depth=3", CONNECT4, depth=3)
    assert {opponent.choose([turn_after(CONNECT4, [], seed=seed)])[0] for seed in range(100)} == set(range(7))
    assert opponent.choose([turn_after(CONNECT4, [], seed=5)]) == opponent.choose([turn_after(CONNECT4, [], seed=5)])


def test_bits_lines_and_landings_by_hand() -> None:
    board = np.zeros((3, 4), np.int8)
    board[2, 0], board[2, 1], board[1, 1] = 1, 2, 1
    assert bits_of(board, 1) == 0b0010_0000 | 1 and bits_of(board, 2) == 0b0001_0000
    assert has_line(0b0010_0000 | 1, 3, 2) and not has_line(0b0010_0000 | 1, 3, 3)
    assert landing(0b0011_0001, 1, 3) == 0b0100_0000 and landing(0b0111_0000, 1, 3) == 0
    assert not has_line(0b0001_0100, 3, 2)  # the top of one column and the foot of the next


def test_the_compiled_kernels_agree_with_their_sources() -> None:
    rng = np.random.default_rng(0)
    for stones in (int(bits) for bits in rng.integers(1 << 49, size=200)):
        assert has_line(stones, 6, 4) == has_line.py_func(stones, 6, 4)  # type: ignore[attr-defined]
        assert landing(stones, 3, 6) == landing.py_func(stones, 3, 6)  # type: ignore[attr-defined]


def test_a_move_of_depth_five_takes_well_under_a_millisecond() -> None:
    opponent, turn = AlphaBetaOpponent("alphabeta:depth=5", CONNECT4, depth=5), turn_after(CONNECT4, [3, 3, 2])
    opponent.best_columns(turn)
    seconds = []
    for _ in range(20):
        started = time.perf_counter()
        opponent.best_columns(turn)
        seconds.append(time.perf_counter() - started)
    assert min(seconds) < 0.001


@pytest.mark.parametrize(
    ("config", "depth", "sentence"),
    [
        (EnvConfig(name="tictactoe"), 5, "does not know 'tictactoe', only connect4"),
        (CONNECT4, 0, "has depth 0: set 1 to 20"),
        (CONNECT4, 21, "has depth 21: set 1 to 20"),
        (EnvConfig(name="connect4", kwargs={"rows": 8, "columns": 9}), 5, "cannot play on 8 rows and 9 columns"),
    ],
)
def test_what_it_cannot_play_is_refused(config: EnvConfig, depth: int, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        AlphaBetaOpponent("alphabeta", config, depth=depth)
