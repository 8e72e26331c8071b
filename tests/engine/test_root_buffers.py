"""Roots staged in memory that is used again get the answers that they get without it, also while another batch is in flight."""

import numpy as np
import pytest
import torch

from engine.inference_core import InferenceCore
from engine.root_buffers import RootBuffers
from muzero.games import make_game
from muzero.types import InitialReply, Int64Array
from tests.engine.inference_examples import CONFIG, make_core, random_observation

SPEC = make_game(CONFIG.env).spec
CPU = torch.device("cpu")


def slots(first: int, count: int) -> Int64Array:
    return np.arange(first, first + count, dtype=np.int64)


def begin(core: InferenceCore, buffers: RootBuffers, seed: int, slot: Int64Array) -> InitialReply:
    """Does with one batch what a device does."""
    with torch.inference_mode():
        staged = buffers.stage(random_observation(seed, len(slot)), slot * core.num_nodes)
        return InitialReply(*buffers.fetch(*core.begin_roots(*staged)), core.version)


def right_answer(core: InferenceCore, seed: int, slot: Int64Array) -> InitialReply:
    observation = random_observation(seed, len(slot))
    return core.initial(slot, observation.frames, observation.to_play)


def assert_equal(one: InitialReply, other: InitialReply) -> None:
    np.testing.assert_allclose(one.value, other.value, atol=1e-5)
    np.testing.assert_allclose(one.policy_logits, other.policy_logits, atol=1e-5)


def test_two_batches_in_flight_keep_their_own_answers() -> None:
    core, sets = make_core(), [RootBuffers(SPEC, 12, CPU) for _ in range(2)]
    batches = [slots(0, 5), slots(5, 7), slots(2, 3), slots(0, 12)]
    before = None
    for seed, slot in enumerate(batches):
        answer = begin(core, sets[seed % 2], seed, slot)
        assert_equal(answer, right_answer(core, seed, slot))
        if before is not None:
            assert_equal(before, right_answer(core, seed - 1, batches[seed - 1]))
        before = answer


def test_hidden_states_go_to_the_rows_that_were_staged() -> None:
    core, expected = make_core(), make_core()
    begin(core, RootBuffers(SPEC, 4, CPU), 0, slots(3, 4))
    right_answer(expected, 0, slots(3, 4))
    rows = torch.arange(12 * core.num_nodes)
    torch.testing.assert_close(core.pool.read(rows), expected.pool.read(rows))


def test_memory_is_made_once_and_used_again() -> None:
    core, buffers = make_core(), RootBuffers(SPEC, 4, CPU)
    first, second = begin(core, buffers, 0, slots(0, 4)), begin(core, buffers, 1, slots(0, 3))
    assert np.shares_memory(first.value, second.value) and np.shares_memory(first.policy_logits, second.policy_logits)


def test_answers_of_less_precision_come_as_float32() -> None:
    value, logits = RootBuffers(SPEC, 4, CPU).fetch(torch.ones(2, dtype=torch.bfloat16), torch.ones(2, 9, dtype=torch.bfloat16))
    assert (value.dtype, logits.dtype, logits.shape) == (np.float32, np.float32, (2, SPEC.num_actions))


@pytest.mark.gpu
def test_on_a_gpu_the_memory_is_pinned_and_queueing_waits_for_nothing() -> None:
    device = torch.device("cuda", 0)
    buffers, stream = RootBuffers(SPEC, 12, device), torch.cuda.Stream(device)

    def pass_through() -> InitialReply:
        frames, to_play, row = buffers.stage(random_observation(0, 12), slots(0, 12))
        return InitialReply(*buffers.fetch(to_play + row, frames.flatten(1)[:, : SPEC.num_actions]), 1)

    with torch.cuda.stream(stream):
        pass_through()  # loads the kernels, which waits
        torch.cuda._sleep(2_000_000_000)  # cycles: about a second
        answer = pass_through()
        assert not stream.query()
    stream.synchronize()
    np.testing.assert_array_equal(answer.value, random_observation(0, 12).to_play + slots(0, 12))
