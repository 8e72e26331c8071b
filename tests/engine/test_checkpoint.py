"""Checkpoints are whole or not there, say when they are damaged, and bring the ring back."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest

from engine.checkpoint import CheckpointFolder
from engine.checkpoint_manifest import MANIFEST, Checkpoint, newest_checkpoint, verify
from engine.errors import CorruptCheckpoint, MachineProblem
from engine.ring import Ring
from muzero.errors import UserError
from tests.engine.ring_examples import is_whole, make_ring, make_trajectory
from tests.engine.run_examples import tiny_config

CONFIG = tiny_config(seed=11)
FACTS = {"learner_steps": 10, "env_steps": 50, "counters": []}
FILES = ["weights.safetensors", "state.safetensors", "state.json", MANIFEST]


class Run:
    """A run that only plays and saves."""

    def __init__(self, run_dir: Path, keep: int = 2) -> None:
        self.run_dir = run_dir
        self.folder = CheckpointFolder(run_dir, keep)
        self.ring = make_ring(steps=40, trajectories=16)
        self.steps = 0

    def play(self, games: int = 1) -> None:
        for _ in range(games):
            self.ring.append(make_trajectory(0, self.ring.claimed_trajectories))

    def save(self) -> Path:
        self.steps += 10
        state = {"trainer": {"moments": np.arange(5.0) + self.steps}, "version": self.steps}
        facts = {"learner_steps": self.steps, "env_steps": 5 * self.steps, "counters": []}
        return self.folder.save(CONFIG, state, {"weight": np.full(100, self.steps, np.float32)}, self.ring, facts)


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run(tmp_path)


def newest(run: Run) -> Checkpoint:
    checkpoint = newest_checkpoint(run.run_dir, with_replay=True)
    assert checkpoint is not None
    return checkpoint


def restored_ring(run: Run, checkpoint: Checkpoint) -> Ring:
    ring = make_ring(steps=40, trajectories=16)
    CheckpointFolder(run.run_dir, 2).restore_ring(checkpoint, ring)
    return ring


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_checkpoint_gives_back_what_was_saved(run: Run) -> None:
    run.play(3)
    run.save()
    checkpoint = newest(run)
    assert (checkpoint.learner_steps, checkpoint.manifest["env_steps"], checkpoint.config()) == (10, 50, CONFIG)
    np.testing.assert_array_equal(checkpoint.network()["weight"], np.full(100, 10, np.float32))
    np.testing.assert_array_equal(checkpoint.state()["trainer"]["moments"], np.arange(5.0) + 10)
    assert checkpoint.state()["version"] == 10
    ring = restored_ring(run, checkpoint)
    assert ring.claimed_trajectories == 3
    trajectories = [ring.read(sequence) for sequence in range(3)]
    assert all(trajectory is not None and is_whole(trajectory) for trajectory in trajectories)


def test_there_is_no_checkpoint_in_a_new_run(tmp_path: Path) -> None:
    assert newest_checkpoint(tmp_path) is None


def test_the_newest_are_kept_and_latest_names_the_newest(run: Run) -> None:
    for _ in range(4):
        run.save()
    folder = run.run_dir / "checkpoints"
    assert sorted(path.name for path in folder.glob("step_*")) == ["step_000000030", "step_000000040"]
    assert (folder / "latest").read_text() == "step_000000040"
    assert not list(folder.glob(".*"))


def test_what_a_killed_save_left_is_no_checkpoint_and_is_replaced(run: Run) -> None:
    run.save()
    leftover = run.run_dir / "checkpoints" / ".step_000000020.writing"
    leftover.mkdir()
    (leftover / "weights.safetensors").write_bytes(b"half")
    assert newest(run).learner_steps == 10
    run.save()
    assert newest(run).learner_steps == 20
    assert not leftover.exists()


def test_what_a_save_killed_at_another_step_left_is_removed(run: Run) -> None:
    leftover = run.run_dir / "checkpoints" / ".step_000000007.writing"
    leftover.mkdir(parents=True)
    run.save()
    assert not leftover.exists()


def test_a_checkpoint_whose_replacement_was_killed_is_still_there(run: Run) -> None:
    path = run.save()
    path.rename(path.with_name(f".{path.name}.replaced"))
    assert newest(run).learner_steps == 10
    run.steps = 0
    run.save()
    assert [path.name for path in (run.run_dir / "checkpoints").glob("*step*")] == ["step_000000010"]


@pytest.mark.parametrize("keep", [1, 2])
def test_a_save_killed_anywhere_leaves_every_checkpoint_its_ring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, keep: int) -> None:
    run = Run(tmp_path, keep)
    for _ in range(3):
        run.play(8)  # a whole ring: nothing of the checkpoints before is in it any more
        run.save()
    before = sorted((tmp_path / "checkpoints").glob("step_*"))
    run.play(8)
    for moment in ("write_manifest", "fsync"):
        monkeypatch.setattr(f"engine.checkpoint.{moment}", kill)
        with pytest.raises(KeyboardInterrupt):
            run.save()
        for path in before:
            assert restored_ring(run, verify(path, with_replay=True)).claimed_trajectories > 0


def kill(*_: object) -> None:
    """Stands for the end of the process at this point: nobody cleans up."""
    raise KeyboardInterrupt


def test_a_full_disk_is_said_and_leaves_what_was_there(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    run.save()

    def fill_the_disk(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr("engine.checkpoint.fsync", fill_the_disk)
    with pytest.raises(MachineProblem, match="no checkpoint could be written .* No space left on device.*: make room"):
        run.save()
    assert [path.name for path in (run.run_dir / "checkpoints").glob("*step*")] == ["step_000000010"]
    assert newest(run).learner_steps == 10


def test_a_long_save_shows_that_it_is_alive(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.replay_archive.SEGMENT_BYTES", 1)
    run.play(5)
    beats: list[None] = []
    run.folder.save(CONFIG, {}, {"weight": np.zeros(3, np.float32)}, run.ring, FACTS, lambda: beats.append(None))
    assert len(beats) >= 5


def test_a_living_ring_is_saved_again_where_its_files_are_damaged(run: Run) -> None:
    run.play(3)
    path = run.save()
    flip_a_bit(max((run.run_dir / "replay").glob("segment_*")))
    run.folder = CheckpointFolder(run.run_dir, 2)
    run.folder.adopt_ring(verify(path))
    run.save()
    assert restored_ring(run, newest(run)).claimed_trajectories == 3


def test_a_checkpoint_with_unknown_settings_is_a_sentence(run: Run) -> None:
    run.save()
    checkpoint = newest(run)
    checkpoint.manifest["config"]["new_setting"] = 1
    with pytest.raises(UserError, match="is of another version .*new_setting"):
        checkpoint.config()


def test_saving_the_same_step_again_replaces_it(run: Run) -> None:
    run.save()
    run.steps = 0
    run.play()
    run.save()
    assert newest(run).manifest["replay"]["claimed_trajectories"] == 1


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_noticed_and_the_checkpoint_before_is_taken(run: Run, name: str) -> None:
    run.save()
    flip_a_bit(run.save() / name)
    said: list[str] = []
    checkpoint = newest_checkpoint(run.run_dir, said.append)
    assert checkpoint is not None
    assert checkpoint.learner_steps == 10
    assert len(said) == 1
    assert "step_000000020" in said[0] and "Falling back" in said[0]


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_noticed(run: Run, name: str) -> None:
    path = run.save()
    (path / name).unlink()
    with pytest.raises(CorruptCheckpoint, match="step_000000010"):
        verify(path)


def test_another_learner_step_in_the_manifest_is_noticed(run: Run) -> None:
    path = run.save()
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, "learner_steps": 11}))
    with pytest.raises(CorruptCheckpoint, match="manifest.json does not match"):
        verify(path)


def test_a_checkpoint_of_another_format_is_named(run: Run) -> None:
    path = run.save()
    manifest = json.loads((path / MANIFEST).read_text())
    (path / MANIFEST).write_text(json.dumps({**manifest, "format": 99}))
    with pytest.raises(CorruptCheckpoint, match="format 99"):
        verify(path)


def test_when_none_can_be_used_that_is_an_error(run: Run) -> None:
    for _ in range(2):
        flip_a_bit(run.save() / "state.json")
    with pytest.raises(CorruptCheckpoint, match="no checkpoint in .* can be used: checkpoint step_000000020 is damaged"):
        newest_checkpoint(run.run_dir)


@pytest.mark.parametrize("damage", [flip_a_bit, Path.unlink])
def test_a_damaged_saved_ring_is_noticed_where_the_ring_is_needed(run: Run, damage: object) -> None:
    run.play(2)
    run.save()
    run.play(2)
    run.save()
    segment = max((run.run_dir / "replay").glob("segment_*"))
    damage(segment)  # type: ignore[operator]
    assert newest(run).learner_steps == 10
    checkpoint = newest_checkpoint(run.run_dir)  # whoever only evaluates needs no ring
    assert checkpoint is not None
    assert checkpoint.learner_steps == 20


def test_segments_live_as_long_as_a_kept_checkpoint_needs_them(run: Run) -> None:
    for _ in range(6):
        run.play(4)  # two of these fill the ring
        run.save()
    for path in (run.run_dir / "checkpoints").glob("step_*"):
        ring = restored_ring(run, verify(path, with_replay=True))
        trajectories = [ring.read(sequence) for sequence in range(ring.oldest_sequence, ring.claimed_trajectories)]
        assert trajectories
        assert all(trajectory is not None and is_whole(trajectory) for trajectory in trajectories)
    assert len(list((run.run_dir / "replay").glob("segment_*"))) < 6


def test_the_checkpoint_before_the_newest_brings_back_its_own_ring(run: Run) -> None:
    run.play(2)
    run.save()
    run.play(3)
    flip_a_bit(run.save() / "weights.safetensors")
    assert restored_ring(run, newest(run)).claimed_trajectories == 2
