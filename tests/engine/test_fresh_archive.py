"""Fresh targets on disk: what a save writes, what a restore brings back, and which files live how long."""

import json
from pathlib import Path

import numpy as np
import pytest

from engine import fresh_archive
from engine.checked_files import read_checked
from engine.errors import CorruptCheckpoint
from engine.layout import NO_VERSION
from engine.replay_archive import Description, ReplayArchive
from engine.ring import Ring
from engine.storable import FRESH_ARRAYS
from muzero.errors import UserError
from tests.engine.ring_examples import append, are_equal, make_ring, make_trajectory, write_fresh


def ring_of(games: int, steps: int = 400) -> Ring:
    ring = make_ring(steps=steps, trajectories=64, is_reanalyzed=True)
    for game in range(games):
        append(ring, game, 8)
    return ring


def save(archive: ReplayArchive, ring: Ring, *others: Description) -> Description:
    """Saves while checkpoints with these descriptions are kept."""
    names = {name for other in others for name in other["files"]}
    description: Description = json.loads(json.dumps(archive.save(ring, keep_sequence=0, keep_files=names)))
    return description


def restored(folder: Path, description: Description) -> Ring:
    ring = make_ring(steps=description["capacity_steps"], trajectories=64, is_reanalyzed=True)
    ReplayArchive(folder).restore(ring, description)
    return ring


def fresh_files(description: Description) -> list[str]:
    return [name for name in description["files"] if name.startswith("fresh_")]


def require_same(one: Ring, other: Ring) -> None:
    """Asserts that two rings hold the same trajectories and fresh targets."""
    for sequence in range(one.oldest_sequence, one.claimed_trajectories):
        entry = one.entry(sequence)
        assert entry is not None and entry == other.entry(sequence)
        assert are_equal(one.read(sequence), other.read(sequence))
        rows = one.rows(entry.start, entry.length)
        is_fresh = one.arrays["fresh_version"][rows] != NO_VERSION
        for name in ("fresh_version", "fresh_value"):
            np.testing.assert_array_equal(one.arrays[name][rows], other.arrays[name][rows])
        for name in FRESH_ARRAYS:
            np.testing.assert_array_equal(one.arrays[name][rows][is_fresh], other.arrays[name][rows][is_fresh])


def test_a_restored_ring_has_the_fresh_targets_of_the_saved_one(tmp_path: Path) -> None:
    ring = ring_of(6)
    write_fresh(ring, 1, 2, 4, version=3)
    write_fresh(ring, 5, 0, 8, version=4)
    require_same(ring, restored(tmp_path, save(ReplayArchive(tmp_path), ring)))


def test_a_save_writes_only_the_rows_that_changed_and_the_newest_counts(tmp_path: Path) -> None:
    ring, archive = ring_of(6), ReplayArchive(tmp_path)
    write_fresh(ring, 1, 0, 8, version=3)
    write_fresh(ring, 2, 0, 8, version=3)
    first = save(archive, ring)
    assert save(archive, ring, first) == first
    write_fresh(ring, 2, 4, 3, version=9)
    second = save(archive, ring, first)
    [new] = set(fresh_files(second)) - set(fresh_files(first))
    assert new.startswith("fresh_000000000002_000000000002_")
    arrays = read_checked(tmp_path, new, second["files"][new])
    assert arrays["offset"].tolist() == [4, 5, 6] and arrays["fresh_version"].tolist() == [9, 9, 9]
    require_same(ring, restored(tmp_path, second))


def test_a_resumed_archive_goes_on_where_the_saved_one_was(tmp_path: Path) -> None:
    ring = ring_of(6)
    write_fresh(ring, 1, 0, 8, version=3)
    first = save(ReplayArchive(tmp_path), ring)
    archive, resumed = ReplayArchive(tmp_path), make_ring(steps=400, trajectories=64, is_reanalyzed=True)
    archive.restore(resumed, first)
    assert save(archive, resumed, first) == first
    write_fresh(resumed, 3, 0, 8, version=3)
    second = save(archive, resumed, first)
    assert len(fresh_files(second)) == 2
    require_same(resumed, restored(tmp_path, second))


