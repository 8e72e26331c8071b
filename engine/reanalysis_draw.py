"""Which stored positions are searched again: chunks of consecutive rows, drawn from the ring without locks. No search in here.

A trajectory of n searched rows has n + L - 1 places for a chunk of L rows that meets it; what lies outside is cut off. Every
place of every trajectory is equally likely, hence every row equally likely covered.
"""

from dataclasses import dataclass

import numpy as np

from engine.ring import Entry, Ring
from muzero.config import ReanalyzeConfig
from muzero.jit import njit
from muzero.targets import nstep_value
from muzero.types import Float32Array, GameSpec, Int8Array, Int64Array

NUM_CANDIDATES = 16
"""Chunks that one is chosen from where it matters which."""
MAX_DRAWS_PER_CHUNK = 4
"""Draws are lost where a trajectory is overwritten meanwhile; after so many a batch may stay smaller."""


@dataclass(frozen=True)
class Chunk:
    """Consecutive rows of one trajectory.

    Attributes:
        sequence: of the trajectory.
        start: physical row of the trajectory's first row.
        offset: of the first row of the chunk in the trajectory.
        length: rows.
    """

    sequence: int
    start: int
    offset: int
    length: int

    @property
    def rows(self) -> slice:
        """Where it lies in the step arrays."""
        return slice(self.start + self.offset, self.start + self.offset + self.length)


@dataclass(frozen=True)
class Catalogue:
    """The trajectories of the ring at one moment, n of them.

    Attributes:
        sequence: int64 [n].
        num_history: int64 [n], first rows that were not searched (HISTORY_ONLY).
        num_searched: int64 [n], rows that were.
    """

    sequence: Int64Array
    num_history: Int64Array
    num_searched: Int64Array

    def places(self, random: np.random.Generator, length: int, count: int) -> tuple[Int64Array, Int64Array]:
        """Draws places of chunks.

        Args:
            random: the batch's generator.
            length: L, rows of a chunk.
            count: how many places.

        Returns:
            The trajectories' indices, int64 [count], and where among their searched rows the chunks begin, int64 [count], from 1 - L.
        """
        ends = np.cumsum(self.num_searched + (length - 1))
        number = random.integers(ends[-1], size=count)
        index = np.searchsorted(ends, number, side="right")
        return index, number - ends[index] + self.num_searched[index]


class ChunkDraw:
    """Draws chunks from a ring.

    Args:
        ring: the ring, for reading only.
        spec: the game.
        config: chunk length and what is preferred.
        td_steps, discount: of the n-step values that `priority` compares search values with.
    """

    def __init__(self, ring: Ring, spec: GameSpec, config: ReanalyzeConfig, td_steps: int, discount: float) -> None:
        self._ring, self._config, self._td_steps, self._discount = ring, config, td_steps, discount
        self._most_history = spec.num_frames - 1

    def draw(self, random: np.random.Generator, num_rows: int) -> list[Chunk]:
        """Returns chunks of that many rows together; of fewer only where trajectories were overwritten meanwhile.

        A chunk that the ends of its trajectory made shorter leaves room for one more; the last one is drawn as short as the
        room is, so that its rows are as likely as any.

        Args:
            random: the batch's generator.
            num_rows: rows wanted.
        """
        catalogue, chunks, room = self._catalogue(), [], num_rows
        if not len(catalogue.sequence):
            return []
        for _ in range(MAX_DRAWS_PER_CHUNK * num_rows):
            chunk = self._choose(random, catalogue, min(self._config.chunk_steps, room))
            if chunk is not None:
                chunks.append(chunk)
                room -= chunk.length
            if room == 0:
                break
        return chunks

    def _catalogue(self) -> Catalogue:
        """Returns what is published; what is overwritten meanwhile is noticed later."""
        arrays = self._ring.arrays
        sequence = np.arange(self._ring.oldest_sequence, self._ring.claimed_trajectories)
        slot = sequence % self._ring.max_trajectories
        num_history = np.minimum(self._most_history, arrays["entry_first_move"][slot])
        num_searched = arrays["entry_length"][slot] - num_history
        is_published = (arrays["entry_stamp"][slot] == sequence + 1) & (num_searched > 0)
        return Catalogue(sequence[is_published], num_history[is_published], num_searched[is_published])

    def _choose(self, random: np.random.Generator, catalogue: Catalogue, length: int) -> Chunk | None:
        """Draws one chunk of at most that many rows, None if it was overwritten meanwhile."""
        count = 1 if self._config.draw == "uniform" else NUM_CANDIDATES
        candidates = []
        for index, begin in zip(*catalogue.places(random, length, count), strict=True):
            first, last = max(0, begin), min(begin + length, catalogue.num_searched[index])
            entry = self._ring.entry(int(catalogue.sequence[index]))
            if entry is not None:
                start, offset = entry.start % self._ring.capacity_steps, int(catalogue.num_history[index] + first)
                candidates.append((entry, Chunk(entry.sequence, start, offset, int(last - first))))
        if not candidates:
            return None
        if self._config.draw == "oldest":
            return min(candidates, key=lambda candidate: self._mean_version(candidate[1]))[1]
        return self._by_priority(random, candidates) if self._config.draw == "priority" else candidates[0][1]

    def _mean_version(self, chunk: Chunk) -> float:
        """Returns the mean version of the newest policies of a chunk."""
        arrays = self._ring.arrays
        return float(np.maximum(arrays["version"][chunk.rows], arrays["fresh_version"][chunk.rows]).mean())

    def _by_priority(self, random: np.random.Generator, candidates: list[tuple[Entry, Chunk]]) -> Chunk:
        """Returns a candidate with a probability in proportion to its mean value error."""
        error = np.array([self._value_error(entry, chunk) for entry, chunk in candidates])
        error = np.nan_to_num(error, posinf=0.0)  # of rows that are being overwritten
        total, uniform = error.sum(), random.random()
        if total <= 0.0:
            return candidates[0][1]
        return candidates[min(len(error) - 1, int(np.searchsorted(np.cumsum(error), uniform * total, side="right")))][1]

    def _value_error(self, entry: Entry, chunk: Chunk) -> float:
        arrays = self._ring.arrays
        return mean_value_error(
            arrays["reward"],
            arrays["fresh_value"],
            arrays["to_play"],
            chunk.start,
            entry.length,
            int(entry.is_terminal),
            chunk.offset,
            chunk.length,
            self._td_steps,
            self._discount,
        )


@njit
def mean_value_error(
    reward: Float32Array,
    value: Float32Array,
    to_play: Int8Array,
    start: int,
    length: int,
    is_terminal: int,
    offset: int,
    num_rows: int,
    td_steps: int,
    discount: float,
) -> float:
    """Returns the mean of |search value - n-step value| over consecutive rows of a trajectory.

    Args:
        reward, to_play, start, length, is_terminal, td_steps, discount: as in `nstep_value`.
        value: float32 [R], the newest search value of each row.
        offset: first row in the trajectory.
        num_rows: rows, at least 1.
    """
    total = 0.0
    for position in range(offset, offset + num_rows):
        target = nstep_value(reward, value, to_play, start, length, is_terminal, position, td_steps, discount)
        total += abs(value[start + position] - target)
    return total / num_rows
