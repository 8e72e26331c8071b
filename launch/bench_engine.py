"""Measures actors and inference together: simulations per second over the real wire, beside what the device could do alone.

The server and each actor are processes of their own (`bench_server.py`, `bench_driver.py`). With a network, both figures come from the
same network, batch size and cores, measured in turns so that the machine's moods hit both; with a simulated device its schedule
says what it could do.
"""

import math
import statistics
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

import msgspec

from engine.config import ActorsConfig, EvaluationConfig, InferenceConfig, RunConfig
from engine.device_names import simulated_timing
from engine.transport import server_address
from launch.bench_child import BenchChild
from launch.bench_task import Played, ServerNumbers, Task, ask_numbers
from launch.progress_line import progress_line
from muzero.config import NetworkConfig, SearchConfig
from muzero.errors import UserError

GROUPS = 2
SMALLEST_NETWORK = "1x4"
"""Of a simulated device, which does not call it."""
FREE = "simulated:0+0"
FREE_ACTORS = 2
"""One for each core of the machine that the figures are promised for, beside the server."""
MICROSECONDS = 1e6
Show = Callable[[Callable[[], str]], None]
"""Shows the text that a function returns, see `progress_line`."""


HEADINGS = {
    "network": "network",
    "actors": "actors",
    "leaves_per_message": "leaves",
    "simulations_per_second": "sims/s",
    "raw_simulations_per_second": "limit/s",
    "efficiency": "ratio",
    "mean_batch": "batch",
    "device_busy_share": "busy",
    "cpu_microseconds_per_simulation": "CPU us/sim",
}
"""What is shown of a row, and how."""


class EngineRow(TypedDict):
    """One device or network: what the engine does with it, and what it could do without the engine.

    `raw_simulations_per_second` is None where the device is free; then there is no efficiency either.
    """

    network: str
    board: int
    actors: int
    trees: int
    leaves_per_message: int
    simulations: int
    simulations_per_second: float
    raw_simulations_per_second: float | None
    efficiency: float | None
    mean_batch: float
    device_busy_share: float
    cpu_microseconds_per_simulation: float
    server_cpu_microseconds_per_simulation: float


class Crew(NamedTuple):
    """The processes of one row."""

    server: BenchChild
    actors: list[BenchChild]


class Turn(NamedTuple):
    """One measurement of all processes."""

    played: list[Played]
    served: ServerNumbers

    @property
    def simulations(self) -> int:
        """Leaves that were searched."""
        return sum(played.simulations for played in self.played)

    @property
    def seconds(self) -> float:
        """How long it took."""
        return max(played.seconds for played in self.played)


def bench_engine(
    *,
    networks: Sequence[str] = ("6x64", "1x8"),
    board: int = 9,
    trees: int = 64,
    simulations: int = 50,
    seconds: float = 2.0,
    rounds: int = 5,
    free_leaves: Sequence[int] = (8, 64),
) -> dict[str, Any]:
    """Returns how much of the network's own speed reaches the searches, and what the engine can do where the network is free.

    Args:
        networks: residual networks, "blocks x channels".
        board: side of the board; it has board * board + 1 actions.
        trees: trees in flight, in two groups; a batch is one group.
        simulations: simulations per search.
        seconds: length of one measurement.
        rounds: measurements of each of the two figures, taken in turns; medians are reported.
        free_leaves: leaves a message of the rows with a free network and two actors, one each.

    Returns:
        {"bench": "engine", "rows": [...]}, see EngineRow; the raw figure is the network's recurrent inference in a loop, and the
        efficiency is the one over the other.

    Raises:
        UserError: a network is not written like 6x64, or the trees do not split in two.
        PeerDied: a process failed.
    """
    tasks = [(bench_config(network, trees, simulations), network) for network in networks]
    tasks += [(simulated_config(FREE, FREE_ACTORS, GROUPS * leaves, simulations), FREE) for leaves in free_leaves]
    with progress_line() as show:
        rows = [_measure(config, name, board, seconds, rounds, show) for config, name in tasks]
    return {"bench": "engine", "rows": rows}


def bench_simulated(
    device: str, *, board: int = 9, actors: int = 1, games: int = 64, simulations: int = 50, seconds: float = 2.0, rounds: int = 5
) -> dict[str, Any]:
    """Returns what actors make of a simulated device.

    Args:
        device: for example "simulated:200+35".
        board, simulations, seconds, rounds: as in bench_engine.
        actors: actor processes.
        games: trees of each actor, in two groups.

    Returns:
        As bench_engine, with one row.

    Raises:
        UserError: the device is no simulated one, or the trees do not split in two.
        PeerDied: a process failed.
    """
    config = simulated_config(device, actors, games, simulations)
    if simulated_timing(device) is None:
        raise UserError(f"bench engine got the device '{device}': only simulated devices can be chosen, for example simulated:200+35.")
    with progress_line() as show:
        return {"bench": "engine", "rows": [_measure(config, device, board, seconds, rounds, show)]}


