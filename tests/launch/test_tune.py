"""The command `muzero tune` with made-up trials: its table, its record, its file, and what it refuses."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.config import RunConfig
from engine.config_text import config_from_toml
from engine.errors import RunFailed
from engine.stop_signals import StopSignals
from launch.cli import launch, muzero
from launch.tune_search import Figures
from launch.tune_trial import TrialStopped
from launch.tune_values import SETTINGS, value_of


class Trials:
    """Stands in for real runs of 1,000 games a second and actor; a signal comes in trial number `stop_at`."""

    stop_at = -1

    def __init__(self) -> None:
        self.configs: list[RunConfig] = []

    def measure(self, config: RunConfig, seconds: float, signals: StopSignals, name: str, show: Any) -> Figures:
        self.configs.append(config)
        if len(self.configs) == self.stop_at:
            signals.handle(2, None)
            raise TrialStopped
        if config.learner.num_threads == 4:
            raise RunFailed("learner was killed by SIGKILL.")
        return Figures(1000.0 * config.actors.num_actors, 25_000.0, 60.0, "actors")


@pytest.fixture
def trials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Trials]:
    """Trials on a machine of four cores without a GPU, in a folder of their own."""
    made_up = Trials()
    monkeypatch.setattr("launch.tune.measure_trial", made_up.measure)
    monkeypatch.setattr("launch.tune.usable_cores", lambda: 4.0)
    monkeypatch.setattr("launch.tune.has_gpu", lambda: False)
    monkeypatch.chdir(tmp_path)
    yield made_up


def tuned(*arguments: str) -> Result:
    return CliRunner().invoke(muzero, ["tune", *arguments], catch_exceptions=False)


def test_the_file_is_a_config_file_with_what_was_found(trials: Trials, tmp_path: Path) -> None:
    result = tuned("--env", "tictactoe", "--preset", "small", "--set", "search.num_simulations=9", "--set", "actors.groups=1")

    command = "muzero-launch --env tictactoe --preset small --set search.num_simulations=9 --config tuned-tictactoe.toml"
    text = (tmp_path / "tuned-tictactoe.toml").read_text()
    assert result.exit_code == 0 and f"file:  {command}\n" in result.stdout
    assert text.startswith(f"# Found by muzero tune for tictactoe; to train with it: {command}\n# machine: ")
    printed = CliRunner().invoke(launch, [*command.split()[1:], "--print-config"], catch_exceptions=False).stdout
    config = config_from_toml(printed)
    assert (config.actors.num_actors, config.actors.groups, config.search.num_simulations) == (4, 1, 9)
    assert printed.count("# file tuned-tictactoe.toml") == len(SETTINGS)


def test_the_flags_do_what_the_file_does(trials: Trials) -> None:
    record = json.loads(tuned("--env", "tictactoe", "--json").stdout)

    printed = CliRunner().invoke(launch, ["--env", "tictactoe", *record["flags"].split(), "--print-config"], catch_exceptions=False)
    config = config_from_toml(printed.stdout)
    assert {setting: value_of(config, setting) for setting in SETTINGS} == record["settings"]
    assert record["flags"].startswith("--actors 4 --games-per-actor 16 --set actors.groups=2 --set inference.batch_deadline_micro")


def test_every_key_of_the_record_is_documented(trials: Trials) -> None:
    section = (Path(__file__).parents[2] / "docs" / "cli.md").read_text().split("\n## muzero tune\n")[1].split("\n## ")[0]

    record = json.loads(tuned("--env", "tictactoe", "--json").stdout)
    assert [key for key in (*record, *record["trials"][0]) if f"`{key}`" not in section] == []


def test_the_table_shows_every_trial_and_the_gain(trials: Trials) -> None:
    lines = tuned("--env", "tictactoe").stdout.splitlines()

    assert lines[0].strip() == "muzero tune tictactoe: 4 cores, trials of 8 s"
    assert lines[2].split() == ["as", "it", "was", "-", "2,000", "60", "25,000", "actors"]
    assert [line.split()[:2] for line in lines if line.strip().endswith("kept")] == [["actors", "4"]]
    assert "learner threads = 4 failed: learner was killed by SIGKILL." in lines
    assert "4,000 moves/s with these settings, 2,000 as it was (+100%)." in lines
    assert max(map(len, lines[: len(trials.configs)])) <= 80


def test_a_trial_in_which_games_hardly_move_is_called_rough(trials: Trials) -> None:
    assert "figures are rough" not in tuned("--env", "tictactoe").stdout
    assert "figures are rough: in a trial a game made fewer than 30 moves" in tuned("--env", "tictactoe", "--seconds", "0.1").stdout


def test_ctrl_c_keeps_what_was_found_so_far(trials: Trials, tmp_path: Path) -> None:
    trials.stop_at = 10
    result = tuned("--env", "tictactoe")

    assert result.exit_code == 130
    assert "4,000 moves/s with these settings, 2,000 as it was (+100%). It was stopped early" in result.stdout
    assert "num_actors = 4" in (tmp_path / "tuned-tictactoe.toml").read_text()
    assert len(trials.configs) == 10


def test_ctrl_c_before_anything_was_found_leaves_no_file(trials: Trials, tmp_path: Path) -> None:
    trials.stop_at = 1
    result = tuned("--env", "tictactoe")

    assert (result.exit_code, result.stdout, list(tmp_path.iterdir())) == (130, "", [])
    assert result.stderr == "Error: stopped before the first trial ended, so nothing was found and no file is written.\n"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "no environment: give --env NAME"),
        ("--env tictacto", "did you mean tictactoe"),
        ("--env tictactoe --preset papr", "unknown preset of tictactoe 'papr'"),
        ("--env tictactoe --set actors.num_actors=0", "actors.num_actors is 0, which is one process for everything: set 1 or more"),
        ("--env tictactoe --set learner.threads=2", "did you mean learner.num_threads"),
        ("--env tictactoe --seconds 0", "--seconds is 0: set a number above 0."),
        ("--env tictactoe --out missing/file.toml", "there is no folder missing: make it, or name another file."),
        ("--env tictactoe --out mine.toml", "mine.toml, which exists and was not written by muzero tune: name another file."),
    ],
)
def test_a_mistake_is_one_sentence_before_anything_is_measured(trials: Trials, tmp_path: Path, arguments: str, sentence: str) -> None:
    (tmp_path / "mine.toml").write_text("seed = 1\n")
    result = tuned(*arguments.split())

    assert (result.exit_code, result.stdout, trials.configs) == (2, "", [])
    assert sentence in result.stderr and result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1


def test_a_file_of_an_earlier_search_is_replaced_and_a_command_of_two_lines_stays_a_comment(
    trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["muzero", "tune", "--set", "a\nb"])
    for _ in range(2):
        assert tuned("--env", "openspiel:breakthrough(rows=6,columns=6)", "--seconds", "3").exit_code == 0

    (file,) = tmp_path.iterdir()
    assert file.name == "tuned-openspiel-breakthrough-rows-6-columns-6.toml"
    assert config_from_toml(file.read_text()).actors.num_actors == 4
