"""The replay log in shared memory: how trajectories get in and how they are read. No sampling, no saving.

Step arrays of R rows and an index of M entries. Trajectory number q (its sequence) has its entry at q % M; its rows lie together
from absolute row `start`, row r at r % R. Sequences and absolute rows grow for ever; both rings overwrite their oldest.

Writing (`append`), for writer number i:
  1. lock byte 1+i: "writer i is in an append";
  2. lock byte 0, the claim lock: choose the rows, skipping the physical end of the ring where the trajectory does not fit;
     move OLDEST_SEQUENCE past every trajectory whose rows or entry the claim overwrites; fill the entry, its stamp -(q+1);
     CLAIMED_ROWS; CLAIMED_TRAJECTORIES last; unlock byte 0;
  3. copy the rows; stamp q+1; under the claim lock PUBLISHED_ROWS; unlock byte 1+i.
A claim never overwrites the rows of a writer that may still be copying: it waits for the stamp, and passes an unpublished entry
only when byte 1+actor is free, which means its writer is dead (or gave up). While it waits it keeps what it has already moved
OLDEST_SEQUENCE to and releases the claim lock: a restarted writer can then pass the entry it left in its earlier life itself.

Killed anywhere, the ring stays usable. The kernel frees both locks. Until CLAIMED_TRAJECTORIES moves, nobody looks at entry q,
and the next claim takes the same q: trajectories before OLDEST_SEQUENCE are lost, and if CLAIMED_ROWS had moved already, its rows
stay unused once. After it, the entry stays unpublished for ever and is passed. Killed between stamp and PUBLISHED_ROWS, its rows
are not counted.

Reading takes no lock: an entry counts if its stamp is q+1, and whatever was copied counts if afterwards, behind a fence,
OLDEST_SEQUENCE has not passed q.

Fresh targets (`write_fresh`) are written under the claim lock, so that nobody moves OLDEST_SEQUENCE past their trajectory
meanwhile: they never touch a newer one. A row's fresh_version is withdrawn, its data written, then its new version set; a killed
reanalyzer leaves at worst rows without fresh targets. Versions of a row only grow: a reader that sees the same one before and after
copying has one whole target.

The locks are those of `engine/record_locks.py`. One process may write through one Ring only, from one thread.
"""

import time
from dataclasses import dataclass

import numpy as np

from engine.atomics import finish_reads, load, order_writes, store
from engine.errors import PeerDied
from engine.layout import NO_VERSION, WORDS_PER_LINE, RingWord
from engine.record_locks import RecordLocks, pauses
from engine.shared_memory import Segment
from engine.storable import ROW_ARRAYS, require_fresh_storable, require_storable
from muzero.types import BoolArray, Float32Array, Int32Array, Int64Array, Trajectory

CLAIM_LOCK_BYTE = 0
FIRST_WRITER_LOCK_BYTE = 1


@dataclass(frozen=True)
class Entry:
    """The index entry of one published trajectory.

    Attributes:
        sequence: its number q.
        start: absolute first row.
        length: rows.
        is_terminal, actor, game, first_move: as in `Trajectory`.
    """

    sequence: int
    start: int
    length: int
    is_terminal: bool
    actor: int
    game: int
    first_move: int


