"""Measures the sockets: round trips of messages of an actor's size, beside bare ZeroMQ with the same frames. No network, no trees."""

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from typing import Any, NamedTuple, TypedDict

import numpy as np

from engine.errors import PeerDied
from engine.messages import HEADER
from engine.transport import ClientSocket
from launch.bare_zeromq import bare_client
from launch.bench_child import BenchChild
from launch.bench_echo import EchoTask
from muzero.types import UInt8Array

BOARD_ACTIONS, SIMULATIONS = 82, 50
WINDOW = 2
"""Messages in flight: an actor's groups."""
REPLY_SECONDS = 10.0
MICROSECONDS = 1e6


HEADINGS = {
    "leaves_per_message": "leaves",
    "round_trips_per_second": "trips/s",
    "bare_round_trips_per_second": "bare ZeroMQ",
    "ratio": "ratio",
    "bytes_per_second": "bytes/s",
    "cpu_microseconds_per_round_trip": "CPU us",
    "bare_cpu_microseconds_per_round_trip": "bare",
    "cpu_ratio": "ratio",
}
"""What is shown of a row, and how."""


class TransportRow(TypedDict):
    """One size of messages: the engine's sockets, bare ZeroMQ, and the quotients of ours to that."""

    leaves_per_message: int
    request_bytes: int
    reply_bytes: int
    round_trips_per_second: float
    bare_round_trips_per_second: float
    ratio: float
    bytes_per_second: float
    cpu_microseconds_per_round_trip: float
    bare_cpu_microseconds_per_round_trip: float
    cpu_ratio: float


class Sizes(NamedTuple):
    """Bytes of the messages about some leaves."""

    request_bytes: int
    reply_bytes: int


class Figures(NamedTuple):
    """One measurement of one side; processor time per round trip, of both ends and of the one that answers."""

    round_trips_per_second: float
    cpu_microseconds: float
    server_cpu_microseconds: float


class Caller(NamedTuple):
    """The client's end of one side: sends the request, receives one answer."""

    send: Callable[[], object]
    receive: Callable[[], object]


def message_sizes(leaves: int) -> Sizes:
    """Returns the bytes of a RECURRENT request about so many leaves, and of its reply, at 82 actions and 50 simulations."""
    priors = min(BOARD_ACTIONS, SIMULATIONS)
    return Sizes(HEADER.size + 8 * leaves, HEADER.size + 8 * leaves * (1 + priors))


def bench_transport(*, leaves: Sequence[int] = (8, 32, 64), seconds: float = 1.0, rounds: int = 5) -> dict[str, Any]:
    """Returns how much of bare ZeroMQ the engine's sockets reach.

    Args:
        leaves: leaves a message, one row each.
        seconds: length of one measurement.
        rounds: measurements of each side, taken in turns; medians are reported.

    Returns:
        {"bench": "transport", "rows": [...]}, see TransportRow; processor time is that of both ends.

    Raises:
        PeerDied: a process failed.
    """
    return {"bench": "transport", "rows": [_measure(count, seconds, rounds) for count in leaves]}


def _measure(leaves: int, seconds: float, rounds: int) -> TransportRow:
    sizes = message_sizes(leaves)
    with echoes(sizes) as (ours, bare):
        pairs = [(round_trips(*ours, WINDOW, seconds), round_trips(*bare, WINDOW, seconds)) for _ in range(rounds + 1)][1:]
    rate, bare_rate = (statistics.median(side.round_trips_per_second for side in sides) for sides in zip(*pairs, strict=True))
    cpu, bare_cpu = (statistics.median(side.cpu_microseconds for side in sides) for sides in zip(*pairs, strict=True))
    return TransportRow(
        leaves_per_message=leaves,
        request_bytes=sizes.request_bytes,
        reply_bytes=sizes.reply_bytes,
        round_trips_per_second=round(rate, 1),
        bare_round_trips_per_second=round(bare_rate, 1),
        ratio=statistics.median(one.round_trips_per_second / other.round_trips_per_second for one, other in pairs),
        bytes_per_second=round(rate * sum(sizes), 1),
        cpu_microseconds_per_round_trip=round(cpu, 2),
        bare_cpu_microseconds_per_round_trip=round(bare_cpu, 2),
        cpu_ratio=statistics.median(one.cpu_microseconds / other.cpu_microseconds for one, other in pairs),
    )


def round_trips(child: BenchChild, caller: Caller, window: int, seconds: float) -> Figures:
    """Returns how fast requests are answered.

    Args:
        child: the other end, asked for its processor time.
        caller: this end.
        window: requests in flight.
        seconds: how long.
    """
    cpu_before, child_before = time.process_time(), cpu_seconds_of(child)
    for _ in range(window):
        caller.send()
    count, began = 0, time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        caller.receive()
        caller.send()
        count += 1
    for _ in range(window):
        caller.receive()
    cpu, child_cpu = time.process_time() - cpu_before, cpu_seconds_of(child) - child_before
    return Figures(count / elapsed, *(MICROSECONDS * used / (count + window) for used in (cpu + child_cpu, child_cpu)))


def cpu_seconds_of(child: BenchChild) -> float:
    """Returns the processor time of a process of this benchmark so far."""
    child.ask("cpu")
    return child.answer(float)


@contextmanager
def echoes(sizes: Sizes) -> Iterator[tuple[tuple[BenchChild, Caller], tuple[BenchChild, Caller]]]:
    """Runs the two processes that answer, ours and the bare one; yields each with the client's end."""
    with tempfile.TemporaryDirectory(prefix="mz") as folder, ExitStack() as stack:
        children, addresses = [], []
        for is_bare in (False, True):
            task = EchoTask(address=f"ipc://{folder}/echo-{int(is_bare)}", reply_bytes=sizes.reply_bytes, is_bare=is_bare)
            children.append(stack.enter_context(closing(BenchChild("launch.bench_echo", task))))
            addresses.append(task.address)
        for child in children:
            child.wait_until_ready()
        socket = stack.enter_context(closing(ClientSocket(addresses[0], "actor-0")))
        request, memory = bytes(sizes.request_bytes), np.empty(sizes.reply_bytes, np.uint8)
        yield (
            (children[0], Caller(lambda: socket.send(request), lambda: _receive(socket, memory))),
            (children[1], Caller(*stack.enter_context(bare_client(addresses[1], request, REPLY_SECONDS)))),
        )


def _receive(socket: ClientSocket, memory: UInt8Array) -> None:
    if socket.receive(memory, REPLY_SECONDS) is None:
        raise PeerDied("the benchmark's echo answers no more: see what it printed above.")
