"""All benchmarks together: every part is found by its name, runs with its own defaults, and is shown as soon as it is done."""

import json
from importlib import import_module
from typing import Any

import pytest
from click.testing import CliRunner

from launch.bench_parts import PARTS, TIMED_PARTS, bench_all
from launch.cli import muzero

WITHOUT_HEADINGS = ("search", "replay")
"""Their tables without rows have no columns either, and so are nothing."""


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """Has every part answer at once; returns what each was asked, filled as they are."""
    asked: list[tuple[str, dict[str, Any]]] = []

    def answer(part: str) -> Any:
        def bench(*names: object, **settings: Any) -> dict[str, Any]:
            asked.append((part, settings))
            return {"bench": part, "rows": []}

        return bench

    for part in PARTS:
        name = part.replace("-", "_")
        monkeypatch.setattr(f"launch.bench_{name}.bench_{name}", answer(part))
    return asked


def test_all_runs_every_part_with_its_own_defaults_and_shows_each_at_once(asked: list[tuple[str, dict[str, Any]]]) -> None:
    shown: list[tuple[str, int]] = []

    record = bench_all(lambda part: shown.append((part["bench"], len(asked))))

    assert asked == [(part, {}) for part in PARTS]
    assert shown == [(part, number) for number, part in enumerate(PARTS, start=1)]
    assert record == {"bench": "all", "parts": [{"bench": part, "rows": []} for part in PARTS]}


def test_the_command_ends_with_one_json_object_below_the_tables(asked: list[tuple[str, dict[str, Any]]]) -> None:
    output = CliRunner().invoke(muzero, ["bench", "all", "--json"], catch_exceptions=False).output

    *tables, last = output.splitlines()
    assert [part["bench"] for part in json.loads(last)["parts"]] == list(PARTS)
    titles = [line.rstrip() for line in tables if line.startswith("bench ")]
    assert titles == [f"bench {part}" for part in PARTS if part not in WITHOUT_HEADINGS]


@pytest.mark.parametrize("part", PARTS)
def test_the_shown_keys_of_a_part_are_keys_of_its_rows(part: str) -> None:
    module = import_module(f"launch.bench_{part.replace('-', '_')}")
    rows = [value for name, value in vars(module).items() if name.endswith("Row") and isinstance(value, type)]

    assert not hasattr(module, "HEADINGS") or (len(rows) == 1 and set(module.HEADINGS) <= set(rows[0].__annotations__))
    assert set(TIMED_PARTS) <= set(PARTS)
