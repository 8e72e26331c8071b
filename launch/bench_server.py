"""The server process of the benchmarks: the real inference server on a network without a run, and that network alone.

It serves until a line on stdin asks something: "numbers" for what it has counted, "raw S" to call the network alone for S seconds
and print the leaves per second. It ends with its stdin.
"""

import sys
import time

import msgspec
import numpy as np
import torch

from engine.cpu_device import CpuDevice
from engine.inference_core import InferenceCore
from engine.layout import Counter, telemetry_layout, weights_layout
from engine.processes.inference_server import InferenceServer
from engine.shared_memory import Segment
from engine.telemetry import ProcessBlock, Telemetry
from engine.transport import ServerSocket
from engine.weights import WeightStore
from launch.bench_child import next_question, print_answer
from launch.bench_task import EPOCH, ServerNumbers, Task, bench_spec
from muzero.networks.flat_state import flatten_state, num_floats
from muzero.networks.network import build_network
from muzero.types import Float32Array

NUM_WARM_UP_CALLS = 3
LOOK_SECONDS = 0.02
"""How often it looks for a question, which costs as much as a message."""


def main() -> None:
    """Does the work of the process."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    torch.set_num_threads(task.config.inference.num_threads)
    block = Telemetry(Segment.private(telemetry_layout(1)).arrays).block(0)
    server = make_server(task, block)
    print_answer("ready")
    try:
        serve_and_answer(server, block, task.config.actors.games_per_group)
    finally:
        server.close()


def serve_and_answer(server: InferenceServer, block: ProcessBlock, batch: int) -> None:
    """Serves until the questions end.

    Args:
        server, block: the server and its numbers.
        batch: leaves of a forward pass of the network alone.
    """
    while True:
        question = next_question(0.0)
        if question == "":
            return
        if question == "numbers":
            print_answer(numbers_of(block))
        elif question is not None:
            print_answer(raw_leaves_per_second(core_of(server), batch, float(question.removeprefix("raw "))))
        deadline = time.monotonic() + LOOK_SECONDS
        while time.monotonic() < deadline:
            server.serve_once()


def make_server(task: Task, block: ProcessBlock) -> InferenceServer:
    """Returns the server with weights in use, listening."""
    spec, planes = bench_spec(task.board), action_planes(task.board)
    network = build_network(spec, planes, task.config.network, seed=0)
    values = np.zeros(num_floats(network), np.float32)
    flatten_state(network, values)
    weights = WeightStore(Segment.private(weights_layout(len(values))))
    weights.publish(values, 1)
    socket = ServerSocket(task.address)
    server = InferenceServer(task.config, spec, planes, weights=weights, num_floats=len(values), socket=socket, block=block, epoch=EPOCH)
    server.take_newest_weights()
    return server


def action_planes(board: int) -> Float32Array:
    """Returns float32 [A, 1, H, W]: a one on the point played, zeros for the action that is no point."""
    planes = np.zeros((board * board + 1, board * board), np.float32)
    np.fill_diagonal(planes, 1.0)
    return planes.reshape(-1, 1, board, board)


def numbers_of(block: ProcessBlock) -> ServerNumbers:
    """Returns what the server has counted so far."""
    return ServerNumbers(
        cpu_seconds=time.process_time(),
        device_busy_seconds=block.get(Counter.DEVICE_BUSY_NANOSECONDS) / 1e9,
        batches=block.get(Counter.BATCHES),
        requests=block.get(Counter.REQUESTS),
        leaves=block.get(Counter.SIMULATIONS),
    )


def core_of(server: InferenceServer) -> InferenceCore:
    """Returns the network of a server on the CPU."""
    assert isinstance(server.device, CpuDevice), "a simulated device has no network"
    return server.device.core


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
