"""The command that tests a world: verdicts, exit codes, sentences."""

import json

import pytest
from click.testing import CliRunner, Result

from launch.cli import muzero


@pytest.fixture(autouse=True)
def short_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """The speed is measured for a moment only."""
    monkeypatch.setattr("launch.check_env.SPEED_SECONDS", 0.05)


def check(*arguments: str) -> Result:
    """Runs muzero check-env with few games."""
    return CliRunner().invoke(muzero, ["check-env", *arguments, "--games", "3"], catch_exceptions=False)


def test_a_world_that_keeps_the_contract_is_exit_code_0() -> None:
    result = check("tictactoe")

    assert (result.exit_code, result.stderr) == (0, "")
    assert "FAILED" not in result.stdout and "steps per second" in result.stdout


def test_the_json_line_holds_checks_facts_and_speed() -> None:
    report = json.loads(check("tictactoe", "--json").stdout)

    assert report["is_met"] and report["environment"] == "tictactoe"
    assert all(check["is_met"] and check["name"] and "detail" in check for check in report["checks"])
    assert (report["spec"]["num_actions"], report["spec"]["frame_bytes"]) == (9, 9)
    assert report["steps_per_second"] > 0


def test_a_class_of_the_users_is_tested_with_its_arguments(user_worlds: str) -> None:
    report = json.loads(check(f"{user_worlds}:Pile", "--set", "env.kwargs.sticks=9", "--json").stdout)

    assert [check for check in report["checks"] if not check["is_met"]] == []
    assert report["spec"]["max_moves"] == 9


def test_a_broken_world_is_exit_code_2_with_one_sentence(user_worlds: str) -> None:
    result = check(f"{user_worlds}:MovesTwice")

    assert result.exit_code == 2
    assert "FAILED" in result.stdout and "alternate" in result.stdout
    assert result.stderr.startswith(f"Error: environment '{user_worlds}:MovesTwice' fails ") and result.stderr.count("\n") == 1


def test_a_broken_world_in_json_has_no_speed(user_worlds: str) -> None:
    result = check(f"{user_worlds}:MovesTwice", "--json")

    report = json.loads(result.stdout)
    assert (result.exit_code, report["is_met"], report["spec"], report["steps_per_second"]) == (2, False, None, None)


def test_a_world_that_raises_only_after_the_random_games_fails_one_more_check(user_worlds: str) -> None:
    result = check(f"{user_worlds}:TiresOut", "--json")

    report = json.loads(result.stdout)
    *others, last = report["checks"]
    assert (result.exit_code, report["steps_per_second"]) == (2, None)
    assert all(check["is_met"] for check in others) and not last["is_met"]
    assert "raised RuntimeError: out of sticks (user_worlds_" in last["detail"] and "\n" not in last["detail"]


def test_arguments_reach_the_world() -> None:
    report = json.loads(check("connect4", "--set", "env.kwargs.rows=5", "--json").stdout)

    assert report["spec"]["frame_shape"] == [5, 7]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("tictacto", "did you mean tictactoe"),
        ("tictactoe --set env.kwargs.size=4", "do not fit environment 'tictactoe'"),
        ("tictactoe --set search.rule=puct", "set only env.kwargs"),
        ("nosuch.module:Cls", "cannot import nosuch.module"),
        ("gym:Pendulum-v1", "Discrete"),
        ("openspiel:backgammon", "no chance"),
    ],
)
def test_a_world_that_cannot_be_made_is_one_sentence_and_exit_code_2(arguments: str, sentence: str) -> None:
    result = check(*arguments.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr and result.stderr.count("\n") == 1
