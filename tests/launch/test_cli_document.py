"""docs/cli.md names every command and flag; the lists of flags change only on purpose."""

import re
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import click
import pytest

from launch.bench_end_to_end import EndToEndRow
from launch.bench_engine import EngineRow
from launch.bench_games import SpeedRow
from launch.bench_inference import InferenceRow
from launch.bench_learner import LearnerRow
from launch.bench_transport import TransportRow
from launch.cli import launch, muzero
from launch.games import GameRow

DOCUMENT = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
LAUNCH_FLAGS = (
    "--env --actors --games-per-actor --reanalyzers --simulations --device --servers --learner-device --run-dir --seed --steps --minutes "
    "--resume --restart --overwrite --preset --config --set --dry-run --print-config --overfit-batch --profile --json-logs --version --help"
)
DIAGNOSE_FLAGS = "--positions --out --json --help"
EVAL_FLAGS = "--opponent --games --simulations --opening-moves --seed --device --json --help"
PROFILE_FLAGS = "--seconds --json --help"
TUNE_FLAGS = "--env --preset --set --seconds --out --json --help"
GAMES_FLAGS = "--atari --json --help"
CHECK_ENV_FLAGS = "--games --seed --set --json --help"
BENCH_FLAGS = "--seconds --device --actors --games-per-actor --json --help"


def flags_of(command: click.Command) -> list[str]:
    """Returns the flags of a command in the order of its help."""
    parameters = command.get_params(click.Context(command))
    return [parameter.opts[0] for parameter in parameters if isinstance(parameter, click.Option)]


def documented_flags(heading: str) -> list[str]:
    """Returns the flags in the table below a heading."""
    section = DOCUMENT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(--[a-z-]+)", section, flags=re.MULTILINE)


@pytest.mark.parametrize(
    ("command", "heading", "frozen"),
    [
        (launch, "muzero-launch", LAUNCH_FLAGS),
        (muzero.commands["eval"], "muzero eval RUN", EVAL_FLAGS),
        (muzero.commands["diagnose"], "muzero diagnose RUN", DIAGNOSE_FLAGS),
        (muzero.commands["profile"], "muzero profile RUN", PROFILE_FLAGS),
        (muzero.commands["tune"], "muzero tune", TUNE_FLAGS),
        (muzero.commands["games"], "muzero games", GAMES_FLAGS),
        (muzero.commands["check-env"], "muzero check-env NAME", CHECK_ENV_FLAGS),
        (muzero.commands["bench"], "muzero bench search|inference|transport|engine|replay|games|learner|end-to-end|all", BENCH_FLAGS),
    ],
)
def test_flags_are_documented_and_frozen(command: click.Command, heading: str, frozen: str) -> None:
    assert flags_of(command) == frozen.split()
    assert documented_flags(heading) == frozen.split()


def test_every_flag_is_mirrored_by_the_documented_variable() -> None:
    documented = dict(re.findall(r"^\| `--([a-z-]+)[^`]*` \| `(MUZERO_[A-Z_]+)`", DOCUMENT, flags=re.MULTILINE))
    names = [flag.removeprefix("--") for flag in LAUNCH_FLAGS.split()[:-2]]

    assert documented == {name: f"MUZERO_{name.upper().replace('-', '_')}" for name in names}


def test_every_command_is_documented() -> None:
    assert sorted(muzero.commands) == ["bench", "check-env", "diagnose", "eval", "games", "profile", "tune"]
    assert all(f"## muzero {name}" in DOCUMENT for name in muzero.commands)


ROW_TYPES = {
    "engine": EngineRow,
    "games": SpeedRow,
    "inference": InferenceRow,
    "transport": TransportRow,
    "learner": LearnerRow,
    "end-to-end": EndToEndRow,
}


@pytest.mark.parametrize(("bench", "row_type"), ROW_TYPES.items())
def test_every_key_of_a_bench_row_is_documented(bench: str, row_type: type) -> None:
    (row,) = re.findall(rf"^\| `{bench}` \|.*$", DOCUMENT, flags=re.MULTILINE)

    assert [key for key in row_type.__annotations__ if f"`{key}`" not in row] == []


def test_every_key_of_the_list_of_worlds_is_documented() -> None:
    section = DOCUMENT.split("\n## muzero games\n")[1].split("\n## ")[0]

    assert [key for key in GameRow.__annotations__ if f"`{key}`" not in section] == []


def test_every_opponent_and_every_key_of_a_match_is_documented() -> None:
    from engine.opponents import OPPONENTS
    from tests.launch.test_eval import KEYS

    section = DOCUMENT.split("\n## muzero eval RUN\n")[1].split("\n## ")[0]

    assert [key for key in (*KEYS, *OPPONENTS) if f"`{key}" not in section] == []


def test_every_plan_key_is_documented() -> None:
    from engine.device_plan import DevicePlan
    from engine.plan import Plan
    from launch.plan import plan_record

    plan, device = filled(Plan), filled(DevicePlan)

    record = plan_record(replace(plan, devices=(device,)))
    assert [key for key in (*record, *record["devices"][0]) if f"`{key}`" not in DOCUMENT] == []


def filled(kind: type[Any]) -> Any:
    """Returns a dataclass whose tuples are empty and whose other fields are 1."""
    return kind(**{field.name: () if str(field.type).startswith("tuple") else 1 for field in fields(kind)})


def test_every_key_of_a_diagnosis_is_documented() -> None:
    from muzero.diagnosis import CalibrationBin, DepthRow, Diagnosis

    section = DOCUMENT.split("\n## muzero diagnose RUN\n")[1].split("\n## ")[0]
    keys = {*DepthRow.__annotations__, *Diagnosis.__annotations__, *CalibrationBin.__annotations__}

    assert [key for key in keys if f"`{key}`" not in section] == []
