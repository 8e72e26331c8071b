"""Which trajectories of the ring the learner has taken in, and which of them each row belongs to. No drawing, no copying."""

from collections.abc import Iterator, Mapping

import numpy as np

from engine.ring import Entry, Ring
from muzero.types import Int64Array

NO_SEQUENCE = -1
TABLES = ("row_sequence", "slot_sequence", "slot_start", "slot_length", "slot_is_terminal")


class KnownTrajectories:
    """The learner's private copy of the ring's index, for kernels.

    Attributes:
        row_sequence: int64 [R], the trajectory of each physical row, NO_SEQUENCE if none.
        slot_sequence: int64 [M], the trajectory known of each index entry, NO_SEQUENCE if none.
        slot_start: int64 [M], its absolute first row.
        slot_length: int64 [M], its rows.
        slot_is_terminal: int64 [M], 1 if its episode ended by its rules.
    """

    def __init__(self, ring: Ring) -> None:
        """Knows nothing yet of this ring."""
        self._ring = ring
        rows, trajectories = ring.capacity_steps, ring.max_trajectories
        self.row_sequence = np.full(rows, NO_SEQUENCE, dtype=np.int64)
        self.slot_sequence = np.full(trajectories, NO_SEQUENCE, dtype=np.int64)
        self.slot_start = np.zeros(trajectories, dtype=np.int64)
        self.slot_length = np.zeros(trajectories, dtype=np.int64)
        self.slot_is_terminal = np.zeros(trajectories, dtype=np.int64)

    def add(self, entry: Entry) -> slice:
        """Takes a trajectory in; returns its physical rows."""
        slot, rows = entry.sequence % self._ring.max_trajectories, self._ring.rows(entry.start, entry.length)
        self.slot_sequence[slot], self.slot_start[slot], self.slot_length[slot] = entry.sequence, entry.start, entry.length
        self.slot_is_terminal[slot] = entry.is_terminal
        self.row_sequence[rows] = entry.sequence
        return rows

    def knows(self, sequence: int) -> bool:
        """Returns whether a trajectory is taken in."""
        return bool(self.slot_sequence[sequence % self._ring.max_trajectories] == sequence)

    def forget(self, sequence: int) -> slice:
        """Drops a known trajectory; returns its physical rows."""
        slot = sequence % self._ring.max_trajectories
        rows = self._ring.rows(int(self.slot_start[slot]), int(self.slot_length[slot]))
        self.row_sequence[rows] = NO_SEQUENCE
        self.slot_sequence[slot] = NO_SEQUENCE
        return rows

    def missing(self) -> Iterator[int]:
        """Yields those that the ring does not hold."""
        for sequence in self.slot_sequence[self.slot_sequence != NO_SEQUENCE].tolist():
            if self._ring.entry(sequence) is None:
                yield sequence

    def entries(self) -> Iterator[Entry]:
        """Yields the index entries of those that the ring holds."""
        for sequence in self.slot_sequence[self.slot_sequence != NO_SEQUENCE].tolist():
            if (entry := self._ring.entry(sequence)) is not None:
                yield entry

    def slots_of(self, row: Int64Array) -> Int64Array:
        """Returns the index entry, int64 [n], of the trajectory that each physical row belongs to."""
        return self.row_sequence[row] % self._ring.max_trajectories

    def current(self, row: Int64Array) -> tuple[Int64Array, np.ndarray[tuple[int], np.dtype[np.bool_]]]:
        """Returns where absolute rows lie, int64 [n], and whether they are still what lies there, bool [n]."""
        capacity_steps = self._ring.capacity_steps
        physical = row % capacity_steps
        start = self.slot_start[self.slots_of(physical)]
        is_current = self.row_sequence[physical] != NO_SEQUENCE
        return physical, is_current & (start + (physical - start) % capacity_steps == row)

    def state(self) -> dict[str, Int64Array]:
        """Returns copies of the tables by name."""
        return {name: getattr(self, name).copy() for name in TABLES}

    def load_state(self, state: Mapping[str, Int64Array]) -> None:
        """Restores what `state` returned."""
        for name in TABLES:
            getattr(self, name)[:] = state[name]
