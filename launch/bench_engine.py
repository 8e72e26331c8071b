"""Measures actors and inference together: simulations per second over the real wire, beside the network alone.

The network of the server runs in a process of its own (`launch/bench_server.py`); this process drives the searches as an actor
does. Both figures come from the same network, batch size and cores, measured in turns so that the machine's moods hit both.
"""

import json
import os
import select
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, TypedDict

import msgspec

from engine.child import module_path
from engine.config import ActorsConfig, EvaluationConfig, RunConfig
from engine.errors import PeerDied
from engine.transport import server_address
from launch.bench_driver import Driver
from launch.bench_task import Task
from launch.progress_line import progress_line
from muzero.config import NetworkConfig, SearchConfig
from muzero.errors import UserError

GROUPS = 2
ANSWER_SECONDS = 300.0
"""Longest wait for the server: it starts, and measures which variant of the network is fastest."""


class EngineRow(TypedDict):
    """One network: what the engine does with it, and what it could do without the engine."""

    network: str
    board: int
    trees: int
    simulations: int
    simulations_per_second: float
    raw_simulations_per_second: float
    efficiency: float


def bench_engine(
    *,
    networks: Sequence[str] = ("6x64", "1x8"),
    board: int = 9,
    trees: int = 64,
    simulations: int = 50,
    seconds: float = 2.0,
    rounds: int = 5,
) -> dict[str, Any]:
    """Returns how much of the network's own speed reaches the searches, with one actor and one server.

    Args:
        networks: residual networks, "blocks x channels".
        board: side of the board; it has board * board + 1 actions.
        trees: trees in flight, in two groups; a batch is one group.
        simulations: simulations per search.
        seconds: length of one measurement.
        rounds: measurements of each of the two figures, taken in turns; medians are reported.

    Returns:
        {"bench": "engine", "rows": [...]}, see EngineRow; the raw figure is the network's recurrent inference in a loop, and the
        efficiency is the one over the other.

    Raises:
        UserError: a network is not written like 6x64, or the trees do not split in two.
        PeerDied: the server's process failed.
    """
    with progress_line() as show:
        rows = [_measure(network, board, trees, simulations, seconds, rounds, show) for network in networks]
    return {"bench": "engine", "rows": rows}


def _measure(
    network: str, board: int, trees: int, simulations: int, seconds: float, rounds: int, show: Callable[[Callable[[], str]], None]
) -> EngineRow:
    config = bench_config(network, trees, simulations)
    show(lambda: f"network {network}: starting its server")
    with tempfile.TemporaryDirectory(prefix="mz") as folder:
        task = Task(config=config, board=board, address=server_address(Path(folder)))
        with _server(task) as server, closing(Driver(task, server.require_alive)) as driver:
            driver.run(seconds)  # compiles kernels and fills the pipeline
            pairs = []
            for number in range(1, rounds + 1):
                show(lambda number=number: f"network {network}: measurement {number} of {rounds}")  # type: ignore[misc]
                pairs.append((driver.run(seconds), server.raw_simulations_per_second(seconds)))
    here, there = (statistics.median(figures) for figures in zip(*pairs, strict=True))
    return EngineRow(
        network=network,
        board=board,
        trees=trees,
        simulations=simulations,
        simulations_per_second=round(here, 1),
        raw_simulations_per_second=round(there, 1),
        efficiency=here / there,
    )


def bench_config(network: str, trees: int, simulations: int) -> RunConfig:
    """Returns the run of one actor that the benchmark plays.

    Raises:
        UserError: as in bench_engine.
    """
    blocks, _, channels = network.partition("x")
    if not (blocks.isdigit() and channels.isdigit()):
        raise UserError(f"network '{network}' is not blocks x channels: write for example 6x64.")
    return RunConfig(
        search=SearchConfig(num_simulations=simulations),
        network=NetworkConfig(kind="residual", num_blocks=int(blocks), num_channels=int(channels)),
        actors=ActorsConfig(num_actors=1, games_per_actor=trees, groups=GROUPS),
        evaluation=EvaluationConfig(is_enabled=False),
    )


class ServerProcess:
    """The server's process: its pipes are asked for the raw figure, its socket serves the searches."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def raw_simulations_per_second(self, seconds: float) -> float:
        """Returns the leaves per second of the network alone, at the batch of one group; searches wait meanwhile."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{seconds}\n")
        self._process.stdin.flush()
        return float(json.loads(self.answer()))

    def answer(self) -> str:
        """Returns the next line it prints.

        Raises:
            PeerDied: it ended, or said nothing for long.
        """
        output = self._process.stdout
        assert output is not None
        line = output.readline() if select.select([output], [], [], ANSWER_SECONDS)[0] else ""
        if not line:
            raise PeerDied(f"the benchmark's server gave no answer in {ANSWER_SECONDS:.0f} s or died: see what it printed above.")
        return line

    def require_alive(self) -> None:
        """Raises PeerDied if it ended."""
        if self._process.poll() is not None:
            raise PeerDied("the benchmark's server died: see what it printed above.")


@contextmanager
def _server(task: Task) -> Iterator[ServerProcess]:
    """Runs the server's process; it ends when its input does, so it cannot outlive this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "launch.bench_server", msgspec.json.encode(task).decode()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=_server_environment(),
    )
    try:
        server = ServerProcess(process)
        server.answer()  # ready
        yield server
    finally:
        process.kill()
        process.communicate(timeout=10)


def _server_environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": module_path(), "OMP_NUM_THREADS": "1"}
