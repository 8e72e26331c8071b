"""Symmetries of a board: positions that are the same but for a turn or a mirror, used to train on all of them.

A game says which it has; batches are transformed at random after they were drawn. Nothing in here plays or searches.
Axis letters: G symmetries, F cells of a frame, A actions, B samples.
"""

from dataclasses import dataclass

import numpy as np

from muzero.types import Batch, Int32Array, Int64Array


@dataclass(frozen=True)
class Symmetries:
    """The symmetries of a game; the first is the identity.

    Attributes:
        cell: int64 [G, F], for each cell of the transformed frame the cell it is taken from.
        action: int32 [G, A], what each action becomes.
    """

    cell: Int64Array
    action: Int32Array

    def __len__(self) -> int:
        return len(self.cell)

    def apply(self, batch: Batch, symmetry: Int64Array) -> None:
        """Transforms each sample of a batch, in place.

        Args:
            batch: all frames, actions and policies are changed; values and rewards are the same in all symmetries.
            symmetry: int64 [B], in [0, G).
        """
        cell = self.cell[symmetry][:, None, :]
        for observations in (batch.frames, batch.next_frames, batch.bootstrap_frames):
            if observations is not None:
                frames = observations.reshape(len(symmetry), -1, cell.shape[2])
                frames[:] = np.take_along_axis(frames, cell, axis=2)
        batch.action[:] = self.action[symmetry[:, None], batch.action]
        batch.policy_action[:] = self.action[symmetry[:, None, None], batch.policy_action]


def no_symmetries(num_cells: int, num_actions: int) -> Symmetries:
    """Returns the identity alone, for a game without symmetries."""
    return Symmetries(np.arange(num_cells, dtype=np.int64)[None], np.arange(num_actions, dtype=np.int32)[None])


def square_symmetries(size: int, *, has_pass: bool = False) -> Symmetries:
    """Returns the 8 turns and mirrors of a size x size board whose actions are its cells, row by row, and a pass after them."""
    board = np.arange(size * size, dtype=np.int64).reshape(size, size)
    turned = [np.rot90(side, turns) for side in (board, board[:, ::-1]) for turns in range(4)]
    cell = np.stack([side.reshape(-1) for side in turned])
    action = np.argsort(cell, axis=1).astype(np.int32)
    return Symmetries(cell, np.pad(action, ((0, 0), (0, 1)), constant_values=size * size) if has_pass else action)


def half_turn_symmetries(rows: int, columns: int) -> Symmetries:
    """Returns the identity and the half turn of a board whose actions are its cells, row by row."""
    cell = np.arange(rows * columns, dtype=np.int64)
    both = np.stack([cell, cell[::-1]])
    return Symmetries(both, both.astype(np.int32))


def mirror_symmetries(rows: int, columns: int) -> Symmetries:
    """Returns the 2 mirrors, left and right, of a board whose actions are its columns."""
    board = np.arange(rows * columns, dtype=np.int64).reshape(rows, columns)
    action = np.arange(columns, dtype=np.int32)
    return Symmetries(np.stack([board.reshape(-1), board[:, ::-1].reshape(-1)]), np.stack([action, action[::-1]]))
