"""Finding the network to play with: what is said where there is none. Loading one is tested with milestones and whole runs."""

from pathlib import Path

import pytest

from engine.load_network import load_for_evaluation
from muzero.errors import UserError


def refusal(path: Path) -> str:
    with pytest.raises(UserError) as caught:
        load_for_evaluation(path)
    return str(caught.value)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A run that keeps two checkpoints, as far as their names tell, and has a third one half written."""
    (tmp_path / "config.toml").touch()
    for name in ("step_000000020", "step_000000010", ".step_000000030.unfinished"):
        folder = tmp_path / "checkpoints" / name
        folder.mkdir(parents=True)
        (folder / "manifest.json").touch()
    return tmp_path


def test_a_folder_without_a_run_is_not_told_to_wait(run_dir: Path) -> None:
    for path in (run_dir / "checkpoints", run_dir / "replay", run_dir / "config.toml", Path("/no/where")):
        assert refusal(path).startswith(f"there is no run in {path}: name the folder of a run")
        assert "--run-dir" not in refusal(path)


def test_a_checkpoint_that_is_not_there_is_answered_with_those_that_are(run_dir: Path) -> None:
    sentence = refusal(run_dir / "checkpoints" / "step_000000005")

    assert sentence.endswith("step_000000005: choose one that the run keeps, step_000000010 or step_000000020.")


def test_a_run_without_a_checkpoint_is_told_to_wait(tmp_path: Path) -> None:
    (tmp_path / "config.toml").touch()

    assert f"the run in {tmp_path} has no checkpoint yet: wait for its first one" in refusal(tmp_path)
