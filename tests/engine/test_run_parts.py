"""Several servers: each start of one is a new epoch of that one alone, and every process asks the server that serves it."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from engine.layout import Counter, telemetry_layout
from engine.messages import unpack_header
from engine.run_parts import connect
from engine.segments import RunSegments
from engine.shared_memory import Segment
from engine.slots import actor_clients
from engine.supervisor import Role
from engine.telemetry import ProcessIndices, Telemetry
from engine.transport import ServerSocket, server_address
from muzero.games import make_game
from muzero.types import InitialRequest, Observation
from tests.engine.run_examples import tiny_config

CONFIG = tiny_config(actors={"num_actors": 2}, inference={"num_servers": 2})
INDICES = ProcessIndices.of_run(CONFIG)
WAIT_SECONDS = 10.0


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A folder for sockets, with a short path."""
    with tempfile.TemporaryDirectory(prefix="mz") as folder:
        yield Path(folder)


def test_each_start_of_a_server_is_a_new_epoch_of_that_server() -> None:
    with RunSegments(CONFIG, 10, INDICES) as segments:
        for process in (INDICES.servers[0], INDICES.servers[1], INDICES.servers[1], INDICES.learner, INDICES.actors[0]):
            segments.before_start(Role("any", "any", 0, process, {}), restart_count=0)
        epochs = [segments.telemetry.block(process).get(Counter.EPOCH) for process in range(INDICES.num_processes)]
    assert epochs == [0, 0, 1, 2, 0]


@pytest.mark.parametrize("actor", [0, 1])
def test_an_actor_asks_its_server_under_the_epoch_of_that_server(sockets: Path, actor: int) -> None:
    telemetry, spec = Telemetry(Segment.private(telemetry_layout(INDICES.num_processes, 2)).arrays), make_game(CONFIG.env).spec
    for number, process in enumerate(INDICES.servers):
        telemetry.block(process).set(Counter.EPOCH, 5 + number)
    servers = [ServerSocket(server_address(sockets, number)) for number in range(2)]
    client = actor_clients(CONFIG, actor)[0]
    setup = SimpleNamespace(config=CONFIG, socket_dir=str(sockets), role=f"actor-{actor}", restart_count=0)
    life = SimpleNamespace(telemetry=telemetry, block=telemetry.block(actor))
    inference = connect(setup, life, spec, client.server)  # type: ignore[arg-type]
    try:
        frames = np.zeros((client.num_trees, spec.num_frames, *spec.frame_shape), spec.frame_dtype)
        inference.send(client.index, InitialRequest(Observation(frames, np.zeros(client.num_trees, np.int8))))
        assert servers[actor].wait(WAIT_SECONDS)
        identity, message = servers[actor].receive() or (b"", b"")
        header = unpack_header(message)
        assert (identity, header.client, header.epoch) == (f"actor-{actor}".encode(), client.index, 5 + actor)
        assert servers[1 - actor].receive() is None
    finally:
        inference.close()
        for server in servers:
            server.close()
