"""The learner's private view of the ring: which rows can be drawn, how likely, and the batches made of them. No torch.

The ring says what exists; this file remembers what of it was taken in, draws rows from a sum tree and assembles samples. As
writers go on meanwhile, every batch is validated after it was copied; samples whose trajectory was overwritten are redrawn.
"""

import json
import threading
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.ring import Entry, Ring
from muzero.config import ReplayConfig, TrainingConfig
from muzero.errors import UserError
from muzero.jit import njit
from muzero.priorities import SumTree
from muzero.symmetries import Symmetries
from muzero.targets import assemble_targets, gather_frames, nstep_value
from muzero.types import Batch, Float32Array, GameSpec, Int8Array, Int32Array, Int64Array

MIN_PRIORITY = 1e-6
"""Rows predicted without error keep this priority, so that they can still be drawn."""
MAX_REDRAWS = 100
"""A batch is overwritten while it is read so often only if the ring holds little more than what one batch reads."""
NO_SEQUENCE = -1
ReplayState: TypeAlias = dict[str, NDArray[Any] | int | str]


class Replay:
    """What the learner may draw. Its methods may be called from several threads of the learner.

    Attributes:
        total_steps: drawable rows ever taken in.
        skipped_reads: samples drawn but overwritten while they were read.
    """

    def __init__(
        self,
        ring: Ring,
        spec: GameSpec,
        config: ReplayConfig,
        training: TrainingConfig,
        search_discount: float,
        rng: np.random.Generator,
        symmetries: Symmetries | None = None,
    ) -> None:
        """Starts empty; `ingest` takes in what the ring holds.

        Args:
            ring: the ring, for reading only.
            spec: the game.
            config: how to draw.
            training: batch size, unroll and TD steps of the samples.
            search_discount: discount per move, positive also for two players.
            rng: the only source of randomness.
            symmetries: those of the game; each sample is transformed by one of them at random. None for none.
        """
        rows, trajectories = ring.capacity_steps, ring.max_trajectories
        self.total_steps = 0
        self.skipped_reads = 0
        self._ring, self._spec, self._config, self._training, self._rng = ring, spec, config, training, rng
        self._discount = search_discount
        self._symmetries = symmetries
        self._mutex = threading.Lock()
        self._tree = SumTree(rows)
        self._num_steps = 0
        self._row_sequence = np.full(rows, NO_SEQUENCE, dtype=np.int64)
        self._slot_sequence = np.full(trajectories, NO_SEQUENCE, dtype=np.int64)
        self._slot_start = np.zeros(trajectories, dtype=np.int64)
        self._slot_length = np.zeros(trajectories, dtype=np.int64)
        self._slot_is_terminal = np.zeros(trajectories, dtype=np.int64)
        self._oldest = 0
        self._next_sequence = 0
        self._unpublished: list[int] = []

    @property
    def num_steps(self) -> int:
        """Rows that can be drawn."""
        return self._num_steps

    def ingest(self) -> int:
        """Takes in trajectories published since the last call, in order of sequence, and forgets overwritten ones.

        Returns:
            Drawable rows gained; those lost are not subtracted.
        """
        with self._mutex:
            # In this order: whatever a trajectory below `claimed` overwrites is then below `oldest`.
            claimed = self._ring.claimed_trajectories
            self._expire(self._ring.oldest_sequence)
            candidates = [*self._unpublished, *range(max(self._next_sequence, self._oldest), claimed)]
            before = self.total_steps
            self._unpublished = [sequence for sequence in candidates if sequence >= self._oldest and not self._take_in(sequence)]
            self._next_sequence = claimed
            return self.total_steps - before

    def make_batch_buffers(self) -> Batch:
        """Returns a batch of zeros of the configured shapes, for `sample` to fill again and again."""
        size, unroll = self._training.batch_size, self._training.unroll_steps
        entries = self._ring.arrays["policy_action"].shape[1]
        return Batch(
            frames=np.zeros((size, self._spec.num_frames, *self._spec.frame_shape), dtype=self._spec.frame_dtype),
            to_play=np.zeros(size, dtype=np.int8),
            action=np.zeros((size, unroll), dtype=np.int32),
            target_value=np.zeros((size, unroll + 1), dtype=np.float32),
            target_reward=np.zeros((size, unroll), dtype=np.float32),
            policy_action=np.zeros((size, unroll + 1, entries), dtype=np.int32),
            policy_weight=np.zeros((size, unroll + 1, entries), dtype=np.float32),
            value_mask=np.zeros((size, unroll + 1), dtype=np.float32),
            reward_mask=np.zeros((size, unroll), dtype=np.float32),
            policy_mask=np.zeros((size, unroll + 1), dtype=np.float32),
            sample_weight=np.zeros(size, dtype=np.float32),
            row=np.zeros(size, dtype=np.int64),
            version=np.zeros(size, dtype=np.int64),
            is_fresh=np.zeros(size, dtype=np.bool_),
            policy_version=np.zeros((size, unroll + 1), dtype=np.int64),
        )

    def sample(self, out: Batch) -> bool:
        """Draws a batch.

        Args:
            out: filled whole; arrays as of `make_batch_buffers`.

        Returns:
            False if there is nothing to draw, or writers overwrote every attempt; `out` must not be used then.
        """
        with self._mutex:
            size = len(out.row)
            row = np.zeros(size, dtype=np.int64)
            probability = np.zeros(size)
            redrawn = np.ones(size, dtype=np.bool_)
            for _ in range(MAX_REDRAWS):
                if self._tree.total <= 0.0:
                    return False
                count = int(redrawn.sum())
                uniform = (np.arange(count) + self._rng.random(count)) / count
                row[redrawn], probability[redrawn] = self._tree.sample(uniform)
                self._assemble(row, out)
                redrawn = ~self._ring.are_valid(self._row_sequence[row])
                if not redrawn.any():
                    out.sample_weight[:] = self._importance_weights(probability)
                    self._transform(out)
                    return True
                self._expire(self._ring.oldest_sequence)
                redrawn |= self._row_sequence[row] == NO_SEQUENCE  # overwritten since that look: no longer a row of anything
                self.skipped_reads += int(redrawn.sum())
            return False

    def _transform(self, out: Batch) -> None:
        """Turns and mirrors each sample at random."""
        if self._symmetries is not None and len(self._symmetries) > 1:
            self._symmetries.apply(out, self._rng.integers(len(self._symmetries), size=len(out.row)))

    def update_priorities(self, row: Int64Array, priority: Float32Array) -> None:
        """Sets the priorities of drawn rows after training on them; does nothing when drawing uniformly.

        Args:
            row: int64 [B], `Batch.row`; rows overwritten meanwhile are ignored.
            priority: float32 [B], absolute value error in game points; where a failed step made it not finite it is ignored.
        """
        if not self._config.is_prioritized:
            return
        with self._mutex:
            physical = row % self._ring.capacity_steps
            sequence = self._row_sequence[physical]
            start = self._slot_start[sequence % self._ring.max_trajectories]
            is_current = (sequence != NO_SEQUENCE) & (start + (physical - start) % self._ring.capacity_steps == row)
            is_current &= np.isfinite(priority)
            powers = np.maximum(priority, MIN_PRIORITY).astype(np.float64) ** self._config.priority_exponent
            self._tree.set(physical[is_current], powers[is_current])

    def state(self) -> ReplayState:
        """Returns all that `load_state` needs to go on exactly here; arrays are copies."""
        with self._mutex:
            return {
                "priorities": self._tree.priorities.copy(),
                "row_sequence": self._row_sequence.copy(),
                "slot_sequence": self._slot_sequence.copy(),
                "slot_start": self._slot_start.copy(),
                "slot_length": self._slot_length.copy(),
                "slot_is_terminal": self._slot_is_terminal.copy(),
                "unpublished": np.array(self._unpublished, dtype=np.int64),
                "oldest": self._oldest,
                "next_sequence": self._next_sequence,
                "total_steps": self.total_steps,
                "skipped_reads": self.skipped_reads,
                "rng": json.dumps(self._rng.bit_generator.state, default=lambda array: array.tolist()),
            }

    def load_state(self, state: ReplayState) -> None:
        """Goes on where `state` was taken, on the same ring or a restored one; what that no longer holds is forgotten.

        Raises:
            UserError: the state belongs to a ring of another capacity.
        """
        arrays = {name: value for name, value in state.items() if isinstance(value, np.ndarray)}
        numbers = {name: value for name, value in state.items() if isinstance(value, int)}
        rows = len(arrays["priorities"])
        if rows != self._ring.capacity_steps or len(arrays["slot_start"]) != self._ring.max_trajectories:
            raise UserError(
                f"the checkpoint's replay holds {rows} steps, the ring {self._ring.capacity_steps}: set replay.capacity_steps={rows}."
            )
        with self._mutex:
            self._tree.set(np.arange(rows), arrays["priorities"])
            self._num_steps = int(np.count_nonzero(arrays["priorities"]))
            for name in ("row_sequence", "slot_sequence", "slot_start", "slot_length", "slot_is_terminal"):
                getattr(self, f"_{name}")[:] = arrays[name]
            self._oldest, self.total_steps, self.skipped_reads = (numbers[name] for name in ("oldest", "total_steps", "skipped_reads"))
            self._rng.bit_generator.state = json.loads(str(state["rng"]))
            self._forget_missing()
            claimed = self._ring.claimed_trajectories
            self._next_sequence = min(numbers["next_sequence"], claimed)
            self._unpublished = [int(sequence) for sequence in arrays["unpublished"] if sequence < claimed]

    def _forget_missing(self) -> None:
        for sequence in self._slot_sequence[self._slot_sequence != NO_SEQUENCE]:
            if self._ring.entry(int(sequence)) is None:
                self._forget(int(sequence))

    def _expire(self, oldest: int) -> None:
        """Forgets all trajectories before `oldest`."""
        for sequence in range(self._oldest, oldest):
            if self._slot_sequence[sequence % self._ring.max_trajectories] == sequence:
                self._forget(sequence)
        self._oldest = max(self._oldest, oldest)

    def _forget(self, sequence: int) -> None:
        slot = sequence % self._ring.max_trajectories
        rows = self._ring.rows(int(self._slot_start[slot]), int(self._slot_length[slot]))
        self._num_steps -= int(np.count_nonzero(self._tree.priorities[rows]))
        self._row_sequence[rows] = NO_SEQUENCE
        self._slot_sequence[slot] = NO_SEQUENCE
        self._tree.set(np.arange(rows.start, rows.stop), np.zeros(rows.stop - rows.start))

    def _take_in(self, sequence: int) -> bool:
        """Makes the rows of a trajectory drawable; returns whether it was published and still whole."""
        entry = self._ring.entry(sequence)
        if entry is None:
            return False
        priorities = self._initial_priorities(entry)
        if not self._ring.is_valid(sequence):
            return False
        slot, rows = sequence % self._ring.max_trajectories, self._ring.rows(entry.start, entry.length)
        self._slot_sequence[slot], self._slot_start[slot], self._slot_length[slot] = sequence, entry.start, entry.length
        self._slot_is_terminal[slot] = entry.is_terminal
        self._row_sequence[rows] = sequence
        self._tree.set(np.arange(rows.start, rows.stop), priorities)
        num_drawable = int(np.count_nonzero(priorities))
        self._num_steps += num_drawable
        self.total_steps += num_drawable
        return True

    def _initial_priorities(self, entry: Entry) -> NDArray[np.float64]:
        """Returns the priorities, float64 [T], of a trajectory's rows before anything was trained on them."""
        arrays, config = self._ring.arrays, self._config
        priorities = np.ones(entry.length)
        fill_priorities(
            arrays["reward"],
            arrays["root_value"],
            arrays["to_play"],
            arrays["action"],
            entry.start % self._ring.capacity_steps,
            int(entry.is_terminal),
            self._training.td_steps,
            self._discount,
            config.priority_exponent if config.is_prioritized else 0.0,
            priorities,
        )
        return priorities

    def _assemble(self, row: Int64Array, out: Batch) -> None:
        """Copies samples out of the ring; some may be torn until they are validated.

        Args:
            row: int64 [B], physical rows.
            out: all but sample_weight is filled.
        """
        arrays, rows = self._ring.arrays, self._ring.capacity_steps
        slot = self._row_sequence[row] % self._ring.max_trajectories
        start, length, is_terminal = self._slot_start[slot], self._slot_length[slot], self._slot_is_terminal[slot]
        position = row - start % rows
        random_action = self._rng.integers(self._spec.num_actions, size=out.action.shape, dtype=np.int32)
        assemble_targets(
            arrays["reward"],
            arrays["root_value"],
            arrays["to_play"],
            arrays["action"],
            arrays["policy_action"],
            arrays["policy_weight"],
            arrays["version"],
            start % rows,
            length,
            is_terminal,
            position,
            random_action,
            self._training.td_steps,
            self._discount,
            out.action,
            out.target_value,
            out.target_reward,
            out.policy_action,
            out.policy_weight,
            out.value_mask,
            out.reward_mask,
            out.policy_mask,
            out.to_play,
            out.version,
        )
        num_frames = self._spec.num_frames
        gather_frames(arrays["frame"].reshape(rows, -1), start % rows, position, num_frames, out.frames.reshape(len(row), num_frames, -1))
        out.row[:] = start + position

    def _importance_weights(self, probability: NDArray[np.float64]) -> NDArray[np.float64]:
        """Returns (N p)^-beta over its maximum, float64 [B]. Source: arXiv:1911.08265, appendix G; Schaul et al., ICLR 2016, 3.4."""
        if not self._config.is_prioritized:
            return np.ones_like(probability)
        weights = (self._num_steps * probability) ** -self._config.importance_exponent
        return np.asarray(weights / weights.max())


@njit
def fill_priorities(
    reward: Float32Array,
    root_value: Float32Array,
    to_play: Int8Array,
    action: Int32Array,
    start: int,
    is_terminal: int,
    td_steps: int,
    discount: float,
    exponent: float,
    out_priority: NDArray[np.float64],
) -> None:
    """Fills the first priorities of one trajectory: |root value - n-step value| ** exponent, 0 for rows that are not drawn:
    those without an action of their own.

    Args:
        reward, root_value, to_play, action: rows of the ring, [R].
        start: physical row of its first step.
        is_terminal, td_steps, discount: as in `nstep_value`.
        exponent: alpha; 0 makes all rows equal.
        out_priority: float64 [T].

    Source: arXiv:1911.08265, appendix G.
    """
    length = out_priority.shape[0]
    for position in range(length):
        row = start + position
        if action[row] < 0:
            out_priority[position] = 0.0
        elif exponent == 0.0:
            out_priority[position] = 1.0
        else:
            target = nstep_value(reward, root_value, to_play, start, length, is_terminal, position, td_steps, discount)
            out_priority[position] = max(abs(root_value[row] - target), MIN_PRIORITY) ** exponent
