"""The server over its real socket: what it answers, refuses, repeats, batches, and how it changes the weights."""

import threading
import time
from collections.abc import Callable
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from engine.cpu_device import CpuDevice
from engine.errors import PeerDied
from engine.inference_client import InferenceClient, RemoteModel
from engine.inference_device import Batch
from engine.layout import Counter
from engine.messages import Header, Kind
from engine.processes.inference_server import InferenceServer
from engine.replies import ReplyReader
from engine.run_parts import make_wire
from engine.slots import clients_of
from engine.transport import ClientSocket
from muzero.games import make_game
from muzero.search import BatchedSearch, run_search
from muzero.types import InitialReply, InitialRequest, RecurrentReply, RecurrentRequest, Reply, Request
from tests.engine.inference_examples import (
    CONFIG,
    local_model,
    make_network,
    make_weights,
    random_observation,
    random_request,
    serving,
    values_of,
)
from tests.engine.run_examples import tiny_config

Connect = Callable[[str], ClientSocket]


@pytest.fixture(autouse=True, params=["in the server's thread", "in a thread beside it"])
def device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs each test with both ways in which the CPU can be a device."""
    monkeypatch.setattr("engine.cpu_device.THREAD_PAYS_SECONDS", 0.0 if "beside" in request.param else 1000.0)
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: {0, 1})


SPEC = make_game(CONFIG.env).spec
WIRE = make_wire(CONFIG, SPEC)
FIRST_STEP = RecurrentRequest(np.zeros(3, np.int32), np.array([0, 4, 8], np.int32), 1)


class Running:
    """A life that goes on."""

    def should_stop(self) -> bool:
        return False


def remote_model(socket: ClientSocket, client: int = 0) -> RemoteModel:
    return RemoteModel(InferenceClient(WIRE, socket, lambda: 1), client, Running())  # type: ignore[arg-type]


def answer(socket: ClientSocket) -> tuple[Header, Reply | None]:
    reader = ReplyReader(WIRE)  # one each, so that its arrays are not overwritten
    message_bytes = socket.receive(reader.memory, 20.0)
    assert message_bytes is not None, "no answer"
    return reader.read(message_bytes)


def ask(socket: ClientSocket, request: Request, *, client: int = 0, request_id: int = 0, epoch: int = 1) -> tuple[Header, Reply | None]:
    ask_only(socket, request, client, request_id, epoch)
    return answer(socket)


def ask_only(socket: ClientSocket, request: Request, client: int, request_id: int = 0, epoch: int = 1) -> None:
    kind, node = (Kind.INITIAL, 0) if isinstance(request, InitialRequest) else (Kind.RECURRENT, request.new_node)
    assert socket.send(WIRE.request_message(Header(kind, client, request_id, epoch, node), request))


def wait_until(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20.0
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def assert_replies_equal(one: Reply | None, other: Reply | None) -> None:
    assert one is not None and type(one) is type(other)
    for name, array in vars(one).items():
        if name != "version":
            np.testing.assert_allclose(array, getattr(other, name), rtol=1e-5, atol=1e-6, err_msg=name)


def test_searches_over_the_socket_equal_searches_with_the_network_at_hand(address: str, connect: Connect) -> None:
    observation, legal = random_observation(), np.ones((3, SPEC.num_actions), np.bool_)
    search = BatchedSearch(CONFIG.search, num_trees=3, spec=SPEC)
    local = run_search(local_model(), search.steps(observation, legal, None))
    with serving(address, make_weights(make_network())):
        remotes = [run_search(remote_model(connect(f"a{client}"), client), search.steps(observation, legal, None)) for client in (0, 3)]
    for remote in remotes:
        np.testing.assert_array_equal(remote.visit_count, local.visit_count)
        np.testing.assert_allclose(remote.root_value, local.root_value, atol=1e-5)
        assert remote.version == 1


def test_a_server_answers_its_own_clients_and_refuses_those_of_another(address: str, connect: Connect) -> None:
    config = msgspec.structs.replace(CONFIG, inference=msgspec.structs.replace(CONFIG.inference, num_servers=2))
    assert [client.server for client in clients_of(config)] == [0, 0, 1, 1]
    with serving(address, make_weights(make_network()), config, number=1) as block:
        socket = connect("actor-1")
        assert_replies_equal(ask(socket, random_request(), client=2)[1], local_model().initial_inference(random_request()))
        assert ask(socket, random_request(), client=0)[0].kind == Kind.REFUSED
        assert ask(socket, FIRST_STEP, client=2)[0].kind == Kind.RECURRENT
        assert block.get(Counter.BAD_MESSAGES) == 1


def test_two_clients_do_not_touch_one_anothers_trees(address: str, connect: Connect) -> None:
    models = [local_model(), local_model()]
    with serving(address, make_weights(make_network())):
        remotes = [remote_model(connect(f"a{client}"), client) for client in (0, 1)]
        for model, remote, seed in zip(models, remotes, (1, 2), strict=True):
            assert_replies_equal(remote.initial_inference(random_request(seed)), model.initial_inference(random_request(seed)))
        for model, remote in zip(models, remotes, strict=True):
            assert_replies_equal(remote.recurrent_inference(FIRST_STEP), model.recurrent_inference(FIRST_STEP))


def test_malformed_messages_are_counted_refused_where_possible_and_survived(address: str, connect: Connect) -> None:
    short = Header(Kind.RECURRENT, 1, 77, 1, 1).pack() + b"short"
    with serving(address, make_weights(make_network())) as block:
        socket = connect("actor")
        socket._socket.send_multipart([b"two", b"frames"])
        for message in (b"", b"\xff" * 100, short):
            socket.send(message)
        header, reply = answer(socket)  # the others cannot be answered: nobody knows who asked for what
        assert (header.kind, header.client, header.request_id, reply) == (Kind.REFUSED, 1, 77, None)
        assert block.get(Counter.BAD_MESSAGES) == 4
        assert ask(socket, random_request())[0].kind == Kind.INITIAL


def test_a_search_of_an_older_server_is_stale(address: str, connect: Connect) -> None:
    with serving(address, make_weights(make_network()), epoch=2):
        socket = connect("actor")
        assert ask(socket, random_request())[0].epoch == 2
        header, reply = ask(socket, FIRST_STEP, request_id=5, epoch=1)
        assert (header.kind, header.request_id, header.epoch, reply) == (Kind.STALE, 5, 2, None)


def test_a_search_that_never_began_here_is_stale(address: str, connect: Connect) -> None:
    with serving(address, make_weights(make_network())):
        socket = connect("actor")
        assert ask(socket, FIRST_STEP)[0].kind == Kind.STALE


def test_a_request_that_comes_twice_is_answered_twice_alike(address: str, connect: Connect) -> None:
    with serving(address, make_weights(make_network())):
        socket = connect("actor")
        for request in (random_request(), FIRST_STEP):
            (first_header, first), (second_header, second) = ask(socket, request), ask(socket, request)
            assert first_header == second_header
            assert_replies_equal(first, second)


def test_a_request_that_comes_again_while_the_device_computes_it_is_not_computed_again(
    address: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_held, take = threading.Event(), CpuDevice.take
    monkeypatch.setattr(CpuDevice, "take", lambda self: None if is_held.is_set() else take(self))
    with serving(address, make_weights(make_network())) as block:
        socket = connect("actor")
        is_held.set()
        for _ in range(3):
            ask_only(socket, random_request(), 0, request_id=7)
            time.sleep(0.1)
        is_held.clear()
        assert answer(socket)[0].request_id == 7
        assert ask(socket, FIRST_STEP, request_id=8)[0].request_id == 8
        wait_until(lambda: block.get(Counter.REQUESTS) >= 2)
    assert block.get(Counter.REQUESTS) == 2


def test_each_reply_comes_whole_from_the_version_it_names_while_weights_change(address: str, connect: Connect) -> None:
    networks = [make_network(seed=seed) for seed in (1, 2)]  # odd versions are the first one, even ones the second
    references = [local_model(network) for network in networks]
    roots = [reference.initial_inference(random_request()) for reference in references]
    store, should_stop = make_weights(networks[0]), threading.Event()

    def publish() -> None:
        while not should_stop.is_set():
            store.publish(values_of(networks[store.version % 2]), store.version + 1)
            time.sleep(0.001)

    publisher, versions = threading.Thread(target=publish), []
    with serving(address, store):
        socket = connect("actor")
        publisher.start()
        try:
            for _ in range(150):
                header, reply = ask(socket, random_request())
                assert isinstance(reply, InitialReply)
                assert_replies_equal(reply, roots[(header.word + 1) % 2])
                versions.append(header.word)
        finally:
            should_stop.set()
            publisher.join()
        assert sum(one != other for one, other in pairwise(versions)) > 10  # or nothing was shown


def test_a_node_is_computed_by_one_version_from_its_parent_by_another(address: str, connect: Connect) -> None:
    networks = [make_network(seed=seed) for seed in (1, 2)]
    store = make_weights(networks[0])
    model = local_model(networks[0])
    with serving(address, store):
        remote = remote_model(connect("actor"))
        assert_replies_equal(remote.initial_inference(random_request()), model.initial_inference(random_request()))
        store.publish(values_of(networks[1]), 2)
        model._core.load(values_of(networks[1]), 2)
        deadline, expected = time.monotonic() + 20, model.recurrent_inference(FIRST_STEP)
        while True:  # the server may be waiting for requests with the old weights when the new ones come
            reply = remote.recurrent_inference(FIRST_STEP)
            assert isinstance(reply, RecurrentReply)
            if np.allclose(reply.value, expected.value, atol=1e-6):
                break
            assert time.monotonic() < deadline
        assert_replies_equal(reply, expected)


def test_sixty_four_clients_are_answered_in_few_batches(address: str, connect: Connect) -> None:
    config = tiny_config(actors={"num_actors": 32, "games_per_actor": 6, "groups": 2})
    wire, expected = make_wire(config, SPEC), local_model().initial_inference(random_request())
    sockets = [connect(f"actor-{index}") for index in range(32)]
    for client in range(64):  # before there is a server: all are waiting when it looks
        assert sockets[client // 2].send(wire.request_message(Header(Kind.INITIAL, client, client, 1, 0), random_request()))
    with serving(address, make_weights(make_network()), config) as block:
        for client in range(64):
            reader = ReplyReader(wire)
            message_bytes = sockets[client // 2].receive(reader.memory, 20.0)
            assert message_bytes is not None
            assert_replies_equal(reader.read(message_bytes)[1], expected)
        deadline = time.monotonic() + 20.0
        while block.get(Counter.REQUESTS) < 64 and time.monotonic() < deadline:  # counted after they are answered
            time.sleep(0.001)
        assert block.get(Counter.REQUESTS) == 64
        assert block.get(Counter.BATCHES) <= 32  # 64 without batching; they trickle in while the server starts


def test_weights_change_although_requests_never_cease(address: str, connect: Connect) -> None:
    networks = [make_network(seed=seed) for seed in (1, 2)]
    store = make_weights(networks[0])
    with serving(address, store):
        sockets = [connect(f"a{client}") for client in range(4)]
        for client, socket in enumerate(sockets):
            assert socket.send(WIRE.request_message(Header(Kind.INITIAL, client, 0, 1, 0), random_request()))
        store.publish(values_of(networks[1]), 2)
        versions, deadline = set(), time.monotonic() + 20
        while versions != {2}:
            versions = set()
            for client, socket in enumerate(sockets):
                versions.add(answer(socket)[0].word)
                assert socket.send(WIRE.request_message(Header(Kind.INITIAL, client, 0, 1, 0), random_request()))
            assert time.monotonic() < deadline, "the new weights were never taken"


def test_the_device_is_busy_while_it_computes_and_not_between(address: str, connect: Connect) -> None:
    config = tiny_config(inference={"device": "simulated:5000+0"}, actors={"num_actors": 2, "games_per_actor": 6, "groups": 2})
    with serving(address, make_weights(make_network()), config) as block:
        socket = connect("actor")
        for _ in range(4):
            assert ask(socket, random_request())[0].kind == Kind.INITIAL
            time.sleep(0.02)
        assert 0.02 <= 1e-9 * block.get(Counter.DEVICE_BUSY_NANOSECONDS) < 0.04  # of about 0.1 s


def test_a_node_that_cannot_be_is_refused_and_its_batch_answered(address: str, connect: Connect) -> None:
    with serving(address, make_weights(make_network())) as block:
        socket = connect("actor")
        assert ask(socket, random_request())[0].kind == Kind.INITIAL
        wrong = RecurrentRequest(np.ones(3, np.int32), np.zeros(3, np.int32), 1)
        header, reply = ask(socket, wrong, request_id=9)
        assert (header.kind, header.request_id, reply) == (Kind.REFUSED, 9, None)
        assert block.get(Counter.BAD_MESSAGES) == 1
        assert ask(socket, FIRST_STEP)[0].kind == Kind.RECURRENT


def test_a_batch_in_flight_keeps_its_memory_while_the_next_is_refused(
    address: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_held, batches = threading.Event(), []
    submit, take = CpuDevice.submit, CpuDevice.take

    def keep_and_submit(self: CpuDevice, batch: Batch) -> None:
        batches.append((batch.rows, batch.rows.copy()))
        submit(self, batch)

    monkeypatch.setattr(CpuDevice, "submit", keep_and_submit)
    monkeypatch.setattr(CpuDevice, "take", lambda self: None if is_held.is_set() else take(self))
    monkeypatch.setattr("engine.cpu_device.THREAD_PAYS_SECONDS", 0.0)  # two in flight
    impossible = RecurrentRequest(np.ones(3, np.int32), np.zeros(3, np.int32), 1)
    with serving(address, make_weights(make_network())) as block:
        sockets = [connect(f"a{client}") for client in range(3)]
        for client, socket in enumerate(sockets):
            assert ask(socket, random_request(), client=client)[0].kind == Kind.INITIAL
        is_held.set()
        ask_only(sockets[0], FIRST_STEP, 0)
        wait_until(lambda: len(batches) == 4)
        assert ask(sockets[1], impossible, client=1)[0].kind == Kind.REFUSED  # a batch of its own
        ask_only(sockets[2], FIRST_STEP, 2)
        wait_until(lambda: len(batches) == 5)
        for rows, given in batches[3:]:
            np.testing.assert_array_equal(rows, given)
        is_held.clear()
        assert answer(sockets[0])[0].kind == answer(sockets[2])[0].kind == Kind.RECURRENT
        assert block.get(Counter.BAD_MESSAGES) == 1


def test_a_device_that_never_answers_ends_the_server(address: str, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CpuDevice, "submit", lambda self, batch: None)
    config = tiny_config(supervisor={"heartbeat_timeout_seconds": 0.2}, actors={"num_actors": 2, "games_per_actor": 6, "groups": 2})
    weights = make_weights(make_network())
    with pytest.raises(PeerDied, match="has computed one batch for 0.2 s"), serving(address, weights, config):
        assert connect("actor").send(WIRE.request_message(Header(Kind.INITIAL, 0, 0, 1, 0), random_request()))
        time.sleep(1.0)


def test_a_server_that_was_frozen_gives_its_device_time_again(address: str, connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    is_held, take, receive = threading.Event(), CpuDevice.take, InferenceServer._receive
    monkeypatch.setattr("engine.processes.inference_server.FROZEN_SECONDS", 0.3)
    monkeypatch.setattr(CpuDevice, "take", lambda self: None if is_held.is_set() else take(self))
    config = tiny_config(supervisor={"heartbeat_timeout_seconds": 0.5}, actors={"num_actors": 2, "games_per_actor": 6, "groups": 2})

    def freeze_once(self: InferenceServer) -> None:
        receive(self)
        if is_held.is_set() and self._in_flight:
            time.sleep(1.0)
            is_held.clear()

    monkeypatch.setattr(InferenceServer, "_receive", freeze_once)
    with serving(address, make_weights(make_network()), config):
        socket = connect("actor")
        is_held.set()
        assert ask(socket, random_request())[0].kind == Kind.INITIAL


def test_a_device_that_dies_before_its_first_batch_ends_the_server(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(count: int) -> None:
        raise ValueError("no such device")

    monkeypatch.setattr("engine.cpu_device.THREAD_PAYS_SECONDS", 0.0)
    monkeypatch.setattr("torch.set_num_threads", fail)  # what the thread of the device begins with
    with pytest.raises(ValueError, match="no such device"), serving(address, make_weights(make_network())):
        wait_until(lambda: "server" not in [thread.name for thread in threading.enumerate()])
