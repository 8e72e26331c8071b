"""Parts of an inference service without a run, shared by the tests of its server and its client. No assertions."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import torch

from engine.config import RunConfig
from engine.inference_core import InferenceCore, LocalModel
from engine.layout import telemetry_layout, weights_layout
from engine.processes.inference_server import InferenceServer
from engine.shared_memory import Segment
from engine.slots import num_slots
from engine.telemetry import ProcessBlock, Telemetry
from engine.transport import ServerSocket
from engine.weights import WeightStore
from muzero.games import make_game
from muzero.networks.flat_state import flatten_state, num_floats
from muzero.networks.network import MuZeroNetwork, build_network
from muzero.types import Float32Array, InitialRequest, Observation
from tests.engine.run_examples import tiny_config

CONFIG = tiny_config(actors={"num_actors": 2, "games_per_actor": 6, "groups": 2})
"""Four clients of three trees each."""


def make_network(config: RunConfig = CONFIG, seed: int = 0) -> MuZeroNetwork:
    """Returns a network of the run, ready to infer, all of whose weights matter: fresh heads are all zero and hide mistakes."""
    game = make_game(config.env)
    network = build_network(game.spec, game.action_planes(), config.network, seed).eval().requires_grad_(False)
    random = torch.Generator().manual_seed(seed)
    for tensor in network.parameters():
        tensor += 0.3 * torch.randn(tensor.shape, generator=random)
    return network


def values_of(network: MuZeroNetwork) -> Float32Array:
    values = np.zeros(num_floats(network), np.float32)
    flatten_state(network, values)
    return values


def make_weights(*networks: MuZeroNetwork) -> WeightStore:
    """Returns a store in which these networks were published, one after the other, from version 1."""
    store = WeightStore(Segment.private(weights_layout(num_floats(networks[0]))))
    for version, network in enumerate(networks, start=1):
        store.publish(values_of(network), version)
    return store


def make_core(config: RunConfig = CONFIG, network: MuZeroNetwork | None = None) -> InferenceCore:
    """Returns a core that serves a network as version 1."""
    game = make_game(config.env)
    core = InferenceCore(config, game.spec, game.action_planes(), num_slots=num_slots(config, 0), typical_batch=3)
    core.load(values_of(network or make_network(config)), 1)
    return core


def local_model(network: MuZeroNetwork | None = None) -> LocalModel:
    return LocalModel(make_core(CONFIG, network), 0, CONFIG.actors.games_per_group)


def random_observation(seed: int = 0, num_trees: int = 3) -> Observation:
    """Returns made-up positions of tic-tac-toe."""
    spec, random = make_game(CONFIG.env).spec, np.random.default_rng(seed)
    frames = random.integers(0, 3, (num_trees, spec.num_frames, *spec.frame_shape)).astype(spec.frame_dtype)
    return Observation(frames, random.integers(0, 2, num_trees).astype(np.int8))


def random_request(seed: int = 0) -> InitialRequest:
    return InitialRequest(random_observation(seed))


@contextmanager
def serving(address: str, weights: WeightStore, config: RunConfig = CONFIG, epoch: int = 1, number: int = 0) -> Iterator[ProcessBlock]:
    """Serves in a thread while the block runs; yields the server's numbers."""
    game = make_game(config.env)
    block = Telemetry(Segment.private(telemetry_layout(1)).arrays).block(0)
    size = num_floats(make_network(config))
    parts = {"weights": weights, "num_floats": size, "socket": ServerSocket(address), "block": block, "epoch": epoch, "number": number}
    server = InferenceServer(config, game.spec, game.action_planes(), **parts)  # type: ignore[arg-type]
    server.take_newest_weights()
    should_stop, failures = threading.Event(), []

    def serve() -> None:
        try:
            while not should_stop.is_set():
                server.serve_once()
        except Exception as failure:
            failures.append(failure)
        finally:
            server.close()

    thread = threading.Thread(target=serve, name="server")
    thread.start()
    try:
        yield block
    finally:
        should_stop.set()
        thread.join(timeout=20)
    if failures:
        raise failures[0]
