"""Tests one world for `muzero check-env` and prints what was seen; the contract itself is in `muzero/games/contract.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from launch.config import chosen_env, set_choices
from launch.play_speed import exceptions_in_a_sentence, steps_per_second
from launch.settings import choose
from launch.tables import print_record
from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import make_game
from muzero.games.contract import ContractCheck, check_contract
from muzero.types import GameSpec

SPEED_SECONDS = 1.0
"""How long the speed is measured."""
LASTING = "It can be played for longer."
"""The rule that measuring the speed looks at; it comes last."""


def check_env(name: str, assignments: Sequence[str], *, num_games: int, seed: int) -> dict[str, Any]:
    """Returns what the contract found in a world.

    Args:
        name: as for `--env`.
        assignments: "env.kwargs.x=y", arguments of the world.
        num_games: random games to play.
        seed: of those games.

    Returns:
        {"environment", "is_met", "checks": [{"name", "is_met", "detail"}], "spec": facts, "steps_per_second"}; the last two are
        None where a check failed.

    Raises:
        UserError: the world cannot be made, or an assignment is not an argument of it.
    """
    choices = set_choices(assignments, "flag --set") | {"env.name": choose("env.name", name, "argument NAME")}
    if foreign := [key for key in choices if not key.startswith("env.")]:
        raise UserError(f"check-env got --set {foreign[0]}: set only env.kwargs, the arguments of the world.")
    env = chosen_env(choices)
    make_game(env)
    checks, speed = check_contract(env, num_games=num_games, seed=seed), None
    if all(check.is_met for check in checks):
        speed, lasting = _speed(env)
        checks.append(lasting)
    is_met = all(check.is_met for check in checks)
    return {
        "environment": name,
        "is_met": is_met,
        "checks": [asdict(check) for check in checks],
        "spec": _facts(make_game(env).spec) if is_met else None,
        "steps_per_second": speed,
    }


def _speed(env: EnvConfig) -> tuple[float | None, ContractCheck]:
    """Returns the steps per second of a world and that it can be played for long, or None and what it raised."""
    try:
        with exceptions_in_a_sentence(env.name):
            speed = round(steps_per_second(make_game(env), seconds=SPEED_SECONDS), 1)
    except UserError as error:
        return None, ContractCheck(LASTING, False, str(error))
    return speed, ContractCheck(LASTING, True, "played on while its speed was measured")


def _facts(spec: GameSpec) -> dict[str, Any]:
    """Returns the facts of a game, and the bytes of its frame."""
    return asdict(spec) | {"frame_bytes": spec.frame_bytes}


def require_met(report: Mapping[str, Any]) -> None:
    """Raises UserError unless the report says that the world keeps the contract."""
    broken = [check["name"] for check in report["checks"] if not check["is_met"]]
    if broken:
        count, first = f"{len(broken)} of {len(report['checks'])} checks", broken[0].rstrip(".")
        raise UserError(
            f"environment '{report['environment']}' fails {count}, first '{first}': correct it, docs/adding_a_game.md says how."
        )


def print_report(report: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints each check with what was seen, then the facts and the speed of a world that met them all."""
    console = console or Console(highlight=False)
    title = Text(f"check-env {report['environment']}", "bold")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
    for check in report["checks"]:
        verdict = Text("ok", "green") if check["is_met"] else Text("FAILED", "bold red")
        table.add_row(verdict, Text(check["name"]), Text(check["detail"]))
    console.print(table)
    if report["is_met"]:
        speed = {"steps_per_second": report["steps_per_second"]}
        print_record(report["spec"] | speed, title=f"\n{report['environment']} keeps the contract", console=console)
