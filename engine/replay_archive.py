"""The ring on disk: a log of segment files, each written once. Which checkpoint needs which file is in the checkpoint's manifest.

A save appends the trajectories published since the last one, so that a large ring costs a resume, not a pause, and then the fresh
targets that changed (`engine/fresh_archive.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.atomics import store
from engine.checked_files import PARTIAL_SUFFIX, SUFFIX, read_checked, write_checked
from engine.fresh_archive import FRESH_PREFIX, FreshArchive
from engine.layout import WORDS_PER_LINE, RingWord
from engine.ring import Entry, Ring
from engine.storable import ROW_ARRAYS
from muzero.errors import UserError
from muzero.types import Int64Array, Trajectory

SEGMENT_BYTES = 64 << 20
"""A segment file ends with the trajectory that makes it this large; bounds the memory a save needs."""
ENTRY_FIELDS = ("sequence", "start", "length", "is_terminal", "actor", "game", "first_move")
HEADER_WORDS = (RingWord.OLDEST_SEQUENCE, RingWord.PUBLISHED_ROWS, RingWord.CLAIMED_ROWS, RingWord.CLAIMED_TRAJECTORIES)
"""In the order they are restored: until the last is there, the ring is an empty one."""
Description = dict[str, Any]
"""A saved ring, ready for JSON: header words, capacities and {file name: SHA-256}."""


class ReplayArchive:
    """The segment files of one run."""

    def __init__(self, folder: Path) -> None:
        """Uses a folder, made at the first save."""
        self._folder = folder
        self._checksums: dict[str, str] = {}
        self._saved: set[int] = set()
        self._fresh: FreshArchive | None = None

    def save(
        self, ring: Ring, *, keep_sequence: int, keep_files: Iterable[str] = (), beat: Callable[[], None] = lambda: None
    ) -> Description:
        """Writes what is new in the ring and drops files that nobody needs.

        Args:
            ring: may be written to meanwhile; what is overwritten before it was copied is left out.
            keep_sequence: oldest trajectory that any checkpoint on the disk refers to.
            keep_files: names of all files that they refer to.
            beat: called after each file.

        Returns:
            The description to hand to `restore`.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        self._drop(min(keep_sequence, ring.oldest_sequence), keep_files)
        fresh = self._fresh_of(ring)
        claimed = ring.claimed_trajectories
        words = {"claimed_trajectories": claimed, "claimed_rows": ring.claimed_rows, "published_rows": ring.published_rows}
        for part in _parts(self._unsaved(ring, claimed)):
            self._write(part)
            beat()
            if fresh is not None:
                fresh.forget([ring.rows(entry.start, entry.length) for entry, _ in part])
        if fresh is not None:
            fresh.save(self._saved_between(ring.oldest_sequence, claimed), beat)
        oldest = min(ring.oldest_sequence, claimed)
        checksums = self._checksums | (fresh.checksums if fresh is not None else {})
        files = {name: checksum for name, checksum in checksums.items() if _last_sequence(name) >= oldest}
        capacities = {"capacity_steps": ring.capacity_steps, "max_trajectories": ring.max_trajectories}
        return {**words, "oldest_sequence": oldest, **capacities, "files": files}

    def adopt(self, description: Description) -> None:
        """Goes on from an earlier save of the same, living ring: the trajectories that its files hold are not written again.

        Raises:
            CorruptCheckpoint: a file is missing or changed.
        """
        self._checksums, self._saved = {}, set()
        for name, checksum in _segments(description).items():
            arrays = self._read_segment(name, checksum)
            self._remember(name, checksum, arrays["sequence"])

    def restore(self, ring: Ring, description: Description) -> None:
        """Fills a fresh ring as it was saved: same rows, sequences and header words. Nobody else may use the ring yet.

        Raises:
            CorruptCheckpoint: a file is missing or changed.
            UserError: the ring has another capacity than the saved one, or is to be reanalyzed and the saved one was not.
        """
        saved_steps, saved_trajectories = description["capacity_steps"], description["max_trajectories"]
        if (saved_steps, saved_trajectories) != (ring.capacity_steps, ring.max_trajectories):
            raise UserError(
                f"the saved ring holds {saved_steps} steps, this one {ring.capacity_steps}: set replay.capacity_steps={saved_steps}."
            )
        self._checksums, self._saved = {}, set()
        _fill_index_with_holes(ring, description)
        for name, checksum in _segments(description).items():
            arrays = self._read_segment(name, checksum)
            self._remember(name, checksum, arrays["sequence"])
            _put_trajectories(ring, arrays, description["oldest_sequence"], description["claimed_trajectories"])
        fresh = self._fresh_of(ring)
        for name, checksum in description["files"].items():
            if fresh is not None and name.startswith(FRESH_PREFIX):
                fresh.put(name, checksum, read_checked(self._folder, name, checksum))
        for word in HEADER_WORDS:
            store(ring.arrays["header"], word * WORDS_PER_LINE, description[word.name.lower()])

    def _unsaved(self, ring: Ring, claimed: int) -> Iterator[tuple[Entry, Trajectory]]:
        """Yields copies of all published trajectories before `claimed` that no file holds."""
        for sequence in range(ring.oldest_sequence, claimed):
            if sequence in self._saved:
                continue
            entry, trajectory = ring.entry(sequence), ring.read(sequence)
            if entry is not None and trajectory is not None:
                yield entry, trajectory

    def _write(self, part: list[tuple[Entry, Trajectory]]) -> None:
        """Writes one segment file: temporary name, fsync, rename."""
        arrays: dict[str, NDArray[Any]] = {
            field: np.array([getattr(entry, field) for entry, _ in part], dtype=np.int64) for field in ENTRY_FIELDS
        }
        arrays |= {name: np.concatenate([getattr(trajectory, name) for _, trajectory in part]) for name in ROW_ARRAYS}
        sequence = arrays["sequence"]
        name, checksum = write_checked(self._folder, f"segment_{sequence.min():012d}_{sequence.max():012d}", arrays)
        self._remember(name, checksum, sequence)

    def _saved_between(self, oldest: int, claimed: int) -> Int64Array:
        """Returns the saved trajectories of a range, int64 [n]."""
        return np.array([sequence for sequence in self._saved if oldest <= sequence < claimed], dtype=np.int64)

    def _fresh_of(self, ring: Ring) -> FreshArchive | None:
        """Returns the archive of the ring's fresh targets, None where it has none."""
        if self._fresh is None and ring.is_reanalyzed:
            self._fresh = FreshArchive(self._folder, ring)
        return self._fresh

    def _remember(self, name: str, checksum: str, sequences: NDArray[np.int64]) -> None:
        self._checksums[name] = checksum
        self._saved.update(sequences.tolist())

    def _read_segment(self, name: str, checksum: str) -> dict[str, NDArray[Any]]:
        """Returns the arrays of a segment file whose checksum is right and that has all of them."""
        arrays = read_checked(self._folder, name, checksum)
        if missing := {*ROW_ARRAYS, *ENTRY_FIELDS} - arrays.keys():
            raise UserError(f"the saved ring lacks {', '.join(sorted(missing))}: it is of another version, use the one that made it.")
        return arrays

    def _drop(self, keep_sequence: int, keep_files: Iterable[str]) -> None:
        """Deletes files whose every trajectory is older, fresh ones that nobody names, and what a killed save left half written."""
        for path in (*self._folder.glob(f"segment_*{PARTIAL_SUFFIX}"), *self._folder.glob(f"{FRESH_PREFIX}*{PARTIAL_SUFFIX}")):
            path.unlink()
        for path in self._folder.glob(f"segment_*{SUFFIX}"):
            if _last_sequence(path.name) < keep_sequence:
                path.unlink()
                self._checksums.pop(path.name, None)
        kept = {*keep_files, *(self._fresh.checksums if self._fresh is not None else ())}
        for path in self._folder.glob(f"{FRESH_PREFIX}*{SUFFIX}"):
            if path.name not in kept:
                path.unlink()
        self._saved = {sequence for sequence in self._saved if sequence >= keep_sequence}


