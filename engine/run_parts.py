"""How a process of the run attaches to what all of them share: ring, weights, wire, servers. No torch in here."""

from pathlib import Path

from engine.config import RunConfig
from engine.inference_client import InferenceClient
from engine.layout import Counter, ring_layout_of, weights_layout
from engine.messages import Wire
from engine.process_life import Life, ProcessSetup
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.slots import clients_of, server_clients
from engine.telemetry import ProcessIndices
from engine.transport import ClientSocket, server_address
from engine.weights import WeightStore
from muzero.types import GameSpec


def make_wire(config: RunConfig, spec: GameSpec, server: int | None = None) -> Wire:
    """Returns the sizes of the run's messages, or of those of one server alone."""
    simulations = config.search.num_simulations
    clients = clients_of(config) if server is None else server_clients(config, server)
    return Wire(spec, simulations + 1, min(spec.num_actions, simulations), {client.index: client for client in clients})


def connect(setup: ProcessSetup, life: Life, spec: GameSpec, server: int) -> InferenceClient:
    """Returns this process's end of the wire to a server, to be closed."""
    indices = ProcessIndices.of_run(setup.config)
    server_block = life.telemetry.block(indices.servers[server])
    return InferenceClient(
        make_wire(setup.config, spec),
        ClientSocket(server_address(Path(setup.socket_dir), server), setup.role),
        lambda: server_block.get(Counter.EPOCH),
        life.block.spans,
        start=setup.restart_count,
    )


def attach_ring(setup: ProcessSetup, spec: GameSpec, writer_index: int) -> Ring:
    """Returns the run's replay log, mapped into this process."""
    return Ring(Segment.attach(setup.ring_fd, ring_layout_of(setup.config, spec)), setup.lock_fd, writer_index)


def attach_weights(setup: ProcessSetup) -> WeightStore:
    """Returns the run's weights, mapped into this process."""
    return WeightStore(Segment.attach(setup.weights_fd, weights_layout(setup.num_floats)))
