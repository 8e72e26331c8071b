import json
from pathlib import Path

import numpy as np
import pytest

from engine import replay_archive
from engine.errors import CorruptCheckpoint
from engine.replay_archive import ReplayArchive
from engine.ring import Ring
from muzero.errors import UserError
from tests.engine.ring_examples import are_equal, is_whole, make_ring, make_trajectory


def fill(ring: Ring, games: range) -> None:
    for game in games:
        ring.append(make_trajectory(game=game, length=1 + game % 7, is_terminal=game % 2 == 0))


def saved_files(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def assert_same_ring(left: Ring, right: Ring) -> None:
    np.testing.assert_array_equal(left.arrays["header"], right.arrays["header"])
    for sequence in range(left.oldest_sequence, left.claimed_trajectories):
        assert left.entry(sequence) == right.entry(sequence)
        stored = left.read(sequence)
        assert stored is None or are_equal(stored, right.read(sequence))


@pytest.mark.parametrize("num_games", [0, 1, 5, 40])
def test_a_restored_ring_is_the_saved_one_and_goes_on_alike(tmp_path, num_games):
    ring, restored = make_ring(), make_ring()
    fill(ring, range(num_games))
    description = json.loads(json.dumps(ReplayArchive(tmp_path).save(ring, keep_sequence=0)))
    ReplayArchive(tmp_path).restore(restored, description)
    assert_same_ring(ring, restored)
    fill(ring, range(num_games, num_games + 30))
    fill(restored, range(num_games, num_games + 30))
    assert_same_ring(ring, restored)


def test_a_save_writes_only_what_is_new(tmp_path):
    ring, archive = make_ring(steps=1000, trajectories=100), ReplayArchive(tmp_path)
    fill(ring, range(10))
    first = archive.save(ring, keep_sequence=0)["files"]
    assert archive.save(ring, keep_sequence=0)["files"] == first
    fill(ring, range(10, 13))
    second = archive.save(ring, keep_sequence=0)["files"]
    assert second.items() >= first.items()
    [new] = second.keys() - first.keys()
    assert new.startswith("segment_000000000010_000000000012_")
    assert saved_files(tmp_path) == second.keys()


def test_a_trajectory_published_after_a_save_is_in_the_next(tmp_path):
    ring, restored, archive = make_ring(), make_ring(), ReplayArchive(tmp_path)
    fill(ring, range(4))
    ring.arrays["entry_stamp"][2] = -3
    archive.save(ring, keep_sequence=0)
    ring.arrays["entry_stamp"][2] = 3
    ReplayArchive(tmp_path).restore(restored, archive.save(ring, keep_sequence=0))
    assert_same_ring(ring, restored)


def test_a_trajectory_never_published_stays_a_hole_that_is_passed(tmp_path):
    ring, restored = make_ring(), make_ring()
    fill(ring, range(6))
    ring.arrays["entry_stamp"][4] = -5
    ReplayArchive(tmp_path).restore(restored, ReplayArchive(tmp_path).save(ring, keep_sequence=0))
    assert restored.entry(4) is None
    assert restored.entry(5) is not None
    for game in range(6, 40):
        fill(restored, range(game, game + 1))
        alive = {sequence: restored.read(sequence) for sequence in range(restored.oldest_sequence, game + 1) if sequence != 4}
        assert len(alive) > 3
        assert all(trajectory is not None and is_whole(trajectory) for trajectory in alive.values())


def test_files_live_as_long_as_a_kept_checkpoint_needs_them(tmp_path):
    ring, archive = make_ring(), ReplayArchive(tmp_path)
    fill(ring, range(5))
    old = archive.save(ring, keep_sequence=0)
    fill(ring, range(5, 60))
    new = archive.save(ring, keep_sequence=old["oldest_sequence"])
    assert not old["files"].keys() & new["files"].keys()
    assert saved_files(tmp_path) == old["files"].keys() | new["files"].keys()
    newest = archive.save(ring, keep_sequence=new["oldest_sequence"])
    assert saved_files(tmp_path) == newest["files"].keys() == new["files"].keys()


def test_a_large_save_is_cut_into_files(tmp_path, monkeypatch):
    ring, restored = make_ring(steps=1000, trajectories=100), make_ring(steps=1000, trajectories=100)
    fill(ring, range(20))
    monkeypatch.setattr(replay_archive, "SEGMENT_BYTES", 1000)
    description = ReplayArchive(tmp_path).save(ring, keep_sequence=0)
    assert len(description["files"]) > 2
    ReplayArchive(tmp_path).restore(restored, description)
    assert_same_ring(ring, restored)


def test_a_new_process_goes_on_where_a_living_ring_was_last_saved(tmp_path):
    ring = make_ring(steps=1000, trajectories=100)
    fill(ring, range(10))
    description = ReplayArchive(tmp_path).save(ring, keep_sequence=0)
    archive = ReplayArchive(tmp_path)
    archive.adopt(description)
    assert archive.save(ring, keep_sequence=0) == description


def test_what_a_killed_save_left_is_cleaned_up(tmp_path):
    (tmp_path / "segment_000000000000_000000000004_0123.writing").write_bytes(b"half")
    ring = make_ring()
    fill(ring, range(5))
    description = ReplayArchive(tmp_path).save(ring, keep_sequence=0)
    assert saved_files(tmp_path) == description["files"].keys()


def flip_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize("damage", [flip_bit, truncate, Path.unlink])
@pytest.mark.parametrize("action", [lambda archive, description: archive.restore(make_ring(), description), ReplayArchive.adopt])
def test_a_damaged_file_is_noticed(tmp_path, damage, action):
    ring, archive = make_ring(), ReplayArchive(tmp_path)
    fill(ring, range(5))
    description = archive.save(ring, keep_sequence=0)
    [name] = description["files"]
    damage(tmp_path / name)
    with pytest.raises(CorruptCheckpoint, match=name):
        action(archive, description)


def test_a_ring_of_another_capacity_is_refused_with_the_right_one(tmp_path):
    description = ReplayArchive(tmp_path).save(make_ring(steps=40), keep_sequence=0)
    with pytest.raises(UserError, match="set replay.capacity_steps=40"):
        ReplayArchive(tmp_path).restore(make_ring(steps=50), description)


def test_a_ring_saved_by_another_version_is_refused(tmp_path, monkeypatch):
    ring = make_ring()
    fill(ring, range(3))
    with monkeypatch.context() as older:
        older.setattr(replay_archive, "ROW_ARRAYS", ("frame", "action"))
        description = ReplayArchive(tmp_path).save(ring, keep_sequence=0)
    with pytest.raises(UserError, match="lacks legal_bits, .*: it is of another version"):
        ReplayArchive(tmp_path).restore(make_ring(), description)
