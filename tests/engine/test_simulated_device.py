"""A simulated device keeps its schedule without work, says the same of the same nodes, and lets searches grow real trees."""

import time

import numpy as np
import pytest

from engine.device_names import SimulatedTiming, is_in_host_memory, require_device, require_inference_device, simulated_timing
from engine.inference_device import Batch, Finished
from engine.simulated_device import SimulatedDevice
from muzero.errors import UserError
from muzero.types import Int64Array, Observation
from tests.engine.ring_examples import SPEC

PRIORS = 5


def device(base_microseconds: float = 0.0, microseconds_per_sample: float = 0.0, max_batch: int | None = None) -> SimulatedDevice:
    made = SimulatedDevice(SimulatedTiming(base_microseconds, microseconds_per_sample, max_batch), SPEC, PRIORS)
    made.load(np.zeros(1, np.float32), 7)
    return made


def leaves(count: int) -> Batch:
    rows: Int64Array = np.stack([np.zeros(count), np.arange(count) * 11 + 1, np.arange(count) % 9]).astype(np.int64)
    return Batch(np.zeros(0, np.int64), None, rows)


def roots(count: int) -> Batch:
    observation = Observation(np.zeros((count, 2, 3, 3), np.int8), np.zeros(count, np.int8))
    return Batch(np.arange(count, dtype=np.int64), observation, np.zeros((3, 0), np.int64))


def wait_for(made: SimulatedDevice) -> Finished:
    while (finished := made.take()) is None:
        time.sleep(made.seconds_left(time.monotonic()))
    return finished


def test_a_batch_takes_its_time_and_no_less() -> None:
    made = device(2000.0, 100.0)
    began = time.monotonic()
    made.submit(leaves(30))
    assert made.take() is None
    assert 0.0 < made.seconds_left(time.monotonic()) <= 0.005
    finished = wait_for(made)
    assert 0.005 <= finished.moment - began < 0.05
    assert time.monotonic() >= finished.moment


def test_a_batch_begins_when_the_one_before_is_done_however_late_that_is_noticed() -> None:
    made = device(1000.0)
    for _ in range(2):
        made.submit(leaves(1))
    time.sleep(0.01)
    first, second = made.take(), made.take()
    assert first is not None and second is not None
    assert second.moment - first.moment == pytest.approx(0.001)


def test_larger_batches_than_fit_take_several_passes() -> None:
    timing = SimulatedTiming(100.0, 2.0, 32)
    assert [round(1e6 * timing.seconds(count)) for count in (1, 32, 33, 96, 97)] == [102, 164, 266, 492, 594]
    assert round(1e6 * SimulatedTiming(100.0, 2.0, None).seconds(97)) == 294


def test_a_free_device_is_done_at_once() -> None:
    made = device()
    made.submit(leaves(1000))
    assert made.seconds_left(time.monotonic()) == 0.0
    assert made.take() is not None


def test_the_same_nodes_get_the_same_answer_and_others_another() -> None:
    replies = []
    for made in (device(), device()):
        made.submit(leaves(200))
        finished = made.take()
        assert finished is not None and finished.answer.recurrent is not None
        replies.append(finished.answer.recurrent)
    for name in ("reward", "value", "prior", "prior_action"):
        np.testing.assert_array_equal(getattr(replies[0], name), getattr(replies[1], name))
    assert len(np.unique(replies[0].value)) > 100


def test_answers_are_what_a_network_may_say() -> None:
    made = device()
    made.submit(leaves(200))
    made.submit(roots(4))
    of_leaves, of_roots = made.take(), made.take()
    assert of_leaves is not None and of_leaves.answer.recurrent is not None and of_leaves.answer.initial is None
    reply = of_leaves.answer.recurrent
    assert (reply.prior.shape, reply.prior.dtype, reply.prior_action.dtype) == ((200, PRIORS), np.float32, np.int32)
    assert (np.diff(reply.prior, axis=1) <= 0).all() and (reply.prior.sum(axis=1) <= 1.0).all() and (reply.prior > 0).all()
    assert all(len(set(row)) == PRIORS for row in reply.prior_action.tolist())
    assert (np.abs(reply.value) <= 1.0).all()
    assert of_roots is not None and of_roots.answer.initial is not None
    assert (of_roots.answer.initial.policy_logits.shape, of_roots.answer.initial.version) == ((4, 9), 7)


def test_waiting_for_it_costs_no_processor_time() -> None:
    made = device(100_000.0)
    made.submit(leaves(1))
    used = time.process_time()
    wait_for(made)
    assert time.process_time() - used < 0.02


@pytest.mark.parametrize(
    ("name", "timing"),
    [
        ("simulated:200+35", (200.0, 35.0, None)),
        ("simulated:0+0", (0.0, 0.0, None)),
        ("simulated:1.5+0.25,batch=512", (1.5, 0.25, 512)),
        ("cpu", None),
    ],
)
def test_a_name_says_how_long_a_simulated_device_takes(name: str, timing: SimulatedTiming | None) -> None:
    require_inference_device(name, "inference.device")
    assert simulated_timing(name) == timing
    assert is_in_host_memory(name)


@pytest.mark.parametrize("name", ["simulated", "simulated:", "simulated:5", "simulated:-1+2", "simulated:1+2,batch=0", "simulated:1+2,x"])
def test_a_malformed_name_is_a_sentence(name: str) -> None:
    with pytest.raises(UserError, match="write simulated:<microseconds a batch>"):
        require_inference_device(name, "inference.device")


def test_only_inference_can_be_simulated() -> None:
    with pytest.raises(UserError, match="learner.device is 'simulated:1.2': only inference can be simulated, set auto, cpu"):
        require_device("simulated:1+2", "learner.device")
    with pytest.raises(UserError, match="set auto, cpu, cuda or cuda:N"):
        require_inference_device("gpu", "inference.device")
