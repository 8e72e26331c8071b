"""The CPU as a device: the same answers in the server's thread and in another, which is only begun for slow networks."""

import select

import numpy as np
import pytest

from engine import cpu_device
from engine.cpu_device import CpuDevice
from engine.inference_device import Answer, Batch
from tests.engine.inference_examples import make_core, make_network, random_observation, values_of

ROOTS = Batch(np.arange(3, dtype=np.int64), random_observation(1), np.zeros((3, 0), np.int64))
LEAVES = Batch(np.zeros(0, np.int64), None, np.array([[0, 9, 18], [1, 10, 19], [0, 4, 8]], np.int64))


def make_device(*, has_thread: bool) -> CpuDevice:
    device = CpuDevice(make_core(), typical_batch=3, num_threads=1)
    if has_thread:
        device.start_thread()
    return device


def next_answer(device: CpuDevice) -> Answer:
    if device.descriptors:
        assert select.select(device.descriptors, [], [], 10.0)[0], "no answer came"
    finished = device.take()
    assert finished is not None
    return finished.answer


def test_a_thread_answers_what_the_server_itself_would_in_the_order_asked() -> None:
    answers = {}
    for has_thread in (False, True):
        device = make_device(has_thread=has_thread)
        answers[has_thread] = []
        for batch in (ROOTS, LEAVES):
            device.submit(batch)
            if not has_thread:
                answers[has_thread].append(next_answer(device))
        answers[has_thread] += [next_answer(device) for _ in range(2)] if has_thread else []
        device.close()
    for one, other in zip(answers[False], answers[True], strict=True):
        assert (one.initial is None, one.recurrent is None) == (other.initial is None, other.recurrent is None)
    np.testing.assert_array_equal(answers[False][0].initial.policy_logits, answers[True][0].initial.policy_logits)  # type: ignore[union-attr]
    np.testing.assert_array_equal(answers[False][1].recurrent.prior, answers[True][1].recurrent.prior)  # type: ignore[union-attr]


def test_a_failure_in_the_thread_ends_the_server_with_its_own_exception() -> None:
    device = make_device(has_thread=True)
    device.submit(Batch(np.zeros(0, np.int64), None, np.full((3, 1), 10**9, np.int64)))  # no such row of the pool
    with pytest.raises((IndexError, RuntimeError), match="index"):
        next_answer(device)
    device.close()


@pytest.mark.parametrize(("least_seconds", "has_thread"), [(0.0, True), (10.0, False)])
def test_only_a_slow_network_gets_a_thread(monkeypatch: pytest.MonkeyPatch, least_seconds: float, has_thread: bool) -> None:
    monkeypatch.setattr(cpu_device, "THREAD_PAYS_SECONDS", least_seconds)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})
    device = CpuDevice(make_core(), typical_batch=3, num_threads=1)
    device.version = 0
    device.load(values_of(make_network()), 1)
    assert (bool(device.descriptors), device.max_in_flight) == (has_thread, 2 if has_thread else 1)
    device.close()
