"""Milestones: due by the clock of the run, written whole, and as playable as a checkpoint."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

from engine.checkpoint_manifest import newest_checkpoint
from engine.errors import CorruptCheckpoint, MachineProblem
from engine.load_network import load_for_evaluation
from engine.milestones import Milestones, milestone_paths
from engine.training import train
from tests.engine.run_examples import RememberingDisplay, tiny_config

NETWORK = {"weight": np.ones(3, np.float32)}


def save(milestones: Milestones, minutes: float) -> Path:
    return milestones.save(tiny_config(), NETWORK, facts(minutes))


def facts(minutes: float) -> dict[str, Any]:
    return {"learner_steps": 7, "env_steps": 70, "run_seconds": 60 * minutes}


def test_a_milestone_is_due_once_per_interval(tmp_path: Path) -> None:
    milestones = Milestones(tmp_path, every_minutes=15)
    assert [milestones.is_due(60 * minutes) for minutes in (0.0, 14.9, 15.0)] == [False, False, True]
    save(milestones, 15.2)
    assert [milestones.is_due(60 * minutes) for minutes in (15.3, 29.9, 30.0)] == [False, False, True]
    save(milestones, 46.0)
    assert [path.name for path in milestone_paths(tmp_path)] == ["minute_0015.00", "minute_0045.00"]


def test_a_run_that_goes_on_knows_its_milestones(tmp_path: Path) -> None:
    save(Milestones(tmp_path, every_minutes=15), 31.0)
    milestones = Milestones(tmp_path, every_minutes=15)
    assert not milestones.is_due(60 * 40)
    assert milestones.is_due(60 * 45)


def test_a_milestone_holds_the_network_however_its_tensors_lie(tmp_path: Path) -> None:
    weight = torch.arange(24.0).reshape(2, 3, 2, 2).to(memory_format=torch.channels_last)
    path = Milestones(tmp_path, every_minutes=15).save(tiny_config(), {"weight": weight.numpy()}, facts(15.0))
    np.testing.assert_array_equal(load_file(path / "weights.safetensors")["weight"], weight.numpy())


def test_without_an_interval_none_is_due(tmp_path: Path) -> None:
    assert not Milestones(tmp_path, every_minutes=None).is_due(1e9)


def test_a_killed_write_leaves_no_milestone_and_does_not_stop_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("engine.milestones.write_manifest", kill)
        save(Milestones(tmp_path, every_minutes=15), 15.0)
    assert milestone_paths(tmp_path) == []
    save(Milestones(tmp_path, every_minutes=15), 16.0)
    assert [path.name for path in (tmp_path / "milestones").iterdir()] == ["minute_0015.00"]


def kill(*_: object) -> None:
    """Stands for the end of the process at this point: nobody cleans up."""
    raise KeyboardInterrupt


def test_a_full_disk_costs_one_milestone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("no space left")

    milestones = Milestones(tmp_path, every_minutes=15)
    monkeypatch.setattr("engine.milestones.array_bytes", full)
    with pytest.raises(MachineProblem, match=r"no milestone could be written .*make room"):
        save(milestones, 15.0)
    assert not milestones.is_due(60 * 16)
    assert milestones.is_due(60 * 30)


@pytest.fixture
def run_dir(tmp_path: Path) -> Path:
    """A tiny run that kept a milestone every 0.6 s."""
    config = tiny_config(steps=60, checkpoint={"milestone_minutes": 0.01})
    assert train(config, run_dir=tmp_path / "run", mode="new", display=RememberingDisplay(), command_line=["test"]) == 0
    return tmp_path / "run"


def test_the_milestones_of_a_run_are_played_like_checkpoints(run_dir: Path) -> None:
    first, *_ = milestone_paths(run_dir)
    config, values, learner_steps = load_for_evaluation(first)
    newest = newest_checkpoint(run_dir)
    assert newest is not None
    assert config == newest.config()
    assert 0 <= learner_steps < newest.learner_steps == 60
    assert values.shape == load_for_evaluation(run_dir)[1].shape
    assert not np.array_equal(values, load_for_evaluation(run_dir)[1])


def test_a_damaged_milestone_is_noticed(tmp_path: Path) -> None:
    path = save(Milestones(tmp_path, every_minutes=15), 15.0)
    (path / "weights.safetensors").write_bytes(b"half")
    with pytest.raises(CorruptCheckpoint, match=r"checkpoint minute_0015.00 is damaged: weights.safetensors"):
        load_for_evaluation(path)
