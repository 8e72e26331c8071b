"""The server process of the engine benchmark: the real inference server on a network without a run, and that network alone.

It serves until a line on stdin gives a number of seconds; then it calls the network alone for so long, prints the leaves per
second as a line, and serves on. It ends with its stdin.
"""

import select
import sys
import time

import msgspec
import numpy as np
import torch

from engine.inference_core import InferenceCore
from engine.layout import telemetry_layout, weights_layout
from engine.processes.inference_server import InferenceServer
from engine.shared_memory import Segment
from engine.telemetry import Telemetry
from engine.transport import ServerSocket
from engine.weights import WeightStore
from launch.bench_task import EPOCH, Task, bench_spec
from muzero.networks.flat_state import flatten_state, num_floats
from muzero.networks.network import build_network
from muzero.types import Float32Array

NUM_WARM_UP_CALLS = 3


def main() -> None:
    """Does the work of the process."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    torch.set_num_threads(task.config.inference.num_threads)
    server = make_server(task)
    print("ready", flush=True)
    try:
        while True:
            if select.select([sys.stdin], [], [], 0.0)[0]:
                line = sys.stdin.readline()
                if not line:
                    return
                print(raw_leaves_per_second(server.core, task.config.actors.games_per_group, float(line)), flush=True)
            server.serve_once()
    finally:
        server.close()


def make_server(task: Task) -> InferenceServer:
    """Returns the server with weights in use, listening."""
    spec, planes = bench_spec(task.board), action_planes(task.board)
    network = build_network(spec, planes, task.config.network, seed=0)
    values = np.zeros(num_floats(network), np.float32)
    flatten_state(network, values)
    weights = WeightStore(Segment.private(weights_layout(len(values))))
    weights.publish(values, 1)
    server = InferenceServer(
        task.config,
        spec,
        planes,
        weights=weights,
        num_floats=len(values),
        socket=ServerSocket(task.address),
        block=Telemetry(Segment.private(telemetry_layout(1)).arrays).block(0),
        epoch=EPOCH,
    )
    server.take_newest_weights()
    return server


def action_planes(board: int) -> Float32Array:
    """Returns float32 [A, 1, H, W]: a one on the point played, zeros for the action that is no point."""
    planes = np.zeros((board * board + 1, board * board), np.float32)
    np.fill_diagonal(planes, 1.0)
    return planes.reshape(-1, 1, board, board)


@torch.inference_mode()
def raw_leaves_per_second(core: InferenceCore, batch: int, seconds: float) -> float:
    """Returns leaves per second of the network's recurrent inference in a loop: no pool, no wire, no trees."""
    hidden_state = torch.rand((batch, *core.network.latent_shape), device=core.device).to(core.network.dtype)
    hidden_state = hidden_state.contiguous(memory_format=torch.channels_last)
    action = torch.zeros(batch, dtype=torch.int64, device=core.device)
    for _ in range(NUM_WARM_UP_CALLS):
        core.network.recurrent(hidden_state, action)
    calls, started = 0, time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        core.network.recurrent(hidden_state, action)[1].cpu()
        calls += 1
    return calls * batch / elapsed


if __name__ == "__main__":
    main()
