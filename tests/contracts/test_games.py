"""The contract of a game, checked on every name in GAMES; to check a game of your own, add its GameConfig to GAMES_UNDER_CONTRACT."""

import math

import numpy as np
import pytest

from muzero.config import GameConfig
from muzero.games import GAMES, BoardGame, Game, make_game

GAMES_UNDER_CONTRACT = [
    *(GameConfig(name=name) for name in GAMES),
    GameConfig(name="connect4", kwargs={"rows": 4, "columns": 5, "x_in_row": 3}),
]
RANK_BY_ENCODING = {"board": ("int8", 2), "vector": ("float32", 1)}
NUM_RANDOM_GAMES = 50


@pytest.fixture(params=GAMES_UNDER_CONTRACT, ids=lambda config: config.name + "".join(f",{k}={v}" for k, v in config.kwargs.items()))
def config(request: pytest.FixtureRequest) -> GameConfig:
    return request.param


@pytest.fixture
def game(config: GameConfig) -> Game:
    return make_game(config)


def legal_actions_of(game: Game, *, poison: bool = False) -> np.ndarray:
    out = np.full(game.spec.num_actions, poison)
    game.legal_actions(out)
    return out


def frame_of(game: Game, *, poison: int = 99) -> np.ndarray:
    out = np.full(game.spec.frame_shape, poison, game.spec.frame_dtype)
    game.frame(out)
    return out


def play_at_random(game: Game, *, seed: int) -> list[tuple]:
    """Plays an episode and returns (frame, legal actions, player, action, step) of every move."""
    rng, moves, is_over = np.random.default_rng(seed), [], False
    game.reset(seed)
    while not is_over:
        legal_actions = legal_actions_of(game)
        assert legal_actions.any(), "A position that is not over must have a legal action."
        assert len(moves) < game.spec.max_moves, "An episode must end within spec.max_moves."
        frame, player, action = frame_of(game), game.to_play(), int(rng.choice(np.flatnonzero(legal_actions)))
        step = game.step(action)
        moves.append((frame, legal_actions, player, action, step))
        is_over = step.is_terminal or step.is_truncated
    return moves


def test_spec_agrees_with_itself(game: Game) -> None:
    spec = game.spec
    assert spec.num_players in (1, 2), "A game has one player or two."
    assert spec.num_actions >= 1 and spec.max_moves >= 1 and spec.num_frames >= 1, "Counts in the spec must be at least 1."
    assert (spec.frame_dtype, len(spec.frame_shape)) == RANK_BY_ENCODING[spec.encoding], (
        "The frame must have the dtype and rank of its encoding."
    )
    assert len(spec.action_shape) in (0, 3), "action_shape must be () or (C, H, W)."
    assert spec.value_bounds is None or spec.value_bounds[0] < spec.value_bounds[1], "value_bounds must be (lowest, highest)."


def test_spec_follows_from_the_config(config: GameConfig, game: Game) -> None:
    assert game.spec.name == config.name, "spec.name must be the name the game was made by."
    assert make_game(config).spec == game.spec, "Equal configs must give equal specs."


def test_action_planes_show_every_action_differently(game: Game) -> None:
    spec, planes = game.spec, game.action_planes()
    expected_shape = (spec.num_actions, *(spec.action_shape or (spec.num_actions,)))
    assert planes.dtype == np.float32 and planes.shape == expected_shape, "action_planes must be float32 [A, *action_shape]."
    assert len(np.unique(planes.reshape(spec.num_actions, -1), axis=0)) == spec.num_actions, "No two actions may look the same."


def test_frame_and_legal_actions_overwrite_all_of_their_output(game: Game) -> None:
    game.reset(3)
    for _ in range(4):
        assert np.array_equal(frame_of(game, poison=99), frame_of(game, poison=55)), "frame must write every element."
        written = legal_actions_of(game, poison=True), legal_actions_of(game, poison=False)
        assert np.array_equal(*written), "legal_actions must write every element."
        game.step(int(np.flatnonzero(written[0])[0]))


def test_random_games_keep_the_rules_of_the_spec(game: Game) -> None:
    spec = game.spec
    for seed in range(NUM_RANDOM_GAMES):
        moves = play_at_random(game, seed=seed)
        players, steps = [move[2] for move in moves], [move[4] for move in moves]
        assert players == [ply % spec.num_players for ply in range(len(moves))], "Players must alternate, starting with player 0."
        assert not any(step.is_terminal and step.is_truncated for step in steps), "An episode ends by its rules or by a cut, not both."
        assert all(math.isfinite(step.reward) and type(step.reward) is float for step in steps), "Rewards must be finite floats."
        assert not legal_actions_of(game).any(), "After the end nothing is legal."


def test_returns_stay_within_value_bounds(game: Game) -> None:
    if game.spec.value_bounds is None:
        assert game.spec.num_players == 1, "A game for two must know its value_bounds."
        return
    low, high = game.spec.value_bounds
    for seed in range(NUM_RANDOM_GAMES):
        first_players = [move[4].reward * game.spec.turn_sign**ply for ply, move in enumerate(play_at_random(game, seed=seed))]
        assert low <= sum(first_players) <= high, "The return must stay within value_bounds."


def test_the_same_seed_and_actions_give_the_same_episode(game: Game) -> None:
    first = play_at_random(game, seed=7)
    game.reset(8)
    game.step(int(np.flatnonzero(legal_actions_of(game))[0]))
    second = play_at_random(game, seed=7)
    assert len(first) == len(second), "reset must start the episode of its seed anew."
    for before, after in zip(first, second, strict=True):
        assert np.array_equal(before[0], after[0]) and np.array_equal(before[1], after[1]), "Positions must follow from seed and actions."
        assert before[2:] == after[2:], "Players, actions and rewards must follow from seed and actions."


def test_board_games_copy_and_compare_positions(game: Game) -> None:
    if game.spec.num_players == 1:
        return
    assert isinstance(game, BoardGame), "A game for two must have key and clone."
    game.reset(0)
    twin = game.clone()
    assert twin.key() == game.key(), "A copy must have the same key."
    before = frame_of(game)
    twin.step(int(np.flatnonzero(legal_actions_of(twin))[0]))
    assert twin.key() != game.key(), "Another position must have another key."
    assert np.array_equal(frame_of(game), before) and game.to_play() == 0, "Playing in a copy must leave the original alone."
