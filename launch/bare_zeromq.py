"""A round trip over bare ZeroMQ, which the engine's sockets are measured against: no name but the client's, no checks, no waiting but
ZeroMQ's own. Beside `engine/transport.py` the only file that touches ZeroMQ.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import zmq


def serve_bare(address: str, reply_bytes: int, goes_on: Callable[[], bool], look_seconds: float) -> None:
    """Sends the same answer to every request.

    Args:
        address: where it listens.
        reply_bytes: length of each answer.
        goes_on: asked every look_seconds; False ends it.
        look_seconds: see goes_on.
    """
    reply = bytes(reply_bytes)
    socket: zmq.Socket[bytes] = _socket(zmq.ROUTER, look_seconds)
    socket.bind(address)
    while goes_on():
        deadline = time.monotonic() + look_seconds
        try:
            while time.monotonic() < deadline:
                identity = socket.recv()
                socket.recv()
                socket.send(identity, zmq.SNDMORE)
                socket.send(reply)
        except zmq.Again:
            continue
    socket.close(0)


@contextmanager
def bare_client(address: str, request: bytes, timeout_seconds: float) -> Iterator[tuple[Callable[[], object], Callable[[], object]]]:
    """Yields what sends the request and what receives an answer, which raises if none comes in time."""
    socket = _socket(zmq.DEALER, timeout_seconds)
    socket.setsockopt(zmq.IDENTITY, b"actor-0")
    socket.connect(address)
    try:
        yield lambda: socket.send(request), socket.recv
    finally:
        socket.close(0)


def _socket(kind: int, timeout_seconds: float) -> zmq.Socket[bytes]:
    socket: zmq.Socket[bytes] = zmq.Context.instance().socket(kind)
    socket.setsockopt(zmq.LINGER, 0)
    socket.setsockopt(zmq.RCVTIMEO, int(1000 * timeout_seconds))
    return socket
