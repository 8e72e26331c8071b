"""A client of the inference server: sends requests, resends what got no answer, notices a server that was restarted.

`InferenceClient` serves an actor with several groups in flight; `RemoteModel` wraps it into a `Model` for those who wait for
each answer.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from engine.errors import BadMessage, PeerDied
from engine.layout import NO_REQUEST, SpanKind
from engine.messages import Header, Kind, Wire
from engine.process_life import Life
from engine.replies import ReplyReader
from engine.trace import SpanRecorder, request_number, silent_recorder
from engine.transport import ClientSocket
from muzero.types import InitialReply, InitialRequest, RecurrentReply, RecurrentRequest, Reply, Request, SearchAborted

FIRST_TIMEOUT_SECONDS = 2.5
LONGEST_TIMEOUT_SECONDS = 30.0
START_SHIFT = 32
"""A request id is the start of its process above this bit and a counter below, enough for 40 hours of 30,000 requests/s: a late reply to
a process that died is none to the one in its place, which has the same clients and socket identity."""


@dataclass
class Outstanding:
    """A request that waits for its reply."""

    header: Header
    message: bytes
    timeout_seconds: float
    due: float


class InferenceClient:
    """Requests and replies of the groups of one process.

    Args:
        wire: sizes of the run.
        socket: the process's socket, closed with the client.
        server_epoch: returns the number of the server's latest start.
        spans: records what the process does; nothing does by default.
        start: how often the process was started before.
    """

    def __init__(
        self, wire: Wire, socket: ClientSocket, server_epoch: Callable[[], int], spans: SpanRecorder | None = None, *, start: int = 0
    ) -> None:
        self._wire = wire
        self._socket = socket
        self._reader = ReplyReader(wire)
        self._server_epoch = server_epoch
        self._spans = spans or silent_recorder()
        self._outstanding: dict[int, Outstanding] = {}
        self._search_epoch: dict[int, int] = {}
        self._next_request_id = start << START_SHIFT
        self._received = NO_REQUEST
        self.num_bad_messages = 0

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def send(self, client: int, request: Request, kind: SpanKind = SpanKind.SEND, began: int | None = None) -> None:
        """Sends the next request of a client, which must have no other in flight.

        Args:
            client: its number.
            request: what it asks.
            kind, began: the span that ends with this request, and its begin: one record for the work and its sending. By default
                the sending alone.
        """
        began = self._spans.begin() if began is None else began
        is_initial = isinstance(request, InitialRequest)
        message = Kind.INITIAL if is_initial else Kind.RECURRENT
        epoch = self._server_epoch() if is_initial else self._search_epoch[client]
        new_node = 0 if isinstance(request, InitialRequest) else request.new_node
        header = Header(message, client, self._next_request_id, epoch, new_node)
        self._next_request_id += 1
        outstanding = Outstanding(header, self._wire.request_message(header, request), FIRST_TIMEOUT_SECONDS, 0.0)
        self._outstanding[client] = outstanding
        self._transmit(outstanding)
        self._spans.end(kind, began, request_number(client, header.request_id))

    def receive(self, timeout_seconds: float) -> tuple[int, Reply | SearchAborted] | None:
        """Returns the next answer of any client, or None if none came in time.

        A SearchAborted instead of a reply says that the server was restarted: throw it into the search. The arrays of a reply are
        overwritten by the next one.
        """
        began = self._spans.begin()
        self._received = NO_REQUEST
        answer = self._receive(timeout_seconds)
        self._spans.end(SpanKind.WAIT_REPLY, began, self._received)
        return answer

    def _receive(self, timeout_seconds: float) -> tuple[int, Reply | SearchAborted] | None:
        # At every call: as long as other clients get their replies, there may never be a moment without one.
        aborted = self._look_after_outstanding()
        if aborted is not None:
            return aborted
        message_bytes = self._socket.receive(self._reader.memory, timeout_seconds)
        if message_bytes is None:
            return None
        try:
            header, reply = self._reader.read(message_bytes)
        except BadMessage:
            self.num_bad_messages += 1
            return None
        outstanding = self._outstanding.get(header.client)
        if outstanding is None or not _is_answer(header, outstanding.header):
            return None  # the second answer to a request that was sent twice, or one to a process that is gone
        return self._accept(header, reply)

    def _accept(self, header: Header, reply: Reply | None) -> tuple[int, Reply | SearchAborted]:
        del self._outstanding[header.client]
        self._received = request_number(header.client, header.request_id)
        if header.kind == Kind.REFUSED:
            raise BadMessage("the inference server refused a request of this process: this is a bug, please report it.")
        if reply is None:
            return header.client, SearchAborted()
        if header.kind == Kind.INITIAL:
            self._search_epoch[header.client] = header.epoch
        return header.client, reply

    def _look_after_outstanding(self) -> tuple[int, SearchAborted] | None:
        """Aborts searches whose server is gone, sends again what is overdue."""
        now, epoch = time.monotonic(), self._server_epoch()
        for client, outstanding in self._outstanding.items():
            if outstanding.header.kind == Kind.RECURRENT and outstanding.header.epoch != epoch:
                del self._outstanding[client]
                return client, SearchAborted()
            if now >= outstanding.due:
                outstanding.timeout_seconds = min(2 * outstanding.timeout_seconds, LONGEST_TIMEOUT_SECONDS)
                self._transmit(outstanding)
        return None

    def _transmit(self, outstanding: Outstanding) -> None:
        was_sent = self._socket.send(outstanding.message)
        outstanding.due = time.monotonic() + (outstanding.timeout_seconds if was_sent else 0.05)


def _is_answer(reply: Header, request: Header) -> bool:
    """Returns whether a reply belongs to a request."""
    return reply.request_id == request.request_id and reply.kind in (request.kind, Kind.STALE, Kind.REFUSED)


class RemoteModel:
    """A Model whose network runs in the inference server; each call waits for its answer.

    Args:
        client: the process's client.
        client_index: which client of the run it is.
        life: checked while waiting.
    """

    def __init__(self, client: InferenceClient, client_index: int, life: Life) -> None:
        self._client = client
        self._client_index = client_index
        self._life = life

    def initial_inference(self, request: InitialRequest) -> InitialReply:
        """See Model."""
        reply = self._answer(request)
        assert isinstance(reply, InitialReply)
        return reply

    def recurrent_inference(self, request: RecurrentRequest) -> RecurrentReply:
        """See Model."""
        reply = self._answer(request)
        assert isinstance(reply, RecurrentReply)
        return reply

    def _answer(self, request: Request) -> Reply:
        self._client.send(self._client_index, request)
        while not self._life.should_stop():
            answer = self._client.receive(0.1)
            if answer is not None:
                if isinstance(answer[1], SearchAborted):
                    raise answer[1]
                return answer[1]
        raise PeerDied("the run stops.")
