"""The requests of a batch become rows of the pool; those that name nodes, actions or players that cannot be are left out."""

import numpy as np
import pytest

from engine.batch_staging import Staging, stage_recurrent
from engine.batching import Pending
from engine.messages import Header, Kind, Wire
from engine.slots import Client
from muzero.types import InitialRequest, Int32Array, Observation, RecurrentRequest
from tests.engine.ring_examples import SPEC

NODES = 6
CLIENTS = (Client(0, 0, 2), Client(1, 2, 3), Client(2, 5, 1))
WIRE = Wire(SPEC, NODES, 5, {client.index: client for client in CLIENTS})


def leaf(client: int, parents: list[int], actions: list[int], new_node: int) -> Pending:
    header = Header(Kind.RECURRENT, client, 0, 0, new_node)
    request = RecurrentRequest(np.array(parents, np.int32), np.array(actions, np.int32), new_node)
    return Pending(b"actor", header, CLIENTS[client], WIRE.request_message(header, request))


def root(client: int, to_play: int = 1) -> Pending:
    header, trees = Header(Kind.INITIAL, client, 0, 0, 0), CLIENTS[client].num_trees
    observation = Observation(np.full((trees, 2, 3, 3), client, np.int8), np.full(trees, to_play, np.int8))
    return Pending(b"actor", header, CLIENTS[client], WIRE.request_message(header, InitialRequest(observation)))


def test_parents_and_new_nodes_of_all_clients_lie_side_by_side() -> None:
    staged = Staging(WIRE, 8).fill([leaf(1, [0, 1, 3], [8, 7, 6], 4), leaf(0, [0, 0], [1, 2], 1)])
    assert staged.batch.rows.tolist() == [
        [2 * NODES, 3 * NODES + 1, 4 * NODES + 3, 0, NODES],
        [2 * NODES + 4, 3 * NODES + 4, 4 * NODES + 4, 1, NODES + 1],
        [8, 7, 6, 1, 2],
    ]
    assert (staged.clients, staged.num_leaves, staged.batch.observation) == ([1, 0], 5, None)


def test_roots_come_with_their_slots_and_observations() -> None:
    staged = Staging(WIRE, 8).fill([root(1), leaf(0, [0, 0], [1, 2], 1), root(2, to_play=0)])
    assert staged.batch.slot.tolist() == [2, 3, 4, 5]
    assert staged.batch.observation is not None
    assert staged.batch.observation.frames[:, 0, 0, 0].tolist() == [1, 1, 1, 2]
    assert staged.batch.observation.to_play.tolist() == [1, 1, 1, 0]
    assert ([p.client.index for p in staged.roots], staged.num_leaves) == ([1, 2], 6)


@pytest.mark.parametrize(
    "wrong",
    [leaf(0, [0, 4], [0, 0], 4), leaf(0, [0, -1], [0, 0], 4), leaf(0, [0, 0], [0, 9], 4), leaf(0, [0, 0], [-1, 0], 4), root(0, to_play=2)],
)
def test_a_request_that_cannot_be_is_left_out_and_the_others_stay_whole(wrong: Pending) -> None:
    staging, right = Staging(WIRE, 8), [leaf(1, [0, 1, 3], [8, 7, 6], 4), leaf(2, [2], [5], 3)]
    expected = staging.fill(right).batch.rows.copy()
    staged = staging.fill([right[0], wrong, right[1]])
    assert (staged.refused, staged.leaves) == ([wrong], right)
    np.testing.assert_array_equal(staged.batch.rows, expected)


def test_the_compiled_kernel_writes_what_its_source_writes() -> None:
    random, verdicts = np.random.default_rng(0), []
    for _ in range(50):
        words: Int32Array = random.integers(-1, 10, 8, dtype=np.int32) // random.integers(1, 4, dtype=np.int32)
        words.flags.writeable = False  # as those of a message
        compiled, written = np.zeros((3, 10), np.int64), np.zeros((3, 10), np.int64)
        verdicts.append(stage_recurrent(words, 7, 5, NODES, 9, 2, compiled))
        assert stage_recurrent.py_func(words, 7, 5, NODES, 9, 2, written) == verdicts[-1]  # type: ignore[attr-defined]
        np.testing.assert_array_equal(compiled, written)
    assert {True, False} == set(verdicts)
