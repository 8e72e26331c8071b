"""Copies samples out of the ring into a batch: targets, policies old or fresh, observations. No drawing; copies may be torn.

Writers go on meanwhile: whoever calls this validates afterwards.
"""

from dataclasses import dataclass

import numpy as np

from engine.atomics import finish_reads
from engine.fresh_policies import check_fresh_policies, copy_fresh_policies, note_fresh_versions
from engine.ring import Ring
from muzero.bootstraps import NOWHERE, fill_bootstraps
from muzero.config import TrainingConfig
from muzero.targets import assemble_targets, gather_frames
from muzero.types import Batch, BoolArray, FrameArray, GameSpec, Int8Array, Int32Array, Int64Array


@dataclass(frozen=True)
class Samples:
    """Where B samples lie in the ring.

    Attributes:
        row: int64 [B], physical row of the first position.
        start: int64 [B], absolute row of the trajectory's first step.
        length: int64 [B], its rows.
        is_terminal: int64 [B], as in `Trajectory`.
    """

    row: Int64Array
    start: Int64Array
    length: Int64Array
    is_terminal: Int64Array


class SampleAssembly:
    """Knows the ring and the shape of samples."""

    def __init__(self, ring: Ring, spec: GameSpec, training: TrainingConfig, discount: float) -> None:
        """Uses a ring for reading.

        Args:
            ring: the ring.
            spec: the game.
            training: unroll and TD steps.
            discount: per move, positive also for two players.
        """
        self._ring, self._spec, self._training, self._discount = ring, spec, training, discount

    def fill(self, samples: Samples, random_action: Int32Array, out: Batch) -> None:
        """Copies samples out of the ring.

        Args:
            samples: where they lie.
            random_action: int32 [B, K], actions of the unroll where none was played.
            out: all but is_fresh, which is read, and sample_weight is filled.
        """
        first = samples.start % self._ring.capacity_steps
        position = samples.row - first
        self._fill_targets(samples, first, position, random_action, out)
        if self._ring.is_reanalyzed:
            self._fill_fresh_policies(samples, position, out)
        self._fill_frames(first, position, out.frames)
        self._fill_next(first, position, samples.length, out)
        self._fill_bootstrap(samples, first, position, out)
        out.row[:] = samples.start + position

    def are_fresh_whole(self, samples: Samples, oldest_version: int, batch: Batch) -> BoolArray:
        """Returns whether each sample's fresh policies are whole, bool [B]; true where they are not fresh.

        Args:
            samples, batch: as filled; all reads of it are finished.
            oldest_version: older ones are not fresh.
        """
        is_whole = np.ones(len(samples.row), dtype=np.bool_)
        if self._ring.is_reanalyzed:
            position = samples.row - samples.start % self._ring.capacity_steps
            num_stored = self._num_stored(samples, position)
            fresh_version = self._ring.arrays["fresh_version"]
            check_fresh_policies(fresh_version, samples.row, num_stored, batch.is_fresh, batch.policy_version, oldest_version, is_whole)
        return is_whole

    def _num_stored(self, samples: Samples, position: Int64Array) -> Int64Array:
        """Returns how many positions of each unroll the trajectory has, int64 [B]."""
        return np.asarray(np.minimum(samples.length - position, self._training.unroll_steps + 1))

    def _fill_targets(self, samples: Samples, first: Int64Array, position: Int64Array, random_action: Int32Array, out: Batch) -> None:
        """Fills what comes from self-play, and values that bootstrap from the newest search of each position."""
        arrays = self._ring.arrays
        assemble_targets(
            arrays["reward"],
            arrays["fresh_value"] if self._ring.is_reanalyzed else arrays["root_value"],
            arrays["to_play"],
            arrays["action"],
            arrays["policy_action"],
            arrays["policy_weight"],
            arrays["version"],
            first,
            samples.length,
            samples.is_terminal,
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
            out.policy_version,
        )

    def _fill_fresh_policies(self, samples: Samples, position: Int64Array, out: Batch) -> None:
        """Replaces the policies of samples that are to be fresh."""
        arrays, num_stored = self._ring.arrays, self._num_stored(samples, position)
        note_fresh_versions(arrays["fresh_version"], samples.row, num_stored, out.is_fresh, out.policy_version)
        finish_reads()
        copy_fresh_policies(
            arrays["fresh_policy_action"],
            arrays["fresh_policy_weight"],
            samples.row,
            num_stored,
            out.is_fresh,
            out.policy_action,
            out.policy_weight,
            out.policy_mask,
        )

    def _fill_next(self, first: Int64Array, position: Int64Array, length: Int64Array, out: Batch) -> None:
        """Fills the observations after each action, where the batch has room for them."""
        if out.next_frames is None or out.next_mask is None or out.next_to_play is None:
            return
        following = position[:, None] + 1 + np.arange(self._training.unroll_steps)
        following = np.where(following < length[:, None], following, NOWHERE)
        out.next_mask[:] = following != NOWHERE
        self._fill_frames(first, following, out.next_frames)
        self._fill_players(first, following, out.next_to_play)

    def _fill_bootstrap(self, samples: Samples, first: Int64Array, position: Int64Array, out: Batch) -> None:
        """Takes the bootstrapped part out of the values and fills what it is made of, where the batch has room for it."""
        if out.bootstrap_frames is None or out.bootstrap_to_play is None or out.bootstrap_factor is None:
            return
        source = np.zeros(out.target_value.shape, dtype=np.int64)
        fill_bootstraps(
            self._ring.arrays["reward"],
            self._ring.arrays["to_play"],
            first,
            samples.length,
            samples.is_terminal,
            position,
            self._training.td_steps,
            self._discount,
            out.target_value,
            source,
            out.bootstrap_factor,
        )
        self._fill_frames(first, source, out.bootstrap_frames)
        self._fill_players(first, source, out.bootstrap_to_play)

    def _fill_frames(self, first: Int64Array, position: Int64Array, out_frames: FrameArray) -> None:
        """Fills observations.

        Args:
            first: int64 [B], physical row of each trajectory's first step.
            position: int64 [B, ...], offsets in it, NOWHERE for zeros.
            out_frames: [B, ..., num_frames, *frame_shape].
        """
        num_frames, per_sample = self._spec.num_frames, position.size // len(first)
        frame = self._ring.arrays["frame"].reshape(self._ring.capacity_steps, -1)
        flat = out_frames.reshape(position.size, num_frames, -1)
        gather_frames(frame, np.repeat(first, per_sample), position.reshape(-1), num_frames, flat)

    def _fill_players(self, first: Int64Array, position: Int64Array, out_to_play: Int8Array) -> None:
        """Fills the players to move at positions, int64 [B, n]; 0 for NOWHERE."""
        exists = position != NOWHERE
        row = np.where(exists, first[:, None] + position, 0)
        out_to_play[:] = np.where(exists, self._ring.arrays["to_play"][row], 0)
