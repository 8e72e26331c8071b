"""The view of a board with stones of two colours, which most board games share: frames of 0, 1 and 2, moves shown at their cell."""

import numpy as np

from muzero.games.openspiel_game import View
from muzero.symmetries import Symmetries
from muzero.types import Float32Array, FrameArray


def stone_view(
    board_shape: tuple[int, int],
    action_planes: Float32Array,
    symmetries: Symmetries,
    *,
    first_plane: int,
    second_plane: int,
    moves_per_point: int,
    num_frames: int = 1,
    flip_rows: bool = False,
) -> View:
    """Returns the view of a board with stones: frame int8 [H, W], 0 empty, 1 first player's stone, 2 second player's.

    Args:
        board_shape: (H, W).
        action_planes: float32 [A, C, H, W].
        symmetries: of frames and actions.
        first_plane, second_plane: planes of OpenSpiel's observation that show the two players' stones with ones.
        moves_per_point: see GameSpec; 1 for the moves of `cell_planes`.
        num_frames: positions in an observation.
        flip_rows: OpenSpiel's row 0 is the lowest one, ours the highest.
    """
    order = slice(None, None, -1) if flip_rows else slice(None)

    def decode(observation: Float32Array, num_moves: int, out: FrameArray) -> None:
        planes = observation.reshape(-1, *board_shape)
        np.add(planes[first_plane, order], 2.0 * planes[second_plane, order], out=out, casting="unsafe")

    return View(
        frame_shape=board_shape,
        frame_dtype="int8",
        encoding="board",
        board_shape=board_shape,
        decode=decode,
        num_frames=num_frames,
        action_planes=action_planes,
        moves_per_point=moves_per_point,
        symmetries=symmetries,
    )


def cell_planes(rows: int, columns: int, *, has_pass: bool = False) -> Float32Array:
    """Returns how moves at the cells of a board are shown: float32 [A, 1, H, W], a one at the cell; a pass, the last, has zeros.

    Args:
        rows: H.
        columns: W; action = W row + column.
        has_pass: whether there is one more action, a pass.
    """
    num_cells = rows * columns
    return np.eye(num_cells + has_pass, num_cells, dtype=np.float32).reshape(-1, 1, rows, columns)
