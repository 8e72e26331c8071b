"""The ways a serving network can be called, and a measurement of which is fastest here. No weights.

`eager` calls the operations from Python, `traced` from TorchScript's interpreter, which saves most of Python's overhead of
small networks. A trace is not frozen: it reads the weights at every call, so that loads in place stay visible.
"""

import time
import warnings
from collections.abc import Callable
from typing import Any, cast

import torch

from muzero.networks.folded_network import FoldedNetwork

WARM_UP_CALLS = 10
MEASURED_ROUNDS = 5
CALLS_PER_ROUND = 10
LEAST_GAIN = 0.95
"""A variant must take less than this share of eager's time to be worth its start-up."""


def pick_variant(network: FoldedNetwork, batch_size: int) -> str:
    """Returns the faster of "eager" and "traced" for recurrent calls; always "eager" on a GPU, which has CUDA graphs.

    Args:
        network: the serving network, not changed.
        batch_size: leaves in a typical forward pass.
    """
    _, inputs = network.example_inputs(batch_size)
    if inputs[0].device.type != "cpu":
        return "eager"
    _, traced = trace_network(network, batch_size)
    eager_seconds = best_seconds(lambda: network.recurrent(*inputs))
    return "traced" if best_seconds(lambda: traced(*inputs)) < LEAST_GAIN * eager_seconds else "eager"


def trace_network(network: FoldedNetwork, batch_size: int) -> tuple[Callable[..., Any], Callable[..., Any]]:
    """Returns traced `initial` and `recurrent`, warmed up; right for every batch size, fastest near this one.

    Args:
        network: the serving network, not changed.
        batch_size: leaves in a typical forward pass.
    """
    initial_inputs, recurrent_inputs = network.example_inputs(batch_size)
    inputs = {"initial": initial_inputs, "recurrent": recurrent_inputs}
    with warnings.catch_warnings(), torch.no_grad():
        warnings.filterwarnings("ignore", message="`torch.jit.trace_method` is deprecated", category=DeprecationWarning)
        traced = cast(Any, torch.jit).trace_module(network, inputs, check_trace=False)
        for _ in range(WARM_UP_CALLS):
            traced.initial(*initial_inputs)
            traced.recurrent(*recurrent_inputs)
    return traced.initial, traced.recurrent


def best_seconds(call: Callable[[], object]) -> float:
    """Returns the seconds of one call, the best of a few rounds: other processes can only slow it down."""
    times = []
    with torch.no_grad():
        for _ in range(1 + MEASURED_ROUNDS):
            begin = time.perf_counter()
            for _ in range(CALLS_PER_ROUND):
                call()
            times.append((time.perf_counter() - begin) / CALLS_PER_ROUND)
    return min(times[1:])
