"""The benchmark of games: its rows, the share of raw ale-py, and what a broken world leads to."""

import json

import pytest
from click.testing import CliRunner

from launch.bench_games import DEFAULT_GAMES, bench_games, tree_kilobytes
from launch.cli import muzero
from muzero.config import EnvConfig
from muzero.errors import UnsupportedGame
from muzero.games import make_game, world_of


def test_bench_games_has_a_row_per_name() -> None:
    rows = bench_games(["tictactoe", "cartpole"], seconds=0.05)["rows"]

    assert [(row["game"], row["players"], row["actions"], row["frame_bytes"]) for row in rows] == [
        ("tictactoe", 2, 9, 9),
        ("cartpole", 1, 2, 16),
    ]
    assert all(row["steps_per_second"] > 100 and row["share_of_raw"] is None for row in rows)


def test_an_atari_game_is_measured_against_raw_ale_py() -> None:
    (row,) = bench_games(["atari:Breakout"], seconds=0.5)["rows"]

    assert row["raw_steps_per_second"] > 100
    assert 0.2 < row["share_of_raw"] < 5


def test_the_share_of_raw_is_the_median_of_quotients_of_neighbouring_passes(monkeypatch: pytest.MonkeyPatch) -> None:
    here, there = iter([90.0, 90.0, 45.0, 45.0, 20.0]), iter([100.0, 100.0, 100.0, 50.0, 50.0])
    monkeypatch.setattr("launch.bench_games.PASSES", 5)
    monkeypatch.setattr("launch.bench_games.replay_speed", lambda game, episodes: next(here))
    monkeypatch.setattr("launch.bench_games._raw_speed", lambda name: lambda episodes: next(there))

    (row,) = bench_games(["tictactoe"], seconds=0.01)["rows"]

    assert (row["steps_per_second"], row["raw_steps_per_second"], row["share_of_raw"]) == (45.0, 100.0, 0.9)


def test_a_tree_of_chess_or_shogi_takes_at_most_twice_that_of_go19() -> None:
    go19, chess, shogi = (tree_kilobytes(make_game(EnvConfig(name=name)).spec) for name in ("go19", "chess", "shogi"))

    # 51 nodes of 50 edges (8 bytes) and 64 bytes; root: 50 edges, 362 legal actions (24 bytes), 32 bytes; 8 bytes a node for all
    assert go19 == pytest.approx((51 * (50 * 8 + 64) + 50 * 8 + 362 * 24 + 32 + 51 * 8) / 1000, abs=0.05)
    assert max(chess, shogi) <= 2 * go19


def test_the_default_games_have_names_of_this_project() -> None:
    assert all(world_of(name) is not None for name in DEFAULT_GAMES)
    assert len(set(DEFAULT_GAMES)) == len(DEFAULT_GAMES) == 12


def test_the_command_prints_one_json_line() -> None:
    result = CliRunner().invoke(muzero, ["bench", "games", "tictactoe", "--seconds", "0.02", "--json"], catch_exceptions=False)

    record = json.loads(result.stdout)
    assert record["bench"] == "games" and record["rows"][0]["game"] == "tictactoe"


def test_a_world_that_raises_is_one_sentence_and_exit_code_2(user_worlds: str) -> None:
    result = CliRunner().invoke(muzero, ["bench", "games", f"{user_worlds}:TiresOut", "--seconds", "0.1"], catch_exceptions=False)

    assert (result.exit_code, result.stdout) == (2, "")
    assert f"environment '{user_worlds}:TiresOut' raised RuntimeError: out of sticks (user_worlds_" in result.stderr
    assert result.stderr.count("\n") == 1


def test_a_world_that_breaks_the_contract_is_not_measured(user_worlds: str) -> None:
    with pytest.raises(UnsupportedGame, match="players alternate"):
        bench_games([f"{user_worlds}:MovesTwice"], seconds=0.01)
