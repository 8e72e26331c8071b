"""The sockets: a ROUTER for the inference server, a DEALER for each of its clients. The only file of a run
that touches ZeroMQ.

A message is one frame, behind the name of the client at the server's end. Nothing listens to the world: sockets are ipc:// inside
the run's private folder. Queues are bounded, a message to a client that is gone is dropped and counted, nothing lingers after close.
"""

import select
import time
from pathlib import Path

import zmq
from zmq import zmq_poll

from muzero.types import UInt8Array

QUEUE_MESSAGES = 4096
MAX_MESSAGE_BYTES = 1 << 28
NO_MESSAGE = b""
"""In the place of a message of several frames, which nobody of a run sends."""


def server_address(socket_dir: Path, server: int = 0) -> str:
    """Returns the address of one of the run's inference servers."""
    return f"ipc://{socket_dir}/inference-{server}"


def _socket(kind: int) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.SNDHWM, QUEUE_MESSAGES)
    socket.setsockopt(zmq.RCVHWM, QUEUE_MESSAGES)
    socket.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
    return socket


class ServerSocket:
    """The server's end: receives requests with the identity of who sent them."""

    def __init__(self, address: str) -> None:
        self._socket = _socket(zmq.ROUTER)
        self._socket.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._socket.setsockopt(zmq.ROUTER_HANDOVER, 1)
        self._socket.bind(address)
        self._descriptor = int(self._socket.getsockopt(zmq.FD))
        self._look = [(self._socket, zmq.POLLIN)]
        self.num_dropped = 0

    def wait(self, timeout_seconds: float, *descriptors: int) -> bool:
        """Returns whether a request is there, waiting at most that long, with the resolution of microseconds.

        ZeroMQ's own poll knows milliseconds only. Its descriptor tells that something changed, EVENTS what there is now; in
        this order nothing that came in between is missed.

        Args:
            timeout_seconds: longest wait.
            descriptors: others that end the wait by being readable.
        """
        deadline = time.monotonic() + timeout_seconds
        while not (has_request := self._has_request()) and (left := deadline - time.monotonic()) > 0:
            readable = select.select([self._descriptor, *descriptors], [], [], left)[0]
            if readable and readable != [self._descriptor]:
                return self._has_request()
        return has_request

    def _has_request(self) -> bool:
        return bool(zmq_poll(self._look, 0))  # asks for EVENTS, and costs less than getsockopt

    def receive(self) -> tuple[bytes, bytes] | None:
        """Returns the next request and its sender, or None at once if there is none."""
        if not self._has_request():
            return None
        identity = self._socket.recv(zmq.DONTWAIT)
        frame = self._socket.recv(zmq.DONTWAIT, copy=False)
        if not frame.more:
            return identity, frame.bytes
        self._drop_frames()
        return identity, NO_MESSAGE

    def _drop_frames(self) -> None:
        """Takes the rest of a message of several frames, so that the next one begins with its sender."""
        while self._socket.recv(zmq.DONTWAIT, copy=False).more:
            pass

    def send(self, identity: bytes, message: bytes) -> None:
        """Sends a reply; drops and counts it if the client is gone or does not read."""
        try:
            self._socket.send(identity, zmq.DONTWAIT | zmq.SNDMORE)
            self._socket.send(message, zmq.DONTWAIT)
        except zmq.ZMQError:
            self.num_dropped += 1

    def close(self) -> None:
        """Closes the socket; unsent replies are dropped."""
        self._socket.close(0)


class ClientSocket:
    """A client's end; one per process, whatever the number of its groups."""

    def __init__(self, address: str, identity: str) -> None:
        self._socket = _socket(zmq.DEALER)
        self._socket.setsockopt(zmq.IDENTITY, identity.encode())
        self._socket.connect(address)
        self._timeout_milliseconds = -1

    def send(self, message: bytes) -> bool:
        """Sends a request; False if the queue is full, to be tried again."""
        try:
            self._socket.send(message, zmq.DONTWAIT)
        except zmq.Again:
            return False
        return True

    def receive(self, memory: UInt8Array, timeout_seconds: float) -> int | None:
        """Returns the length in bytes of the next reply, or None if none came in time.

        Args:
            memory: uint8, where the reply is put; what does not fit is cut off.
            timeout_seconds: longest wait, rounded down to milliseconds.
        """
        milliseconds = max(0, int(timeout_seconds * 1000))
        if milliseconds != self._timeout_milliseconds:
            self._socket.setsockopt(zmq.RCVTIMEO, milliseconds)
            self._timeout_milliseconds = milliseconds
        try:
            return int(self._socket.recv_into(memory.data))
        except zmq.Again:
            return None

    def close(self) -> None:
        """Closes the socket; unsent requests are dropped."""
        self._socket.close(0)
