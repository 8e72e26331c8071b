"""The client against a server that the test plays itself: lost, late, doubled and wrong replies, and a server that restarts."""

import time
from collections.abc import Callable, Iterator

import numpy as np
import pytest

from engine import inference_client as inference_client_module
from engine.errors import BadMessage, PeerDied
from engine.inference_client import InferenceClient, RemoteModel
from engine.messages import Header, Kind
from engine.replies import BatchReplies
from engine.run_parts import make_wire
from engine.transport import ClientSocket, ServerSocket
from muzero.games import make_game
from muzero.search import BatchedSearch, run_search
from muzero.types import InitialReply, RecurrentRequest, Reply, Request, SearchAborted, SearchResult, SearchSteps
from tests.engine.inference_examples import CONFIG, local_model, make_network, make_weights, random_observation, random_request, serving

SPEC = make_game(CONFIG.env).spec
WIRE = make_wire(CONFIG, SPEC)
STEP = RecurrentRequest(np.zeros(3, np.int32), np.zeros(3, np.int32), 1)
REPLY = InitialReply(np.zeros(3, np.float32), np.zeros((3, SPEC.num_actions), np.float32), 9)


class PlayedServer:
    """A server's socket, and the epoch that the control words would show."""

    def __init__(self, address: str, socket: ClientSocket) -> None:
        self.socket = ServerSocket(address)
        self.epoch = 1
        self.client = self.start_client(socket, start=0)

    def start_client(self, socket: ClientSocket, start: int) -> InferenceClient:
        """Returns a client of a process that was started so often before; it takes the place of the one there was."""
        self.client = InferenceClient(WIRE, socket, lambda: self.epoch, start=start)
        return self.client

    def receive(self) -> Header:
        """Returns the header of the next request."""
        assert self.socket.wait(10.0), "no request came"
        message = self.socket.receive()
        assert message is not None
        self.identity, request = message
        return WIRE.parse_request(request)[0]

    def answer(self, request: Header, kind: Kind = Kind.INITIAL, reply: Reply | None = REPLY) -> None:
        header = Header(kind, request.client, request.request_id, self.epoch, 9)
        self.socket.send(self.identity, header.pack() if reply is None else BatchReplies(reply).message(header, 0, 3))


@pytest.fixture
def played(address: str, connect: Callable[[str], ClientSocket]) -> Iterator[PlayedServer]:
    server = PlayedServer(address, connect("actor"))
    yield server
    server.socket.close()


