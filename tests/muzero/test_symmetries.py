"""Symmetries keep what a position means: rules, actions and policies agree before and after."""

import numpy as np
import pytest

from muzero.config import EnvConfig
from muzero.games import make_game
from muzero.symmetries import Symmetries, half_turn_symmetries, mirror_symmetries, no_symmetries, square_symmetries
from muzero.types import Batch


def one_sample(frames: np.ndarray, action: list[int], policy_action: list[int]) -> Batch:  # type: ignore[type-arg]
    """Returns a batch of one sample with these three; what symmetries do not touch is empty."""
    empty = np.zeros(0, np.float32)
    names = ("to_play", "target_value", "target_reward", "policy_weight", "value_mask", "reward_mask", "policy_mask", "sample_weight")
    rest = dict.fromkeys((*names, "row", "version", "is_fresh", "policy_version"), empty)
    return Batch(frames=frames, action=np.array([action], np.int32), policy_action=np.array([[policy_action]], np.int32), **rest)  # type: ignore[arg-type]


def test_a_quarter_turn_moves_a_corner_to_the_next_corner() -> None:
    batch = one_sample(np.array([[[[1, 2, 0], [0, 0, 0], [0, 0, 0]]]], np.int8), [0, 1], [2, 5])
    square_symmetries(3).apply(batch, np.array([1]))
    np.testing.assert_array_equal(batch.frames[0, 0], [[0, 0, 0], [2, 0, 0], [1, 0, 0]])
    np.testing.assert_array_equal(batch.action[0], [6, 3])
    np.testing.assert_array_equal(batch.policy_action[0, 0], [0, 1])


def test_observations_of_later_positions_are_turned_like_the_first() -> None:
    first, turned = [[1, 2, 0], [0, 0, 0], [0, 0, 0]], [[0, 0, 0], [2, 0, 0], [1, 0, 0]]
    batch = one_sample(np.array([[first]], np.int8), [0], [2])
    batch.next_frames = np.array([[[first], [first]]], np.int8)
    batch.bootstrap_frames = np.array([[[first], [first], [first]]], np.int8)
    square_symmetries(3).apply(batch, np.array([1]))
    np.testing.assert_array_equal(batch.next_frames, [[[turned]] * 2])
    np.testing.assert_array_equal(batch.bootstrap_frames, [[[turned]] * 3])


def test_a_mirror_swaps_columns() -> None:
    batch = one_sample(np.array([[[[1, 0, 2], [1, 2, 1]]]], np.int8), [0], [2])
    mirror_symmetries(2, 3).apply(batch, np.array([1]))
    np.testing.assert_array_equal(batch.frames[0, 0], [[2, 0, 1], [1, 2, 1]])
    np.testing.assert_array_equal((batch.action[0, 0], batch.policy_action[0, 0, 0]), (2, 0))


def test_a_half_turn_moves_the_first_cell_to_the_last() -> None:
    batch = one_sample(np.array([[[[1, 2, 0], [0, 0, 0]]]], np.int8), [0, 1], [5])
    half_turn_symmetries(2, 3).apply(batch, np.array([1]))
    np.testing.assert_array_equal(batch.frames[0, 0], [[0, 0, 0], [0, 2, 1]])
    np.testing.assert_array_equal(batch.action[0], [5, 4])
    np.testing.assert_array_equal(batch.policy_action[0, 0], [0])


def test_a_pass_stays_a_pass() -> None:
    symmetries = square_symmetries(5, has_pass=True)
    np.testing.assert_array_equal(symmetries.action[:, 25], np.full(8, 25))
    np.testing.assert_array_equal(symmetries.action[:, :25], square_symmetries(5).action)


@pytest.mark.parametrize(
    "symmetries",
    [
        square_symmetries(3),
        square_symmetries(5),
        square_symmetries(4, has_pass=True),
        mirror_symmetries(4, 5),
        half_turn_symmetries(3, 4),
        no_symmetries(4, 2),
    ],
)
def test_symmetries_are_different_permutations_and_the_first_is_the_identity(symmetries: Symmetries) -> None:
    for table in (symmetries.cell, symmetries.action):
        np.testing.assert_array_equal(np.sort(table, axis=1), np.broadcast_to(np.arange(table.shape[1]), table.shape))
        np.testing.assert_array_equal(table[0], np.arange(table.shape[1]))
    assert len(np.unique(symmetries.cell, axis=0)) == len(symmetries)


@pytest.mark.parametrize("name", ["tictactoe", "connect4", "hex7", "gomoku", "go5"])
def test_a_transformed_game_is_a_game(name: str) -> None:
    random = np.random.default_rng(0)
    game = make_game(EnvConfig(name=name))
    spec, symmetries = game.spec, game.symmetries()
    for _ in range(20):
        number = int(random.integers(len(symmetries)))
        other = make_game(EnvConfig(name=name))
        game.reset(0)
        other.reset(0)
        frame, other_frame = np.zeros(spec.frame_shape, np.int8), np.zeros(spec.frame_shape, np.int8)
        legal, other_legal = np.zeros(spec.num_actions, np.bool_), np.zeros(spec.num_actions, np.bool_)
        game.legal_actions(legal)
        while legal.any():
            action = int(random.choice(np.flatnonzero(legal)))
            assert game.step(action) == other.step(int(symmetries.action[number, action]))
            for played, where, allowed in ((game, frame, legal), (other, other_frame, other_legal)):
                played.frame(where)
                played.legal_actions(allowed)
            np.testing.assert_array_equal(frame.reshape(-1)[symmetries.cell[number]], other_frame.reshape(-1))
            np.testing.assert_array_equal(legal, other_legal[symmetries.action[number]])


def naive_othello_moves(board: np.ndarray, player: int) -> list[int]:  # type: ignore[type-arg]
    """Returns the moves that turn a disc, found by walking from every empty cell in every direction."""
    cells = {(row, column): int(board[row, column]) for row in range(8) for column in range(8)}
    moves = []
    for (row, column), cell in cells.items():
        for down, right in ((a, b) for a in (-1, 0, 1) for b in (-1, 0, 1) if (a, b) != (0, 0)):
            length = 1
            while cells.get((row + length * down, column + length * right)) == 2 - player:
                length += 1
            if cell == 0 and length > 1 and cells.get((row + length * down, column + length * right)) == player + 1:
                moves.append(8 * row + column)
    return sorted(set(moves))


def test_all_symmetries_of_othello_keep_the_legal_moves_of_a_position() -> None:
    random, game = np.random.default_rng(0), make_game(EnvConfig(name="othello"))
    symmetries, board, legal = game.symmetries(), np.zeros((8, 8), np.int8), np.zeros(65, np.bool_)
    game.legal_actions(legal)
    while legal.any():
        game.frame(board)
        moves = np.flatnonzero(legal)
        for number in range(8):
            turned = board.reshape(-1)[symmetries.cell[number]].reshape(8, 8)
            expected = naive_othello_moves(turned, game.to_play()) or [64]
            assert sorted(symmetries.action[number, moves].tolist()) == expected
        game.step(int(random.choice(moves)))
        game.legal_actions(legal)
