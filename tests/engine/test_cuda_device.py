"""The GPU as a device: batches in flight keep their order and their answers, and those are the CPU's. Needs a GPU."""

import select
import subprocess
import sys

import numpy as np
import pytest
import torch

from engine.cuda_device import CudaDevice
from engine.inference_core import InferenceCore
from engine.inference_device import MAX_IN_FLIGHT, Answer, Batch
from muzero.games import make_game
from muzero.types import InitialReply, RecurrentReply
from tests.engine.inference_examples import make_network, random_observation, values_of
from tests.engine.test_cuda_graphs import CPU, make_cores

pytestmark = pytest.mark.gpu
SPEC = make_game(CPU.env).spec
NUM_NODES = CPU.search.num_simulations + 1
NO_SLOTS, NO_ROWS = np.zeros(0, np.int64), np.zeros((3, 0), np.int64)


def roots(first: int, count: int) -> Batch:
    return Batch(np.arange(first, first + count, dtype=np.int64), random_observation(first, count), NO_ROWS)


def leaves(first: int, count: int, new_node: int) -> Batch:
    root_row = np.arange(first, first + count, dtype=np.int64) * NUM_NODES
    return Batch(NO_SLOTS, None, np.stack([root_row, root_row + new_node, np.arange(count) % 9]))


def next_answer(device: CudaDevice) -> Answer:
    assert select.select(device.descriptors, [], [], 10.0)[0], "no answer came"
    finished = device.take()
    assert finished is not None
    return finished.answer


def assert_equal(one: InitialReply | RecurrentReply | None, other: InitialReply | RecurrentReply | None) -> None:
    assert type(one) is type(other)
    for name, array in vars(one).items() if one is not None else ():
        if name not in ("version", "prior_action"):
            np.testing.assert_allclose(array, getattr(other, name), atol=2e-3, err_msg=name)


def answer_all(device: CudaDevice, core: InferenceCore, batches: list[Batch]) -> None:
    """Submits batches as far ahead as may be, and compares each answer with the CPU's."""
    expected, submitted = [core.answer(batch) for batch in batches], 0
    for taken, right in enumerate(expected):
        while submitted < min(len(batches), taken + MAX_IN_FLIGHT):
            device.submit(batches[submitted])
            submitted += 1
        answer = next_answer(device)
        assert_equal(answer.initial, right.initial)
        assert_equal(answer.recurrent, right.recurrent)


def test_batches_of_one_size_in_flight_together_keep_their_answers() -> None:
    on_gpu, on_cpu = make_cores()
    device = CudaDevice(on_gpu, SPEC)
    answer_all(device, on_cpu, [roots(0, 20), roots(20, 20), *(leaves(20 * (node % 2), 20, node) for node in range(1, 8))])
    device.close()


def test_roots_and_leaves_may_share_a_batch() -> None:
    on_gpu, on_cpu = make_cores()
    device = CudaDevice(on_gpu, SPEC)
    both = Batch(roots(20, 7).slot, roots(20, 7).observation, leaves(0, 20, 1).rows)
    answer_all(device, on_cpu, [roots(0, 20), both, leaves(20, 7, 1)])
    device.close()


def test_weights_change_between_two_batches() -> None:
    on_gpu, on_cpu = make_cores()
    device = CudaDevice(on_gpu, SPEC)
    answer_all(device, on_cpu, [roots(0, 8), leaves(0, 8, 1)])
    for version, seed in ((2, 9), (3, 0)):
        device.load(values_of(make_network(CPU, seed=seed)), version)
        on_cpu.load(values_of(make_network(CPU, seed=seed)), version)
        answer_all(device, on_cpu, [leaves(0, 8, version)])
    assert device.version == 3
    device.close()


ON_THE_SECOND_GPU = """
import msgspec, torch
from tests.engine import test_cuda_graphs as examples
examples.CUDA = msgspec.structs.replace(examples.CPU, inference=msgspec.structs.replace(examples.CPU.inference, device="cuda:1"))
examples.make_cores()
print(torch._C._cuda_hasPrimaryContext(0), torch._C._cuda_hasPrimaryContext(1))
"""


@pytest.mark.skipif(torch.cuda.device_count() < 2, reason="needs two GPUs")
def test_a_server_on_the_second_gpu_leaves_the_first_alone() -> None:
    found = subprocess.run([sys.executable, "-c", ON_THE_SECOND_GPU], capture_output=True, text=True, timeout=100)
    assert found.stdout.split() == ["False", "True"], found.stderr
