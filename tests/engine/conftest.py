"""Fixtures of the tests that use real sockets: a short address, and client sockets that are closed at the end. No tests."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from engine.transport import ClientSocket, server_address


@pytest.fixture
def address() -> Iterator[str]:
    """An address short enough for a socket, whatever the test is called."""
    with tempfile.TemporaryDirectory(prefix="mz") as folder:
        yield server_address(Path(folder))


@pytest.fixture
def connect(address: str) -> Iterator[Callable[[str], ClientSocket]]:
    """Makes client sockets of a given identity."""
    with ExitStack() as stack:

        def make(identity: str) -> ClientSocket:
            socket = ClientSocket(address, identity)
            stack.callback(socket.close)
            return socket

        yield make
