"""The list of worlds: facts by hand, worlds that cannot be made, and how it looks on a narrow screen."""

import json
from io import StringIO

import pytest
from click.testing import CliRunner
from rich.console import Console

from launch.cli import muzero
from launch.games import EXAMPLES, game_row, print_games
from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import GAMES, Game, make_game


@pytest.fixture(scope="module")
def record() -> dict[str, list[dict[str, object]]]:
    """What `muzero games --json` prints."""
    result = CliRunner().invoke(muzero, ["games", "--json"], catch_exceptions=False)
    return dict(json.loads(result.stdout.splitlines()[-1]))


def test_every_world_is_listed_with_its_facts(record: dict[str, list[dict[str, object]]]) -> None:
    assert [row["name"] for row in record["games"]] == [*GAMES, *EXAMPLES]
    assert [row for row in record["games"] if row["problem"] is not None] == []
    assert "104 games" in record["prefixes"]["atari:<ROM>"]  # type: ignore[call-overload]


def test_the_facts_are_those_of_the_game() -> None:
    row = game_row("connect4")

    assert (row["players"], row["actions"], row["history"], row["simulations"]) == (2, 7, 1, 50)
    assert (row["frame_shape"], row["frame_dtype"], row["frame_bytes"], row["source"]) == ([6, 7], "int8", 42, "OpenSpiel")
    assert row["presets"] == ["default", "small"]


def test_a_float_has_four_bytes() -> None:
    assert game_row("cartpole")["frame_bytes"] == 4 * 4


@pytest.mark.parametrize("error", [ImportError("No module named 'Box2D'"), UserError("gymnasium lacks [box2d].")])
def test_a_world_that_cannot_be_made_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def fail_for_lunarlander(config: EnvConfig) -> Game:
        if config.name == "lunarlander":
            raise error
        return make_game(config)

    monkeypatch.setattr("launch.games.make_game", fail_for_lunarlander)
    monkeypatch.setattr("launch.games.GAMES", dict.fromkeys(("tictactoe", "lunarlander")))

    result = CliRunner().invoke(muzero, ["games"], catch_exceptions=False)

    assert result.exit_code == 0
    assert str(error) in result.stdout and "tictactoe" in result.stdout


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_the_screen(record: dict[str, list[dict[str, object]]], width: int) -> None:
    console = Console(width=width, record=True, file=StringIO())

    print_games(record, console)

    lines = console.export_text().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= width
    assert "…" not in "".join(lines)
    for row in record["games"]:
        (line,) = [line for line in lines if line.startswith(f"{row['name']} ")]
        assert f"{row['actions']:,}" in line and f"{row['frame_bytes']:,}" in line and str(row["source"]) in line


def test_atari_lists_names_that_can_be_played() -> None:
    result = CliRunner().invoke(muzero, ["games", "--atari", "--json"], catch_exceptions=False)

    names = json.loads(result.stdout)["atari"]
    assert len(set(names)) == 104  # 108 are bundled; combat, joust, maze_craze and warlords need two players
    assert {"Breakout", "MsPacman", "Pong"} <= set(names)
    assert make_game(EnvConfig(name=f"atari:{names[-1]}")).spec.num_actions == 18


def test_atari_names_are_shown_as_they_are_typed() -> None:
    assert "atari:MsPacman" in CliRunner().invoke(muzero, ["games", "--atari"], catch_exceptions=False).stdout
