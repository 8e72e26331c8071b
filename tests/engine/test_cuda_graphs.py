"""CUDA graphs give what the network gives, at every batch size, and their padding touches no tree. Needs a GPU."""

import msgspec
import numpy as np
import pytest

from engine.batch_sizes import batch_buckets
from engine.inference_core import InferenceCore
from engine.slots import num_slots
from muzero.games import make_game
from tests.engine.inference_examples import make_network, random_observation, values_of
from tests.engine.run_examples import tiny_config

CPU = tiny_config(
    network={"kind": "residual", "num_blocks": 1, "num_channels": 8},
    actors={"num_actors": 1, "games_per_actor": 40, "groups": 2},
    inference={"device": "cpu"},
)
CUDA = msgspec.structs.replace(CPU, inference=msgspec.structs.replace(CPU.inference, device="cuda"))


def make_cores() -> tuple[InferenceCore, InferenceCore]:
    """Returns the same network on the GPU and on the CPU."""
    game = make_game(CPU.env)
    cores = [
        InferenceCore(config, game.spec, game.action_planes(), num_slots=num_slots(config, 0), typical_batch=20) for config in (CUDA, CPU)
    ]
    for core in cores:
        core.load(values_of(make_network(CPU)), 1)
    return cores[0], cores[1]


def test_buckets_are_powers_of_two_that_hold_the_largest_batch() -> None:
    assert batch_buckets(40) == (8, 16, 32, 64)
    assert batch_buckets(64) == (8, 16, 32, 64)
    assert batch_buckets(1) == (8,)


@pytest.mark.gpu
@pytest.mark.parametrize("batch", [1, 7, 8, 9, 40])
def test_answers_equal_the_cpus_at_every_batch_size(batch: int) -> None:
    slots, observation = np.arange(batch, dtype=np.int64), random_observation(1, batch)
    zeros, ones = np.zeros(batch, np.int32), np.ones(batch, dtype=np.int64)
    for_both = []
    for core in make_cores():
        core.initial(slots, observation.frames, observation.to_play)
        for_both.append(core.recurrent(slots, zeros, zeros, ones))
    on_gpu, on_cpu = for_both
    np.testing.assert_allclose(on_gpu.value, on_cpu.value, atol=2e-3)
    np.testing.assert_allclose(on_gpu.reward, on_cpu.reward, atol=2e-3)
    np.testing.assert_allclose(on_gpu.prior, on_cpu.prior, atol=2e-3)


@pytest.mark.gpu
def test_padding_touches_no_tree() -> None:
    core, _ = make_cores()
    slots, observation = np.arange(40, dtype=np.int64), random_observation(1, 40)
    core.initial(slots, observation.frames, observation.to_play)
    zeros, ones = np.zeros(40, np.int32), np.ones(40, dtype=np.int64)
    before = core.recurrent(slots, zeros, zeros, ones)
    core.recurrent(slots[:3], zeros[:3], zeros[:3] + 5, ones[:3] * 2)  # 3 of a graph of 8
    after = core.recurrent(slots, zeros, zeros, ones)
    np.testing.assert_array_equal(before.value, after.value)
    grandchild = core.recurrent(slots, zeros + 1, zeros, ones * 3)
    np.testing.assert_array_equal(grandchild.value, core.recurrent(slots, zeros + 1, zeros, ones * 3).value)


@pytest.mark.gpu
def test_graphs_follow_a_change_of_weights() -> None:
    core, _ = make_cores()
    slots, observation = np.arange(8, dtype=np.int64), random_observation(1, 8)
    zeros, ones = np.zeros(8, np.int32), np.ones(8, dtype=np.int64)
    core.initial(slots, observation.frames, observation.to_play)
    first = core.recurrent(slots, zeros, zeros, ones)
    core.load(values_of(make_network(CPU, seed=9)), 2)
    second = core.recurrent(slots, zeros, zeros, ones)
    core.load(values_of(make_network(CPU)), 3)
    third = core.recurrent(slots, zeros, zeros, ones)
    assert np.abs(first.prior - second.prior).max() > 1e-4
    np.testing.assert_array_equal(first.prior, third.prior)