def _measure(config: RunConfig, name: str, board: int, seconds: float, rounds: int, show: Show) -> EngineRow:
    show(lambda: f"network {name}: starting its server")
    with _crew(config, board) as crew:
        _turn(crew, seconds)  # compiles kernels and fills the pipeline
        turns, raws = [], []
        for number in range(1, rounds + 1):
            show(lambda number=number: f"network {name}: measurement {number} of {rounds}")  # type: ignore[misc]
            turns.append(_turn(crew, seconds))
            raws.append(_raw_simulations_per_second(crew.server, config, seconds))
    here = statistics.median(turn.simulations / turn.seconds for turn in turns)
    there = statistics.median(raws)
    leaves = config.actors.games_per_group
    return EngineRow(
        network=name,
        board=board,
        actors=config.actors.num_actors,
        trees=config.actors.num_actors * config.actors.games_per_actor,
        leaves_per_message=leaves,
        simulations=config.search.num_simulations,
        simulations_per_second=round(here, 1),
        raw_simulations_per_second=round(there, 1) if math.isfinite(there) else None,
        efficiency=here / there if math.isfinite(there) else None,
        mean_batch=round(statistics.median(turn.served.leaves / turn.served.batches for turn in turns), 1),
        device_busy_share=round(statistics.median(turn.served.device_busy_seconds / turn.seconds for turn in turns), 4),
        cpu_microseconds_per_simulation=round(statistics.median(map(_cpu_microseconds, turns)), 3),
        server_cpu_microseconds_per_simulation=round(
            statistics.median(MICROSECONDS * turn.served.cpu_seconds / turn.simulations for turn in turns), 3
        ),
    )


def _cpu_microseconds(turn: Turn) -> float:
    """Returns the processor time of all processes per simulation."""
    return MICROSECONDS * (turn.served.cpu_seconds + sum(played.cpu_seconds for played in turn.played)) / turn.simulations


def _raw_simulations_per_second(server: BenchChild, config: RunConfig, seconds: float) -> float:
    """Returns the leaves per second of the device alone at the batch of one group of each actor; searches wait meanwhile."""
    timing, batch = simulated_timing(config.inference.device), config.actors.num_actors * config.actors.games_per_group
    if timing is not None:
        return batch / timing.seconds(batch) if timing.seconds(batch) else math.inf
    server.ask(f"raw {seconds}")
    return server.answer(float)


def _turn(crew: Crew, seconds: float) -> Turn:
    """Lets all actors search for so long."""
    before = ask_numbers(crew.server)
    for actor in crew.actors:
        actor.ask(str(seconds))
    played = [actor.answer(Played) for actor in crew.actors]
    return Turn(played, ask_numbers(crew.server).since(before))


@contextmanager
def _crew(config: RunConfig, board: int) -> Iterator[Crew]:
    """Runs the processes of one row."""
    with tempfile.TemporaryDirectory(prefix="mz") as folder, ExitStack() as stack:
        tasks = [
            Task(config=config, board=board, address=server_address(Path(folder)), actor=actor) for actor in range(config.actors.num_actors)
        ]
        server = stack.enter_context(closing(BenchChild("launch.bench_server", tasks[0])))
        server.wait_until_ready()
        actors = [stack.enter_context(closing(BenchChild("launch.bench_driver", task))) for task in tasks]
        for actor in actors:
            actor.wait_until_ready()
        yield Crew(server, actors)


def bench_config(network: str, trees: int, simulations: int) -> RunConfig:
    """Returns the run of one actor and a network on the CPU that the benchmark plays.

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
        inference=InferenceConfig(device="cpu"),
        evaluation=EvaluationConfig(is_enabled=False),
    )


def simulated_config(device: str, actors: int, games: int, simulations: int) -> RunConfig:
    """Returns the run of a simulated device that the benchmark plays.

    Raises:
        UserError: the name of the device is malformed, or the games do not split in two.
    """
    config = bench_config(SMALLEST_NETWORK, games, simulations)
    return msgspec.structs.replace(
        config,
        actors=ActorsConfig(num_actors=actors, games_per_actor=games, groups=GROUPS),
        inference=InferenceConfig(device=device, max_batch=max(1024, actors * games)),
    )