def _last_sequence(name: str) -> int:
    return int(name.split("_")[2])


def _segments(description: Description) -> dict[str, str]:
    """Returns the files with trajectories, and their checksums."""
    return {name: checksum for name, checksum in description["files"].items() if not name.startswith(FRESH_PREFIX)}


def _parts(trajectories: Iterator[tuple[Entry, Trajectory]]) -> Iterator[list[tuple[Entry, Trajectory]]]:
    """Cuts a stream of trajectories into lists of about SEGMENT_BYTES."""
    part, size_bytes = [], 0
    for entry, trajectory in trajectories:
        part.append((entry, trajectory))
        size_bytes += sum(getattr(trajectory, name).nbytes for name in ROW_ARRAYS)
        if size_bytes >= SEGMENT_BYTES:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part


def _fill_index_with_holes(ring: Ring, description: Description) -> None:
    """Makes each entry that lives one that was never published, beginning at the end: what no file holds stays so."""
    for sequence in range(description["oldest_sequence"], description["claimed_trajectories"]):
        slot = sequence % ring.max_trajectories
        store(ring.arrays["entry_stamp"], slot, 0)
        ring.arrays["entry_start"][slot] = description["claimed_rows"] - ring.capacity_steps
        ring.arrays["entry_length"][slot] = 0


def _put_trajectories(ring: Ring, arrays: dict[str, NDArray[Any]], oldest: int, claimed: int) -> None:
    """Puts the trajectories of one file where they were; nothing of them is fresh yet.

    Raises:
        UserError: the ring is to be reanalyzed, but the legal actions of these positions were not saved.
    """
    if ring.is_reanalyzed and arrays["legal_bits"].shape[1] == 0:
        raise UserError(
            "this run was saved without reanalysis, which needs the legal actions of each stored position: "
            "resume it with reanalyze.fraction=0, or start a new run."
        )
    names = [name for name in ROW_ARRAYS if name != "legal_bits" or ring.is_reanalyzed]
    offsets = np.cumsum(arrays["length"]) - arrays["length"]
    for index, (sequence, start, length) in enumerate(zip(arrays["sequence"], arrays["start"], arrays["length"], strict=True)):
        if not oldest <= sequence < claimed:
            continue
        slot = int(sequence % ring.max_trajectories)
        for field in ENTRY_FIELDS[1:]:
            ring.arrays[f"entry_{field}"][slot] = arrays[field][index]
        rows, saved = ring.rows(int(start), int(length)), slice(offsets[index], offsets[index] + length)
        for name in names:
            ring.arrays[name][rows] = arrays[name][saved]
        ring.forget_fresh(rows, arrays["root_value"][saved])
        store(ring.arrays["entry_stamp"], slot, int(sequence) + 1)