@pytest.fixture
def impatience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes clients send again soon."""
    monkeypatch.setattr(inference_client_module, "FIRST_TIMEOUT_SECONDS", 0.1)


def begin_search(played: PlayedServer, client: int = 0) -> None:
    """Lets a client get the answer to its first request."""
    played.client.send(client, random_request())
    played.answer(played.receive())
    assert receive(played)[0] == client


def receive(played: PlayedServer) -> tuple[int, Reply | SearchAborted]:
    for _ in range(100):
        answer = played.client.receive(0.1)
        if answer is not None:
            return answer
    raise AssertionError("the client got nothing")


@pytest.mark.usefixtures("impatience")
def test_a_request_without_a_reply_is_sent_again_and_its_second_answer_ignored(played: PlayedServer) -> None:
    played.client.send(2, random_request())
    first = played.receive()
    while not played.socket.wait(0.0):
        assert played.client.receive(0.02) is None
    assert played.receive() == first
    played.answer(first)
    played.answer(first)
    client, reply = receive(played)
    assert client == 2
    assert isinstance(reply, InitialReply)
    assert reply.version == 9
    assert played.client.receive(0.2) is None


@pytest.mark.usefixtures("impatience")
def test_a_lost_reply_is_asked_for_again_although_other_clients_are_answered_all_the_time(played: PlayedServer) -> None:
    played.client.send(0, random_request())
    lost = played.receive()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        played.client.send(1, random_request())
        request = played.receive()
        if request == lost:
            return
        played.answer(request)
        assert receive(played)[0] == 1
    raise AssertionError("the lost request never came again")


def test_a_reply_to_a_process_that_died_is_none_to_the_one_in_its_place(address: str, connect: Callable[[str], ClientSocket]) -> None:
    socket = connect("actor")
    played = PlayedServer(address, socket)
    played.client.send(0, random_request())
    to_the_dead = played.receive()
    played.start_client(socket, start=1).send(0, random_request())
    played.answer(to_the_dead)
    assert played.client.receive(0.3) is None
    played.answer(played.receive())
    assert isinstance(receive(played)[1], InitialReply)
    played.socket.close()


def test_a_reply_of_another_kind_than_its_request_is_ignored(played: PlayedServer) -> None:
    begin_search(played)
    played.client.send(0, STEP)
    request = played.receive()
    played.answer(request)  # about a root
    assert played.client.receive(0.3) is None
    played.answer(request, Kind.STALE, None)
    assert isinstance(receive(played)[1], SearchAborted)


def test_a_search_is_aborted_when_the_server_has_a_new_epoch(played: PlayedServer) -> None:
    begin_search(played)
    played.client.send(0, STEP)
    played.epoch = 2
    client, reply = receive(played)
    assert client == 0
    assert isinstance(reply, SearchAborted)


@pytest.mark.usefixtures("impatience")
def test_the_first_request_of_a_search_only_waits_for_the_new_server(played: PlayedServer) -> None:
    played.client.send(0, random_request())
    played.receive()
    played.epoch = 2
    while not played.socket.wait(0.0):
        assert played.client.receive(0.02) is None
    played.answer(played.receive())
    assert isinstance(receive(played)[1], InitialReply)
    played.client.send(0, STEP)
    while (request := played.receive()).kind != Kind.RECURRENT:
        pass  # the first one, sent once more on a slow machine
    assert request.epoch == 2


def test_a_stale_search_is_aborted(played: PlayedServer) -> None:
    begin_search(played)
    played.client.send(0, STEP)
    played.answer(played.receive(), Kind.STALE, None)
    assert isinstance(receive(played)[1], SearchAborted)


def test_a_refusal_is_an_error_and_garbage_is_counted(played: PlayedServer) -> None:
    played.client.send(0, random_request())
    request = played.receive()
    played.socket.send(played.identity, b"garbage")
    assert played.client.receive(5.0) is None
    assert played.client.num_bad_messages == 1
    played.answer(request, Kind.REFUSED, None)
    with pytest.raises(BadMessage, match="refused a request"):
        receive(played)


def test_who_waits_for_an_answer_stops_with_the_run(played: PlayedServer) -> None:
    class Ending:
        def should_stop(self) -> bool:
            return True

    with pytest.raises(PeerDied, match="the run stops"):
        RemoteModel(played.client, 0, Ending()).initial_inference(random_request())  # type: ignore[arg-type]


def drive(client: InferenceClient, steps: SearchSteps, on_reply: Callable[[int], None]) -> SearchResult:
    """Runs a search as an actor does; on_reply is told each reply's number."""
    request: Request = next(steps)
    for number in range(1000):
        client.send(0, request)
        answer = None
        while answer is None:
            answer = client.receive(0.1)
        on_reply(number)
        try:
            request = steps.throw(answer[1]) if isinstance(answer[1], SearchAborted) else steps.send(answer[1])
        except StopIteration as stop:
            result: SearchResult = stop.value
            return result
    raise AssertionError("the search never ended")


def test_a_search_cut_by_a_server_that_restarts_ends_with_the_same_result(address: str, connect: Callable[[str], ClientSocket]) -> None:
    search = BatchedSearch(CONFIG.search, num_trees=3, spec=SPEC)
    arguments = (random_observation(), np.ones((3, SPEC.num_actions), np.bool_), None)
    undisturbed = run_search(local_model(), search.steps(*arguments))
    weights, epochs = make_weights(make_network()), [1]
    servers = [serving(address, weights, epoch=1)]
    servers[0].__enter__()

    def restart_the_server(number: int) -> None:
        if number == 4:
            servers[-1].__exit__(None, None, None)
            epochs.append(2)
            servers.append(serving(address, weights, epoch=2))
            servers[-1].__enter__()

    client = InferenceClient(WIRE, connect("actor"), lambda: epochs[-1])
    try:
        result = drive(client, search.steps(*arguments), restart_the_server)
    finally:
        servers[-1].__exit__(None, None, None)
    assert len(servers) == 2
    np.testing.assert_array_equal(result.visit_count, undisturbed.visit_count)
    np.testing.assert_allclose(result.root_value, undisturbed.root_value, atol=1e-5)
