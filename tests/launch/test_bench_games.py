"""The benchmark of games: its rows, and that the timed passes play what was drawn."""

import json
from unittest.mock import Mock

import pytest
from click.testing import CliRunner

from launch.bench_games import DEFAULT_GAMES, bench_games, num_steps, random_episodes, steps_per_second
from launch.cli import muzero
from muzero.config import EnvConfig
from muzero.games import make_game, world_of


def test_bench_games_has_a_row_per_name() -> None:
    rows = bench_games(["tictactoe", "cartpole"], seconds=0.05)["rows"]

    assert [(row["game"], row["players"], row["actions"], row["frame_bytes"]) for row in rows] == [
        ("tictactoe", 2, 9, 9),
        ("cartpole", 1, 2, 16),
    ]
    assert all(row["steps_per_second"] > 100 and row["raw_share"] is None for row in rows)


def test_an_atari_game_is_measured_against_raw_ale_py() -> None:
    (row,) = bench_games(["atari:Breakout"], seconds=0.5)["rows"]

    assert row["raw_steps_per_second"] > 100
    assert row["raw_share"] == pytest.approx(row["steps_per_second"] / row["raw_steps_per_second"], abs=1e-3)


def test_the_default_games_have_names_of_this_project() -> None:
    assert all(world_of(name) is not None for name in DEFAULT_GAMES)
    assert len(set(DEFAULT_GAMES)) == len(DEFAULT_GAMES) == 12


def test_episodes_are_legal_and_only_the_last_one_is_cut() -> None:
    game = make_game(EnvConfig(name="tictactoe"))

    episodes = random_episodes(game, seconds=0.02)

    assert [seed for seed, _ in episodes] == list(range(len(episodes)))
    for _, actions in episodes[:-1]:
        game.reset(0)
        assert [game.step(action).is_terminal for action in actions] == [False] * (len(actions) - 1) + [True]


def test_at_least_one_step_is_drawn_however_short() -> None:
    assert num_steps(random_episodes(make_game(EnvConfig(name="tictactoe")), seconds=1e-9)) == 1


def test_each_timed_step_asks_for_mask_step_and_frame() -> None:
    game = Mock(wraps=make_game(EnvConfig(name="tictactoe")))
    game.spec = make_game(EnvConfig(name="tictactoe")).spec

    steps_per_second(game, seconds=0.1)

    counts = [game.legal_actions.call_count, game.step.call_count, game.frame.call_count]
    assert counts == [counts[0]] * 3 and counts[0] > 10


def test_the_command_prints_one_json_line() -> None:
    result = CliRunner().invoke(muzero, ["bench", "games", "tictactoe", "--seconds", "0.02", "--json"], catch_exceptions=False)

    record = json.loads(result.stdout)
    assert record["bench"] == "games" and record["rows"][0]["game"] == "tictactoe"
