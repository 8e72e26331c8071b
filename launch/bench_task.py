"""What the two processes of the engine benchmark agree on: sizes, address and an empty board game. No measuring."""

import msgspec

from engine.config import RunConfig
from muzero.types import GameSpec

EPOCH = 1
"""The server starts once."""
NUM_FRAMES = 8


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One measurement.

    Attributes:
        config: network, search and actors.
        board: side of the board.
        address: where the server listens.
    """

    config: RunConfig
    board: int
    address: str


def bench_spec(board: int) -> GameSpec:
    """Returns a board game of the sizes of Go: one action per point, and one more."""
    return GameSpec(
        name="benchmark",
        num_players=2,
        num_actions=board * board + 1,
        frame_shape=(board, board),
        frame_dtype="int8",
        num_frames=NUM_FRAMES,
        encoding="board",
        board_shape=(board, board),
        action_shape=(1, board, board),
        value_bounds=(-1.0, 1.0),
        max_moves=2 * board * board,
    )