class Ring:
    """One process's view of the ring.

    Attributes:
        arrays: the arrays of `ring_layout`.
        capacity_steps: R.
        max_trajectories: M.
        is_reanalyzed: whether it has room for fresh targets.
    """

    def __init__(self, segment: Segment, lock_fd: int | None, writer_index: int = 0) -> None:
        """Uses a segment of `ring_layout`.

        Args:
            segment: the rows and their index.
            lock_fd: the descriptor of `record_locks.create_lock_file`; None in one-process mode, where nobody else writes.
            writer_index: number of this writer, unique among live processes; readers may leave it 0.
        """
        self.arrays = segment.arrays
        self.capacity_steps = len(segment.arrays["action"])
        self.max_trajectories = len(segment.arrays["entry_stamp"])
        self.is_reanalyzed = len(segment.arrays["fresh_version"]) > 0
        self._header = segment.arrays["header"]
        self._stamp = segment.arrays["entry_stamp"]
        self._locks = RecordLocks(lock_fd)
        self._writer_index = writer_index

    @property
    def claimed_rows(self) -> int:
        """Absolute row after the newest claim."""
        return self._word(RingWord.CLAIMED_ROWS)

    @property
    def claimed_trajectories(self) -> int:
        """Sequence of the next trajectory."""
        return self._word(RingWord.CLAIMED_TRAJECTORIES)

    @property
    def oldest_sequence(self) -> int:
        """Trajectories before it are gone."""
        return self._word(RingWord.OLDEST_SEQUENCE)

    @property
    def published_rows(self) -> int:
        """Rows ever published."""
        return self._word(RingWord.PUBLISHED_ROWS)

    def entry(self, sequence: int) -> Entry | None:
        """Returns the entry of a trajectory, or None if it is not published (yet) or overwritten."""
        slot = sequence % self.max_trajectories
        if sequence < 0 or load(self._stamp, slot) != sequence + 1:
            return None
        fields = [int(self.arrays[f"entry_{name}"][slot]) for name in ("start", "length", "is_terminal", "actor", "game", "first_move")]
        start, length, is_terminal, actor, game, first_move = fields
        if not self.is_valid(sequence):
            return None
        return Entry(sequence, start, length, bool(is_terminal), actor, game, first_move)

    def is_valid(self, sequence: int) -> bool:
        """Returns whether all that was read of this published trajectory before this call is whole."""
        finish_reads()
        return sequence >= self.oldest_sequence

    def are_valid(self, sequences: Int64Array) -> BoolArray:
        """Returns the same for many, bool [n]."""
        finish_reads()
        return sequences >= self.oldest_sequence

    def read(self, sequence: int) -> Trajectory | None:
        """Returns a copy of a trajectory, or None if it is not published (yet) or overwritten."""
        entry = self.entry(sequence)
        if entry is None:
            return None
        rows = self.rows(entry.start, entry.length)
        copies = {name: self.arrays[name][rows].copy() for name in ROW_ARRAYS}
        if not self.is_valid(sequence):
            return None
        return Trajectory(
            **copies, is_terminal=entry.is_terminal, actor_index=entry.actor, game_index=entry.game, first_move=entry.first_move
        )

    def rows(self, start: int, length: int) -> slice:
        """Returns where in the step arrays these absolute rows lie."""
        first = start % self.capacity_steps
        return slice(first, first + length)

    def append(self, trajectory: Trajectory, deadline_seconds: float = 30.0) -> int:
        """Writes a trajectory and publishes it.

        Args:
            trajectory: finite numbers, at most R rows, P policy entries a row.
            deadline_seconds: longest wait for the locks and for a slower writer whose rows are next to be overwritten.

        Returns:
            Its sequence.

        Raises:
            UserError: it is longer than the ring.
            ValueError: its arrays do not fit one another or the ring, or hold a number that is not finite.
            PeerDied: another writer is alive but did not move for too long.
        """
        require_storable(trajectory, self.arrays, self._writer_index)
        deadline = time.monotonic() + deadline_seconds
        with self._locks.hold(FIRST_WRITER_LOCK_BYTE + self._writer_index, deadline):
            sequence, start = self._claim(trajectory, deadline)
            rows = self.rows(start, len(trajectory))
            self.forget_fresh(rows, trajectory.root_value)
            for name in ROW_ARRAYS:
                self.arrays[name][rows] = getattr(trajectory, name)
            store(self._stamp, sequence % self.max_trajectories, sequence + 1)
            with self._locks.hold(CLAIM_LOCK_BYTE, time.monotonic() + deadline_seconds):
                self._set_word(RingWord.PUBLISHED_ROWS, self.published_rows + len(trajectory))
        return sequence

    def write_fresh(
        self,
        sequence: int,
        offset: int,
        policy_action: Int32Array,
        policy_weight: Float32Array,
        value: Float32Array,
        version: int,
        deadline_seconds: float = 30.0,
    ) -> bool:
        """Writes what a new search says about consecutive rows of a trajectory beside the originals.

        Rows that already hold targets of this version or a newer one keep them.

        Args:
            sequence: the trajectory.
            offset: its first row that was searched.
            policy_action: int32 [n, P].
            policy_weight: float32 [n, P].
            value: float32 [n], root values in game points, seen by the player to move.
            version: version of the weights that searched, at least 0.
            deadline_seconds: longest wait for the claim lock.

        Returns:
            Whether the trajectory was still there.

        Raises:
            ValueError: the arrays do not fit one another, the ring or the trajectory, or hold a number that is not finite.
            PeerDied: a live process held the lock for too long.
        """
        require_fresh_storable(policy_action, policy_weight, value, version, self.arrays)
        with self._locks.hold(CLAIM_LOCK_BYTE, time.monotonic() + deadline_seconds):
            entry = self.entry(sequence)
            if entry is None:
                return False
            if not 0 <= offset <= entry.length - len(value):
                raise ValueError(f"rows {offset} to {offset + len(value) - 1} of trajectory {sequence}, which has {entry.length}.")
            rows = self.rows(entry.start + offset, len(value))
            older = np.flatnonzero(self.arrays["fresh_version"][rows] < version)
            self._put_fresh(rows.start + older, policy_action[older], policy_weight[older], value[older], version)
        return True

    def _put_fresh(
        self, row: Int64Array, policy_action: Int32Array, policy_weight: Float32Array, value: Float32Array, version: int
    ) -> None:
        """Writes fresh targets so that a reader notices, and so that nothing half written has a version."""
        self.arrays["fresh_version"][row] = NO_VERSION
        order_writes()
        self.arrays["fresh_policy_action"][row] = policy_action
        self.arrays["fresh_policy_weight"][row] = policy_weight
        self.arrays["fresh_value"][row] = value
        order_writes()
        self.arrays["fresh_version"][row] = version

    def forget_fresh(self, rows: slice, root_value: Float32Array) -> None:
        """Makes claimed rows ones that were never reanalyzed: no version, and as fresh value the original."""
        if self.is_reanalyzed:
            self.arrays["fresh_version"][rows] = NO_VERSION
            self.arrays["fresh_value"][rows] = root_value

    def _claim(self, trajectory: Trajectory, deadline: float) -> tuple[int, int]:
        """Waits until there is room, takes it, and returns the sequence and the absolute first row."""
        for _ in pauses():
            with self._locks.hold(CLAIM_LOCK_BYTE, deadline):
                start = self._next_start(len(trajectory))
                blocking = self._make_room(start + len(trajectory))
                if blocking is None:
                    return self._write_entry(trajectory, start), start
            if time.monotonic() > deadline:
                actor = self.arrays["entry_actor"][blocking % self.max_trajectories]
                raise PeerDied(
                    f"actor {actor} is alive but has not finished trajectory {blocking}, which is next to be overwritten: "
                    "resume or kill that process, or raise replay.capacity_steps."
                )
        raise AssertionError("pauses never end")

    def _next_start(self, length: int) -> int:
        """Returns the absolute first row of the next trajectory, so that its rows lie together."""
        claimed = self.claimed_rows
        offset = claimed % self.capacity_steps
        return claimed if offset + length <= self.capacity_steps else claimed + self.capacity_steps - offset

    def _make_room(self, end: int) -> int | None:
        """Moves OLDEST_SEQUENCE past all that a claim up to this absolute row overwrites.

        Returns:
            None, or the sequence that is still being written and must be waited for.
        """
        oldest, claimed = self.oldest_sequence, self.claimed_trajectories
        blocking = None
        while oldest < claimed and (
            oldest <= claimed - self.max_trajectories
            or self.arrays["entry_start"][oldest % self.max_trajectories] < end - self.capacity_steps
        ):
            if self._is_being_written(oldest):
                blocking = oldest
                break
            oldest += 1
        self._set_word(RingWord.OLDEST_SEQUENCE, oldest)
        order_writes()
        return blocking

    def _is_being_written(self, sequence: int) -> bool:
        """Returns whether a live writer may still be copying into this trajectory."""
        slot = sequence % self.max_trajectories
        writer_byte = FIRST_WRITER_LOCK_BYTE + int(self.arrays["entry_actor"][slot])
        if load(self._stamp, slot) != -(sequence + 1) or self._locks.is_free(writer_byte):
            return False
        return load(self._stamp, slot) == -(sequence + 1)

    def _write_entry(self, trajectory: Trajectory, start: int) -> int:
        """Fills the next entry and moves the claim words, CLAIMED_TRAJECTORIES last; returns the sequence."""
        sequence = self.claimed_trajectories
        slot = sequence % self.max_trajectories
        store(self._stamp, slot, -(sequence + 1))
        order_writes()
        fields = {
            "start": start,
            "length": len(trajectory),
            "is_terminal": int(trajectory.is_terminal),
            "actor": self._writer_index,
            "game": trajectory.game_index,
            "first_move": trajectory.first_move,
        }
        for name, value in fields.items():
            self.arrays[f"entry_{name}"][slot] = value
        self._set_word(RingWord.CLAIMED_ROWS, start + len(trajectory))
        self._set_word(RingWord.CLAIMED_TRAJECTORIES, sequence + 1)
        return sequence

    def _word(self, word: RingWord) -> int:
        return load(self._header, word * WORDS_PER_LINE)

    def _set_word(self, word: RingWord, value: int) -> None:
        store(self._header, word * WORDS_PER_LINE, value)
