"""`muzero diagnose` and `muzero-launch --overfit-batch` from end to end, on tiny runs."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from engine.checkpoint_manifest import newest_checkpoint
from engine.milestones import Milestones
from engine.overfit import HEADS, Progress
from engine.training import train
from launch.cli import muzero
from launch.overfit import failure
from tests.engine.run_examples import RememberingDisplay, tiny_config


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of 20 learner steps."""
    path = tmp_path_factory.mktemp("runs") / "R"
    assert train(tiny_config(), run_dir=path, mode="new", display=RememberingDisplay(), command_line=["test"]) == 0
    return path


def diagnose(*arguments: str) -> Result:
    """Runs `muzero diagnose`."""
    return CliRunner().invoke(muzero, ["diagnose", *arguments], catch_exceptions=False)


def test_a_run_is_reported_in_numbers_a_picture_and_sentences(run_dir: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    result = diagnose(str(run_dir), "--positions", "50", "--out", str(tmp_path / "D"), "--json")

    record = json.loads(result.stdout.splitlines()[-1])
    assert (record["environment"], record["learner_steps"], record["positions"]) == ("tictactoe", 20, 50)
    assert [row["depth"] for row in record["depths"]] == [0, 1, 2]
    assert sum(part["positions"] for part in record["calibration"]) == 50
    assert record == json.loads((tmp_path / "D" / "step_000000020.json").read_text())
    assert Path(record["picture"]).read_bytes().startswith(b"\x89PNG")
    assert len(list((tmp_path / "D").iterdir())) == 2


def test_without_matplotlib_the_numbers_are_still_there(run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith(("matplotlib.", "launch.diagnosis_plot"))]:
        monkeypatch.delitem(sys.modules, name)

    result = diagnose(str(run_dir), "--positions", "60")

    assert result.exit_code == 0
    assert "pip install 'muzero-engine[results]'" in result.stderr
    assert "value error" in result.stdout and "\n- " in result.stdout
    assert (run_dir / "diagnosis" / "step_000000020.json").is_file()


def test_a_milestone_is_refused_because_it_holds_no_games(run_dir: Path, tmp_path: Path) -> None:
    checkpoint = newest_checkpoint(run_dir, print)
    assert checkpoint is not None
    facts = {"learner_steps": 20, "env_steps": 60, "run_seconds": 61.0}
    milestone = Milestones(tmp_path, every_minutes=1.0).save(checkpoint.config(), checkpoint.network(), facts)

    result = diagnose(str(milestone))

    assert result.exit_code == 2
    assert f"{milestone} is a milestone, which holds no games" in result.stderr


def test_one_checkpoint_can_be_named(run_dir: Path, tmp_path: Path) -> None:
    checkpoint = run_dir / "checkpoints" / "step_000000020"

    record = json.loads(diagnose(str(checkpoint), "--positions", "3", "--out", str(tmp_path), "--json").stdout.splitlines()[-1])

    assert (record["run"], record["positions"]) == (str(run_dir), 3)
    assert "too few to judge" in record["verdict"][0]


def test_a_folder_without_a_run_is_one_sentence(tmp_path: Path) -> None:
    result = diagnose(str(tmp_path / "nothing"))

    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith("Error: there is no run in")


def test_an_unwritable_folder_is_one_sentence(run_dir: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = diagnose(str(run_dir), "--positions", "3", "--out", str(tmp_path / "file" / "D"))

    assert result.exit_code == 3
    assert "name another folder with --out" in result.stderr


def overfit(run_launch: Callable[..., Result], *more: str) -> Result:
    """Runs the self-test with a small batch."""
    sets = ["training.batch_size=16", "training.learning_rate=0.01", "training.unroll_steps=2", "training.lr_warmup_steps=5"]
    flags = [flag for assignment in (*sets, *more) for flag in ("--set", assignment)]
    return run_launch("--env", "tictactoe", "--overfit-batch", "--steps", "150", *flags)


def test_the_self_test_says_that_a_world_is_learnt(run_launch: Callable[..., Result]) -> None:
    result = overfit(run_launch)

    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("tictactoe learns: every head knows the batch after")


def test_a_failed_self_test_names_the_head_and_is_exit_code_1(run_launch: Callable[..., Result]) -> None:
    result = overfit(run_launch, "training.policy_loss_weight=0")

    assert result.exit_code == 1
    assert result.stdout.startswith("step 50: value ")
    assert "is left: policy 100%" in result.stderr and "value" not in result.stderr
    assert result.stderr.endswith("that were few, and the learning rate has fallen with them: give 2000 --steps.\n")


def test_a_self_test_of_enough_steps_advises_another_network() -> None:
    end = Progress(2000, dict.fromkeys(HEADS, 1.0), dict.fromkeys(HEADS, 0.5))
    assert "give more --steps, another training.learning_rate or a larger network" in failure(end)
