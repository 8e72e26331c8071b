"""The learner's private view of the ring: which rows can be drawn, how likely, and the batches made of them. No torch.

The ring says what exists; this file remembers what of it was taken in, draws rows from a sum tree and has samples assembled. As
writers go on meanwhile, every batch is validated after it was copied; samples that were overwritten are redrawn.
"""

import json
import threading
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from engine.batch_buffers import make_batch_buffers
from engine.first_priorities import MIN_PRIORITY, first_priorities
from engine.fresh_drawing import draw_fresh
from engine.known_trajectories import NO_SEQUENCE, TABLES, KnownTrajectories
from engine.ring import Ring
from engine.sample_assembly import SampleAssembly, Samples
from muzero.config import ReanalyzeConfig, ReplayConfig, TrainingConfig
from muzero.errors import UserError
from muzero.priorities import SumTree
from muzero.symmetries import Symmetries
from muzero.types import Batch, BoolArray, Float32Array, GameSpec, Int64Array

MAX_REDRAWS = 100
"""A batch is overwritten while it is read so often only if the ring holds little more than what one batch reads."""
ReplayState: TypeAlias = dict[str, NDArray[Any] | int | str]


class Replay:
    """What the learner may draw. Its methods may be called from several threads of the learner.

    Attributes:
        total_steps: drawable rows ever taken in.
        skipped_reads: samples drawn but overwritten while they were read.
        newest_version: version of the newest weights, set by the learner; the age of fresh policies is counted from it.
        is_starved_of_fresh: whether the latest `sample` found too few fresh policies. The learner then waits for reanalyzers,
            which must not wait for the learner meanwhile.
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
        reanalyze: ReanalyzeConfig | None = None,
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
            reanalyze: which share of the samples has fresh policies, and how old these may be. None for no reanalysis.
        """
        self.total_steps = 0
        self.skipped_reads = 0
        self.newest_version = 0
        self.is_starved_of_fresh = False
        self._ring, self._spec, self._config, self._training, self._rng = ring, spec, config, training, rng
        self._discount = search_discount
        self._symmetries = symmetries
        self._reanalyze = reanalyze or ReanalyzeConfig()
        self._assembly = SampleAssembly(ring, spec, training, search_discount)
        self._mutex = threading.Lock()
        self._tree = SumTree(ring.capacity_steps)
        self._num_steps = 0
        self._known = KnownTrajectories(ring)
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
        return make_batch_buffers(self._spec, self._training, self._ring.arrays["policy_action"].shape[1])

    def sample(self, out: Batch) -> bool:
        """Draws a batch.

        Args:
            out: filled whole; arrays as of `make_batch_buffers`.

        Returns:
            False if there is nothing to draw, too few policies are fresh (`is_starved_of_fresh`), or writers overwrote every
            attempt; `out` must not be used then.
        """
        with self._mutex:
            size = len(out.row)
            row, probability = np.zeros(size, dtype=np.int64), np.zeros(size)
            redrawn = np.ones(size, dtype=np.bool_)
            out.is_fresh[:] = self._choose_fresh(size)
            self.is_starved_of_fresh = False
            for _ in range(MAX_REDRAWS):
                if self._tree.total <= 0.0 or not self._draw(redrawn, out.is_fresh, row, probability):
                    return False
                self._assemble(row, out)
                redrawn = ~self._are_whole(row, out)
                if not redrawn.any():
                    out.sample_weight[:] = self._importance_weights(probability, out.is_fresh)
                    self._transform(out)
                    return True
                self._expire(self._ring.oldest_sequence)
                redrawn |= self._known.row_sequence[row] == NO_SEQUENCE  # overwritten since that look: no longer a row of anything
                self.skipped_reads += int(redrawn.sum())
            return False

    def _choose_fresh(self, size: int) -> BoolArray:
        """Throws a coin for each sample, bool [size]: whether its policies are to be fresh; it stays so if it is redrawn."""
        if not self._reanalyze.is_enabled:
            return np.zeros(size, dtype=np.bool_)
        return self._rng.random(size) < self._reanalyze.fraction

    @property
    def _oldest_fresh_version(self) -> int:
        return max(0, self.newest_version - self._reanalyze.max_policy_age)

    def _draw(self, wanted: BoolArray, is_fresh: BoolArray, out_row: Int64Array, out_probability: NDArray[np.float64]) -> bool:
        """Draws the rows that are wanted, bool [B]; returns False, and says so, where too few have fresh policies."""
        plain, fresh = np.flatnonzero(wanted & ~is_fresh), np.flatnonzero(wanted & is_fresh)
        if len(plain):
            uniform = (np.arange(len(plain)) + self._rng.random(len(plain))) / len(plain)
            out_row[plain], out_probability[plain] = self._tree.sample(uniform)
        if len(fresh):
            fresh_version, unroll_steps = self._ring.arrays["fresh_version"], self._training.unroll_steps
            drawn = draw_fresh(self._tree, self._known, fresh_version, len(fresh), unroll_steps, self._oldest_fresh_version, self._rng)
            self.is_starved_of_fresh = drawn is None
            if drawn is None:
                return False
            out_row[fresh], out_probability[fresh] = drawn
        return True

    def _samples(self, row: Int64Array) -> Samples:
        """Returns where the samples lie that begin at these physical rows, int64 [B]."""
        known, slot = self._known, self._known.slots_of(row)
        return Samples(row, known.slot_start[slot], known.slot_length[slot], known.slot_is_terminal[slot])

    def _assemble(self, row: Int64Array, out: Batch) -> None:
        """Copies the samples at physical rows, int64 [B], out of the ring; some may be torn until they are validated."""
        random_action = self._rng.integers(self._spec.num_actions, size=out.action.shape, dtype=np.int32)
        self._assembly.fill(self._samples(row), random_action, out)

    def _are_whole(self, row: Int64Array, batch: Batch) -> BoolArray:
        """Returns whether nobody wrote to the samples while they were copied, bool [B]."""
        is_whole = self._ring.are_valid(self._known.row_sequence[row])
        return is_whole & self._assembly.are_fresh_whole(self._samples(row), self._oldest_fresh_version, batch)

    def _importance_weights(self, probability: NDArray[np.float64], is_fresh: BoolArray) -> NDArray[np.float64]:
        """Returns p^-beta, float64 [B], scaled to a mean of 1 among the fresh samples and among the others.

        Over the maximum, as Schaul et al. have it, the loss would shrink the more the larger the batch is. Fresh samples are drawn from
        fewer rows, so that their p is known up to a factor only, which this scaling takes out.

        Source: arXiv:1911.08265, appendix G; Schaul et al., ICLR 2016, 3.4.
        """
        weights = np.ones_like(probability)
        if self._config.is_prioritized:
            for drawn_alike in (is_fresh, ~is_fresh):
                powers = probability[drawn_alike] ** -self._config.importance_exponent
                weights[drawn_alike] = powers / powers.mean() if len(powers) else powers
        return weights

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
            physical, is_current = self._known.current(row)
            is_current &= np.isfinite(priority)
            powers = np.maximum(priority, MIN_PRIORITY).astype(np.float64) ** self._config.priority_exponent
            self._tree.set(physical[is_current], powers[is_current])

    def state(self) -> ReplayState:
        """Returns all that `load_state` needs to go on exactly here; arrays are copies."""
        with self._mutex:
            return {
                "priorities": self._tree.priorities.copy(),
                **self._known.state(),
                "unpublished": np.array(self._unpublished, dtype=np.int64),
                "oldest": self._oldest,
                "next_sequence": self._next_sequence,
                "total_steps": self.total_steps,
                "skipped_reads": self.skipped_reads,
                "drawing": self._drawing,
                "rng": json.dumps(self._rng.bit_generator.state, default=lambda array: array.tolist()),
            }

    def load_state(self, state: ReplayState) -> None:
        """Goes on where `state` was taken, on the same ring or a restored one; what that no longer holds is forgotten.

        Where rows were drawn by other settings, their priorities begin anew: those of the value error would otherwise go on to decide
        what is drawn after prioritised drawing was switched off, and nothing would correct for it.

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
            self._known.load_state({name: arrays[name] for name in TABLES})
            self._oldest, self.total_steps, self.skipped_reads = (numbers[name] for name in ("oldest", "total_steps", "skipped_reads"))
            self._rng.bit_generator.state = json.loads(str(state["rng"]))
            for sequence in self._known.missing():
                self._forget(sequence)
            claimed = self._ring.claimed_trajectories
            self._next_sequence = min(numbers["next_sequence"], claimed)
            self._unpublished = [int(sequence) for sequence in arrays["unpublished"] if sequence < claimed]
            if state.get("drawing", self._drawing) != self._drawing:  # a run from before this was saved does not say
                self._set_first_priorities()

    @property
    def _drawing(self) -> str:
        """The settings that first priorities follow from."""
        config = self._config
        exponent = config.priority_exponent if config.is_prioritized else 0.0
        return f"priority_exponent={exponent} policy_surprise_fraction={config.policy_surprise_fraction}"

    def _set_first_priorities(self) -> None:
        """Gives all known rows the priorities that they would have been taken in with, but those that are overwritten meanwhile."""
        for entry in self._known.entries():
            rows = self._ring.rows(entry.start, entry.length)
            priorities = first_priorities(self._ring, entry, self._config, self._training.td_steps, self._discount)
            if self._ring.is_valid(entry.sequence):
                self._tree.set(np.arange(rows.start, rows.stop), priorities)

    def _expire(self, oldest: int) -> None:
        """Forgets all trajectories before `oldest`."""
        for sequence in range(self._oldest, oldest):
            if self._known.knows(sequence):
                self._forget(sequence)
        self._oldest = max(self._oldest, oldest)

    def _forget(self, sequence: int) -> None:
        rows = self._known.forget(sequence)
        self._num_steps -= int(np.count_nonzero(self._tree.priorities[rows]))
        self._tree.set(np.arange(rows.start, rows.stop), np.zeros(rows.stop - rows.start))

    def _take_in(self, sequence: int) -> bool:
        """Makes the rows of a trajectory drawable; returns whether it was published and still whole."""
        entry = self._ring.entry(sequence)
        if entry is None:
            return False
        priorities = first_priorities(self._ring, entry, self._config, self._training.td_steps, self._discount)
        if not self._ring.is_valid(sequence):
            return False
        rows = self._known.add(entry)
        self._tree.set(np.arange(rows.start, rows.stop), priorities)
        num_drawable = int(np.count_nonzero(priorities))
        self._num_steps += num_drawable
        self.total_steps += num_drawable
        return True
