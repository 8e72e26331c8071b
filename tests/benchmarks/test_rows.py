"""The rows of the ledger: every setting exists, every name leads somewhere, every row can be re-run by the command line."""

import pytest
from click.testing import CliRunner

from benchmarks.learning import main
from benchmarks.row import Row
from benchmarks.rows import ROWS, row_named
from launch.config import preset_choices
from launch.settings import build_config, choices_of
from muzero.config import EnvConfig
from muzero.errors import UnknownName

TRAINED = [row for row in ROWS if row.trained_by is None]


@pytest.mark.parametrize("row", TRAINED, ids=[row.name for row in TRAINED])
def test_every_training_has_settings_that_exist(row: Row) -> None:
    env = {"env.name": row.env}
    choices = preset_choices(EnvConfig(name=row.env), row.preset) | choices_of({**env, **row.settings}, "row")
    assert build_config(choices).env.name == row.env
    assert 5 <= row.minutes <= 150


def test_names_are_unique_and_every_row_named_by_another_exists() -> None:
    names = [row.name for row in ROWS]
    assert len(set(names)) == len(names)
    named = [row.trained_by for row in ROWS if row.trained_by] + [row.compared_to.row for row in ROWS if row.compared_to]
    assert set(named) <= set(names)


def test_an_ablation_changes_one_thing() -> None:
    rows = [row for row in ROWS if row.family == "connect4-ablation"]
    baseline = row_named("connect4-ablation-baseline").settings
    assert [len(row.settings.items() - baseline.items()) for row in rows] == [0, 1, 1, 1, 1, 1]


def test_an_unknown_row_is_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean tictactoe"):
        row_named("tictacto")


def test_the_list_shows_every_row() -> None:
    output = CliRunner().invoke(main, ["--list"], catch_exceptions=False).stdout
    assert [name for name in (row.name for row in ROWS) if f"{name}: " not in output] == []


@pytest.mark.parametrize("arguments", [[], ["tictactoe"], ["nonsense", "--seed", "1"]])
def test_a_row_needs_a_name_and_a_seed(arguments: list[str]) -> None:
    result = CliRunner().invoke(main, arguments, catch_exceptions=False)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
