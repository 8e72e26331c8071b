"""Measures the inference server alone: a free network and scripted clients, so that only receiving, checking, batching and replying
are left, beside bare ZeroMQ that answers messages of the same sizes. No trees, no network.
"""

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from itertools import cycle
from pathlib import Path
from typing import Any, TypedDict

import numpy as np

from engine.config import RunConfig
from engine.errors import PeerDied
from engine.messages import Header, Kind, Wire
from engine.replies import ReplyReader
from engine.run_parts import make_wire
from engine.transport import ClientSocket, server_address
from launch.bench_child import BenchChild
from launch.bench_engine import FREE, GROUPS, simulated_config
from launch.bench_task import EPOCH, Task, ask_numbers, bench_spec
from launch.bench_transport import BOARD_ACTIONS, SIMULATIONS, echoes, message_sizes, round_trips
from muzero.types import InitialRequest, Observation, RecurrentRequest

BOARD = 9
ACTORS = 4
"""Scripted actors, of two clients each, behind one socket."""
REPLY_SECONDS = 10.0
MICROSECONDS = 1e6


HEADINGS = {
    "leaves_per_message": "leaves",
    "requests_per_second": "requests/s",
    "leaves_per_second": "leaves/s",
    "mean_batch": "batch",
    "server_cpu_microseconds_per_message": "CPU us",
    "bare_cpu_microseconds_per_message": "bare ZeroMQ",
    "ratio": "ratio",
    "server_cpu_microseconds_per_leaf": "CPU us/leaf",
}
"""What is shown of a row, and how."""


class InferenceRow(TypedDict):
    """One size of messages: the server's own cost, bare ZeroMQ's, and their quotient."""

    leaves_per_message: int
    clients: int
    requests_per_second: float
    leaves_per_second: float
    mean_batch: float
    server_cpu_microseconds_per_message: float
    bare_cpu_microseconds_per_message: float
    ratio: float
    server_cpu_microseconds_per_leaf: float


class Script:
    """Clients of a server who ask for one node after the other without any search.

    Args:
        config: the run.
        address: where the server listens.
    """

    def __init__(self, config: RunConfig, address: str) -> None:
        wire = make_wire(config, bench_spec(BOARD))
        self._reader, self._socket = ReplyReader(wire), ClientSocket(address, "actor-0")
        clients = range(config.actors.num_actors * GROUPS)
        self._roots = [_root(wire, client) for client in clients]
        self._leaves = {client: cycle([_leaf(wire, client, node) for node in range(1, wire.num_nodes)]) for client in clients}

    def run(self, seconds: float) -> float:
        """Returns requests answered per second; each client has one in flight."""
        for root in self._roots:
            self._socket.send(root)
        count, began = 0, time.monotonic()
        while (elapsed := time.monotonic() - began) < seconds:
            self._socket.send(next(self._leaves[self._answered_client()]))
            count += 1
        for _ in self._roots:
            self._answered_client()
        return count / elapsed

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def _answered_client(self) -> int:
        message_bytes = self._socket.receive(self._reader.memory, REPLY_SECONDS)
        if message_bytes is None:
            raise PeerDied("the benchmark's server answers no more: see what it printed above.")
        header, reply = self._reader.read(message_bytes)
        assert reply is not None, f"the server answered {header.kind.name}"
        return header.client


def bench_inference(*, leaves: Sequence[int] = (8, 32, 64), seconds: float = 1.0, rounds: int = 5) -> dict[str, Any]:
    """Returns what a message costs the server beyond what it costs ZeroMQ.

    Args:
        leaves: leaves a message, one row each.
        seconds: length of one measurement.
        rounds: measurements of each side, taken in turns; medians are reported.

    Returns:
        {"bench": "inference", "rows": [...]}, see InferenceRow; processor time is the server's alone.

    Raises:
        PeerDied: a process failed.
    """
    return {"bench": "inference", "rows": [_measure(count, seconds, rounds) for count in leaves]}


def _measure(leaves: int, seconds: float, rounds: int) -> InferenceRow:
    config = simulated_config(FREE, ACTORS, GROUPS * leaves, SIMULATIONS)
    served, bare_costs, rates = [], [], []
    with _server(config) as (server, script), echoes(message_sizes(leaves)) as (_, bare):
        script.run(seconds)
        for _ in range(rounds):
            before = ask_numbers(server)
            rates.append(script.run(seconds))
            served.append(ask_numbers(server).since(before))
            bare_costs.append(round_trips(*bare, ACTORS * GROUPS, seconds).server_cpu_microseconds)
    costs = [MICROSECONDS * numbers.cpu_seconds / numbers.requests for numbers in served]
    rate = statistics.median(rates)
    return InferenceRow(
        leaves_per_message=leaves,
        clients=ACTORS * GROUPS,
        requests_per_second=round(rate, 1),
        leaves_per_second=round(rate * leaves, 1),
        mean_batch=round(statistics.median(numbers.leaves / numbers.batches for numbers in served), 1),
        server_cpu_microseconds_per_message=round(statistics.median(costs), 2),
        bare_cpu_microseconds_per_message=round(statistics.median(bare_costs), 2),
        ratio=statistics.median(cost / bare_cost for cost, bare_cost in zip(costs, bare_costs, strict=True)),
        server_cpu_microseconds_per_leaf=round(statistics.median(costs) / leaves, 3),
    )


@contextmanager
def _server(config: RunConfig) -> Iterator[tuple[BenchChild, Script]]:
    """Runs the server; yields it with the clients."""
    with tempfile.TemporaryDirectory(prefix="mz") as folder, ExitStack() as stack:
        address = server_address(Path(folder))
        server = stack.enter_context(closing(BenchChild("launch.bench_server", Task(config=config, board=BOARD, address=address))))
        server.wait_until_ready()
        yield server, stack.enter_context(closing(Script(config, address)))


def _root(wire: Wire, client: int) -> bytes:
    trees, spec = wire.clients[client].num_trees, wire.spec
    frames = np.zeros((trees, spec.num_frames, *spec.frame_shape), spec.frame_dtype)
    request = InitialRequest(Observation(frames, np.zeros(trees, np.int8)))
    return wire.request_message(Header(Kind.INITIAL, client, 0, EPOCH, 0), request)


def _leaf(wire: Wire, client: int, new_node: int) -> bytes:
    """Returns a request whose parents and actions differ from tree to tree."""
    tree = np.arange(wire.clients[client].num_trees, dtype=np.int32)
    request = RecurrentRequest(tree % new_node, (tree + new_node) % BOARD_ACTIONS, new_node)
    return wire.request_message(Header(Kind.RECURRENT, client, new_node, EPOCH, new_node), request)
