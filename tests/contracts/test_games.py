"""The contract of a game, kept by every world of the catalogue and by the example of the documents; the rules are in `contract.py`."""

import numpy as np
import pytest

from muzero.config import EnvConfig
from muzero.games import GAMES, Game, make_game
from muzero.games.contract import check_contract

# Box2D, which plays lunarlander, crashes the interpreter when a warning of its import becomes an error.
pytestmark = pytest.mark.filterwarnings("ignore:builtin type:DeprecationWarning")
MORE = [
    EnvConfig(name="connect4", kwargs={"rows": 4, "columns": 5, "x_in_row": 3}),
    EnvConfig(name="go9", kwargs={"komi": 5.5}),
    EnvConfig(name="go5", kwargs={"komi": 20.0, "margin_share": 0.9}),
    EnvConfig(name="gomoku", kwargs={"board_size": 9}),
    EnvConfig(name="chess", kwargs={"history": 1, "max_moves": 60}),
    EnvConfig(name="openspiel:breakthrough(rows=6,columns=6)"),
    EnvConfig(name="openspiel:clobber"),
    EnvConfig(name="openspiel:y", kwargs={"board_size": 5}),
    EnvConfig(name="gym:FrozenLake-v1"),
    EnvConfig(name="gym:Acrobot-v1", kwargs={"max_episode_steps": 60}),
    EnvConfig(name="lunarlander", kwargs={"frame_skip": 4}),
    EnvConfig(name="atari:Breakout"),
    EnvConfig(name="atari:MsPacman"),
    EnvConfig(name="atari:MsPacman", kwargs={"screen": "rgb96"}),
    EnvConfig(name="atari:Breakout", kwargs={"max_frames": 400}),
    EnvConfig(name="examples.custom_game:Chomp"),
    EnvConfig(name="examples.custom_game:Chomp", kwargs={"rows": 3, "columns": 3}),
]
NUM_GAMES = {"go13": 6, "go19": 3, "chess": 6, "shogi": 6, "atari:Breakout": 2, "atari:MsPacman": 2, "acrobot": 4}
"""Random games that the whole contract looks at where they are long; 20 elsewhere."""
THOUSAND = ("tictactoe", "connect4", "othello", "hex7", "go5", "go7", "go9")
FEWER = {"gomoku": 200, "hex11": 200, "go13": 100, "go19": 20, "chess": 50, "shogi": 30}


BY_SQUARE = ("chess", "shogi")
"""Games with several moves a point: their action planes show where a move starts, or where a piece is dropped."""
WITH_POINTS = ("tictactoe", "othello", "hex7", "hex11", "gomoku", "go5", "go7", "go9", "go13", "go19", *BY_SQUARE)


def title(config: EnvConfig) -> str:
    """Returns how a configuration is written in the list of tests."""
    return config.name + "".join(f",{key}={value}" for key, value in config.kwargs.items())


@pytest.mark.parametrize("config", [*(EnvConfig(name=name) for name in GAMES), *MORE], ids=title)
def test_a_world_keeps_every_rule_of_the_contract(config: EnvConfig) -> None:
    checks = check_contract(config, num_games=NUM_GAMES.get(config.name, 20))
    assert [f"{check.name} {check.detail}" for check in checks if not check.is_met] == []


@pytest.mark.parametrize(("name", "num_games"), [*((name, 1000) for name in THOUSAND), *FEWER.items()], ids=str)
def test_random_games_end(name: str, num_games: int) -> None:
    game, random = make_game(EnvConfig(name=name)), np.random.default_rng(11)
    lengths = [moves_until_the_end(game, seed, random) for seed in range(num_games)]
    assert min(lengths) > 0 and max(lengths) <= game.spec.max_moves


def moves_until_the_end(game: Game, seed: int, random: np.random.Generator) -> int:
    """Plays a game at random and returns its length, or max_moves + 1 if it was not over by then."""
    legal_actions = np.zeros(game.spec.num_actions, np.bool_)
    game.reset(seed)
    for ply in range(1, game.spec.max_moves + 1):
        game.legal_actions(legal_actions)
        legal = legal_actions.nonzero()[0]
        step = game.step(int(legal[int(random.random() * len(legal))]))
        if step.is_terminal or step.is_truncated:
            return ply
    return game.spec.max_moves + 1


@pytest.mark.parametrize("name", GAMES)
def test_moves_are_shown_at_the_point_that_their_number_says(name: str) -> None:
    game = make_game(EnvConfig(name=name))
    spec, count = game.spec, game.spec.moves_per_point
    assert (count > 0) == (name in WITH_POINTS)
    if count == 0:
        return
    planes = game.action_planes().reshape(spec.num_actions, spec.action_shape[0], -1)
    num_points = planes.shape[2]
    point = np.arange(count * num_points) // count
    is_there = planes[np.arange(len(point)), 0, point] == 1.0
    if name in BY_SQUARE:
        is_there |= planes[np.arange(len(point)), 1, point] == 1.0
        assert (spec.num_actions, bool(is_there.all())) == (len(point), True)
    else:
        assert count == 1 and (planes[: len(point)].sum(axis=(1, 2)) == 1.0).all() and is_there.all()
        assert not planes[len(point) :].any()  # a pass