def test_rows_of_a_newer_trajectory_with_the_same_version_are_saved(tmp_path: Path) -> None:
    ring, archive = ring_of(5, steps=40), ReplayArchive(tmp_path)
    write_fresh(ring, 0, 0, 8, version=3)
    first = save(archive, ring)
    append(ring, 5, 8)  # where trajectory 0 was
    write_fresh(ring, 5, 0, 8, version=3)
    second = save(archive, ring, first)
    require_same(ring, restored(tmp_path, second))
    assert fresh_files(second) != fresh_files(first)


def test_a_row_that_is_being_written_is_left_to_the_next_save(tmp_path: Path) -> None:
    ring, archive = ring_of(2), ReplayArchive(tmp_path)
    write_fresh(ring, 0, 0, 8, version=3)
    ring.arrays["fresh_version"][5] = NO_VERSION
    first = save(archive, ring)
    assert restored(tmp_path, first).arrays["fresh_version"][:8].tolist() == [3, 3, 3, 3, 3, NO_VERSION, 3, 3]
    ring.arrays["fresh_version"][5] = 4
    require_same(ring, restored(tmp_path, save(archive, ring, first)))


def test_files_that_were_replaced_are_given_up_and_live_as_long_as_a_checkpoint_names_them(tmp_path: Path) -> None:
    ring, archive, descriptions = ring_of(4), ReplayArchive(tmp_path), []
    for version in range(12):
        write_fresh(ring, version % 4, 0, 8, version=version)
        write_fresh(ring, 0, 0, 6, version=version)
        descriptions.append(save(archive, ring, *descriptions[-2:]))
        require_same(ring, restored(tmp_path, descriptions[-1]))
    on_disk = {path.name for path in tmp_path.glob("fresh_*")}
    kept = {name for description in descriptions[-3:] for name in fresh_files(description)}
    assert kept <= on_disk
    assert len(fresh_files(descriptions[-1])) <= 4
    assert len(on_disk) <= 8


def test_a_large_save_is_cut_into_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ring_of(10)
    for sequence in range(10):
        write_fresh(ring, sequence, 0, 8, version=sequence)
    monkeypatch.setattr(fresh_archive, "FILE_BYTES", 1000)
    description = save(ReplayArchive(tmp_path), ring)
    assert len(fresh_files(description)) > 2
    require_same(ring, restored(tmp_path, description))


def test_a_living_ring_that_is_adopted_is_saved_whole_again(tmp_path: Path) -> None:
    ring = ring_of(3)
    write_fresh(ring, 1, 0, 8, version=3)
    first, archive = save(ReplayArchive(tmp_path), ring), ReplayArchive(tmp_path)
    archive.adopt(first)
    write_fresh(ring, 2, 0, 8, version=3)
    second = save(archive, ring, first)
    require_same(ring, restored(tmp_path, second))


def test_a_damaged_file_of_fresh_targets_is_noticed(tmp_path: Path) -> None:
    ring = ring_of(3)
    write_fresh(ring, 1, 0, 8, version=3)
    description = save(ReplayArchive(tmp_path), ring)
    [name] = fresh_files(description)
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    with pytest.raises(CorruptCheckpoint, match=name):
        restored(tmp_path, description)


def test_a_run_saved_without_reanalysis_cannot_be_reanalyzed(tmp_path: Path) -> None:
    ring = make_ring(steps=400, trajectories=64)
    ring.append(make_trajectory())
    description = save(ReplayArchive(tmp_path), ring)
    with pytest.raises(UserError, match="resume it with reanalyze.fraction=0"):
        restored(tmp_path, description)


def test_a_run_saved_with_reanalysis_goes_on_without(tmp_path: Path) -> None:
    ring, plain, archive = ring_of(3), make_ring(steps=400, trajectories=64), ReplayArchive(tmp_path)
    write_fresh(ring, 1, 0, 8, version=3)
    first = save(ReplayArchive(tmp_path), ring)
    archive.restore(plain, first)
    np.testing.assert_array_equal(plain.read(1).policy_action, ring.read(1).policy_action)  # type: ignore[union-attr]
    second = save(archive, plain, first)
    assert fresh_files(second) == [] and list(tmp_path.glob("fresh_*"))
    save(archive, plain, second)
    assert not list(tmp_path.glob("fresh_*"))
