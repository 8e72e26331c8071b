"""Positions of a saved ring, a few at a time, with what followed each of them. What is measured of them is in `muzero/`.

Legend: N positions of one part, K unroll steps.
"""

from collections.abc import Iterator

import msgspec
import numpy as np

from engine.config import RunConfig
from engine.replay import Replay
from engine.ring import Entry, Ring
from muzero.batch_rows import batch_rows
from muzero.errors import UserError
from muzero.position_numbers import StoredPositions
from muzero.randomness import Purpose, generator
from muzero.targets import gather_frames, nstep_value
from muzero.types import NO_ACTION, Batch, FrameArray, GameSpec, Int64Array

PART_POSITIONS = 64
"""Positions in memory at once: with their K = 5 successors 340 MB of the largest observations, 32 colour images of 96 x 96."""


def stored_positions(ring: Ring, spec: GameSpec, config: RunConfig, num_positions: int) -> Iterator[StoredPositions]:
    """Yields parts of up to PART_POSITIONS positions, drawn uniformly with a fixed seed; turned by no symmetry.

    Args:
        ring: a ring that nobody writes to.
        spec: the game.
        config: the run; its training and search sections say what the targets are.
        num_positions: how many in all; as many as are stored where those are fewer.

    Raises:
        UserError: nothing is stored.
    """
    size = PART_POSITIONS
    plain = {"micro_batch_size": None, "target_network_steps": None, "consistency_loss_weight": 0.0}
    training = msgspec.structs.replace(config.training, batch_size=size, **plain)
    uniform = msgspec.structs.replace(config.replay, is_prioritized=False, policy_surprise_fraction=0.0)
    replay = Replay(ring, spec, uniform, training, config.search.discount, generator(0, Purpose.REPLAY))
    replay.ingest()
    lookup = _Lookup(ring, spec, config)
    total = min(num_positions, replay.num_steps)
    if total == 0:
        raise UserError("the checkpoint holds no finished games: let the run play longer and look at a later checkpoint.")
    for begin in range(0, total, size):
        batch = batch_rows(replay.make_batch_buffers(), slice(min(size, total - begin)))
        if not replay.sample(batch):
            raise AssertionError("nobody writes to this ring")
        yield lookup.positions(batch)


class _Lookup:
    """Finds the trajectory of an absolute row, and what followed it there."""

    def __init__(self, ring: Ring, spec: GameSpec, config: RunConfig) -> None:
        self._ring, self._spec, self._config = ring, spec, config
        entries = (ring.entry(sequence) for sequence in range(ring.oldest_sequence, ring.claimed_trajectories))
        self._entries = [entry for entry in entries if entry is not None]
        self._starts = np.array([entry.start for entry in self._entries], dtype=np.int64)

    def positions(self, batch: Batch) -> StoredPositions:
        """Returns the positions of a batch with their successors."""
        index = np.searchsorted(self._starts, batch.row, side="right") - 1
        entries = [self._entries[number] for number in index]
        start, position = self._starts[index] % self._ring.capacity_steps, batch.row - self._starts[index]
        length = np.array([entry.length for entry in entries], dtype=np.int64)
        offset = position[:, None] + np.arange(batch.target_value.shape[1])
        is_stored = offset < length[:, None]
        nearest = np.minimum(offset, length[:, None] - 1)
        row = start[:, None] + nearest
        return StoredPositions(
            batch=batch,
            frames=self._frames(start, nearest),
            to_play=self._ring.arrays["to_play"][row],
            action=np.where(is_stored, self._ring.arrays["action"][row], np.int32(NO_ACTION)),
            is_stored=is_stored,
            outcome=np.array(list(map(self._outcome, entries, position.tolist())), dtype=np.float32),
        )

    def _frames(self, start: Int64Array, position: Int64Array) -> FrameArray:
        """Returns the observations of N x (K+1) positions, [N, K+1, num_frames, *frame_shape]."""
        num_frames, stored = self._spec.num_frames, self._ring.arrays["frame"]
        frames = np.zeros((position.size, num_frames, *self._spec.frame_shape), dtype=stored.dtype)
        starts = np.repeat(start, position.shape[1])
        flat = frames.reshape(position.size, num_frames, -1)
        gather_frames(stored.reshape(len(stored), -1), starts, position.reshape(-1), num_frames, flat)
        return frames.reshape(*position.shape, num_frames, *self._spec.frame_shape)

    def _outcome(self, entry: Entry, position: int) -> float:
        """Returns the return to the end of the trajectory; one that was cut ends with the search's value of its last position."""
        arrays, length = self._ring.arrays, entry.length
        reward, root_value, to_play = arrays["reward"], arrays["root_value"], arrays["to_play"]
        start, discount = entry.start % self._ring.capacity_steps, self._config.search.discount
        return nstep_value(reward, root_value, to_play, start, length, int(entry.is_terminal), position, length, discount)
