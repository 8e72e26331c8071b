"""The sockets: a ROUTER for the inference server, a DEALER for each of its clients. The only file that touches ZeroMQ.

Nothing listens to the world: sockets are ipc:// inside the run's private folder. Queues are bounded, a message to a client that
is gone is dropped and counted, nothing lingers after close.
"""

import select
import time
from pathlib import Path
from typing import Any

import zmq

QUEUE_MESSAGES = 4096
MAX_MESSAGE_BYTES = 1 << 28


def server_address(socket_dir: Path) -> str:
    """Returns the address of the run's inference server."""
    return f"ipc://{socket_dir}/inference"


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
        self.num_dropped = 0

    def wait(self, timeout_seconds: float) -> bool:
        """Returns whether a request is there, waiting at most that long, with the resolution of microseconds.

        ZeroMQ's own poll knows milliseconds only. Its descriptor tells that something changed, EVENTS what there is now; in
        this order nothing that came in between is missed.
        """
        descriptor, deadline = int(self._socket.getsockopt(zmq.FD)), time.monotonic() + timeout_seconds
        while not self._has_request():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            select.select([descriptor], [], [], left)
        return True

    def _has_request(self) -> bool:
        return bool(int(self._socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN)

    def receive(self) -> tuple[bytes, list[bytes]] | None:
        """Returns the next request and its sender, or None at once if there is none."""
        try:
            identity, *frames = self._socket.recv_multipart(zmq.DONTWAIT)
        except zmq.Again:
            return None
        return identity, frames

    def send(self, identity: bytes, frames: list[Any]) -> None:
        """Sends a reply; drops and counts it if the client is gone or does not read."""
        try:
            self._socket.send_multipart([identity, *frames], zmq.DONTWAIT, copy=True)
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

    def send(self, frames: list[Any]) -> bool:
        """Sends a request; False if the queue is full, to be tried again."""
        try:
            self._socket.send_multipart(frames, zmq.DONTWAIT, copy=True)
        except zmq.Again:
            return False
        return True

    def receive(self, timeout_seconds: float) -> list[bytes] | None:
        """Returns the next reply, or None if none came in time."""
        if not self._socket.poll(max(0, int(timeout_seconds * 1000)), zmq.POLLIN):
            return None
        return self._socket.recv_multipart()

    def close(self) -> None:
        """Closes the socket; unsent requests are dropped."""
        self._socket.close(0)
