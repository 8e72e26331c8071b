"""What the processes of the benchmarks of the engine agree on: sizes, address and an empty board game. No measuring."""

import msgspec

from engine.config import RunConfig
from launch.bench_child import BenchChild
from launch.totals import Totals
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
        actor: number of the actor that the process plays.
    """

    config: RunConfig
    board: int
    address: str
    actor: int = 0


class ServerNumbers(Totals, frozen=True, kw_only=True):
    """What a server has counted so far.

    Attributes:
        cpu_seconds: processor time of its process.
        device_busy_seconds: time in which a batch was in the device.
        batches, requests, leaves: answered.
    """

    cpu_seconds: float
    device_busy_seconds: float
    batches: int
    requests: int
    leaves: int


def ask_numbers(server: BenchChild) -> ServerNumbers:
    """Returns what a server has counted so far.

    Raises:
        PeerDied: it ended, or said nothing for long.
    """
    server.ask("numbers")
    return server.answer(ServerNumbers)


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What an actor did in one measurement.

    Attributes:
        simulations: leaves added to its trees.
        seconds: how long it took.
        cpu_seconds: processor time of its process.
    """

    simulations: int
    seconds: float
    cpu_seconds: float


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
