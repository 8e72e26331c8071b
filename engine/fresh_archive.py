"""The fresh targets of the ring on disk: files that each hold the rows whose targets changed since the save before.

The trajectories themselves are saved by `engine/replay_archive.py`. Of a row that several files hold, the greatest version is the
newest. A file most of whose rows later files hold too is given up: what only it holds is written again.
"""

from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from engine.atomics import finish_reads
from engine.checked_files import write_checked
from engine.layout import NO_VERSION
from engine.ring import Ring
from engine.storable import FRESH_ARRAYS
from muzero.types import Int64Array

FILE_BYTES = 64 << 20
"""About the size of a full file; bounds the memory a save needs."""
FRESH_PREFIX = "fresh_"
NO_FILE = -1
MIN_USED_SHARE = 0.5
"""A file with fewer of its rows still needed is given up, so that files hold at most twice what the ring does."""


class FreshArchive:
    """Remembers what of one ring's fresh targets is on disk.

    Attributes:
        checksums: SHA-256 of each file that a restore needs, by name.
    """

    def __init__(self, folder: Path, ring: Ring) -> None:
        """Nothing is saved yet.

        Args:
            folder: made by its user.
            ring: one with room for fresh targets.
        """
        self.checksums: dict[str, str] = {}
        self._folder, self._ring = folder, ring
        self._names: list[str] = []
        self._num_rows: list[int] = []
        self._saved_version = np.full(ring.capacity_steps, NO_VERSION, dtype=np.int64)
        self._file = np.full(ring.capacity_steps, NO_FILE, dtype=np.int32)

    def forget(self, trajectories: Iterable[slice]) -> None:
        """Takes note that these rows now belong to trajectories that have just been saved for the first time."""
        for rows in trajectories:
            self._saved_version[rows], self._file[rows] = NO_VERSION, NO_FILE

    def save(self, sequences: Int64Array, beat: Callable[[], None]) -> None:
        """Writes the targets that changed since the last save.

        Args:
            sequences: int64 [n], the saved trajectories that the ring still holds.
            beat: called after each file.
        """
        self._give_up_old_files()
        fresh_version = self._ring.arrays["fresh_version"]
        changed = np.flatnonzero((fresh_version != self._saved_version) & (fresh_version != NO_VERSION))
        row, sequence = self._owned(changed, sequences)
        row_bytes = sum(self._ring.arrays[name][:1].nbytes for name in FRESH_ARRAYS)
        for begin in range(0, len(row), max(1, FILE_BYTES // row_bytes)):
            part = slice(begin, begin + max(1, FILE_BYTES // row_bytes))
            self._write(row[part], sequence[part])
            beat()

    def put(self, name: str, checksum: str, arrays: dict[str, NDArray[Any]]) -> None:
        """Restores what a file holds of the trajectories that the ring holds.

        Args:
            name, checksum: of the file.
            arrays: its contents.
        """
        slot = arrays["sequence"] % self._ring.max_trajectories
        is_there = self._ring.arrays["entry_stamp"][slot] == arrays["sequence"] + 1
        row = self._ring.arrays["entry_start"][slot] % self._ring.capacity_steps + arrays["offset"]
        is_newer = is_there & (arrays["fresh_version"] > self._ring.arrays["fresh_version"][row % self._ring.capacity_steps])
        for array_name in FRESH_ARRAYS:
            self._ring.arrays[array_name][row[is_newer]] = arrays[array_name][is_newer]
        self._remember(name, checksum, row[is_newer], arrays["fresh_version"][is_newer], len(row))

    def _give_up_old_files(self) -> None:
        used = np.bincount(self._file[self._file != NO_FILE], minlength=len(self._names))
        for index, name in enumerate(self._names):
            if name in self.checksums and used[index] < MIN_USED_SHARE * self._num_rows[index]:
                del self.checksums[name]
                rows = self._file == index
                self._saved_version[rows], self._file[rows] = NO_VERSION, NO_FILE

    def _owned(self, row: Int64Array, sequences: Int64Array) -> tuple[Int64Array, Int64Array]:
        """Returns those of the physical rows that belong to these trajectories, and to which, int64 [m] each."""
        slot = sequences % self._ring.max_trajectories
        start = self._ring.arrays["entry_start"][slot] % self._ring.capacity_steps
        order = np.argsort(start)
        owner = np.searchsorted(start[order], row, side="right") - 1
        row, index = row[owner >= 0], order[owner[owner >= 0]]
        is_owned = row < start[index] + self._ring.arrays["entry_length"][slot[index]]
        return row[is_owned], sequences[index[is_owned]]

    def _write(self, row: Int64Array, sequence: Int64Array) -> None:
        """Writes one file with those rows that nobody wrote to while they were copied; the others are left to the next save."""
        arrays = self._ring.arrays
        offset = row - arrays["entry_start"][sequence % self._ring.max_trajectories] % self._ring.capacity_steps
        before = arrays["fresh_version"][row]
        finish_reads()
        copies = {name: arrays[name][row] for name in FRESH_ARRAYS}
        finish_reads()
        is_whole = (arrays["fresh_version"][row] == before) & (before != NO_VERSION) & self._ring.are_valid(sequence)
        if not is_whole.any():
            return
        content = {"sequence": sequence, "offset": offset, **copies, "fresh_version": before}
        content = {name: np.ascontiguousarray(values[is_whole]) for name, values in content.items()}
        stem = f"{FRESH_PREFIX}{content['sequence'].min():012d}_{content['sequence'].max():012d}"
        name, checksum = write_checked(self._folder, stem, content)
        self._remember(name, checksum, row[is_whole], before[is_whole], int(is_whole.sum()))

    def _remember(self, name: str, checksum: str, row: Int64Array, version: Int64Array, num_rows: int) -> None:
        self._saved_version[row], self._file[row] = version, len(self._names)
        self._names.append(name)
        self._num_rows.append(num_rows)
        self.checksums[name] = checksum
