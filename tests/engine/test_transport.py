"""The sockets: what arrives, what waits, what is dropped."""

import os
import threading
import time
from collections.abc import Callable

import numpy as np
import pytest

from engine import transport
from engine.transport import NO_MESSAGE, ClientSocket, ServerSocket

Connect = Callable[[str], ClientSocket]


def received(server: ServerSocket) -> tuple[bytes, bytes]:
    assert server.wait(10.0), "nothing came"
    message = server.receive()
    assert message is not None
    return message


def reply_of(client: ClientSocket, timeout_seconds: float = 10.0, memory_bytes: int = 32) -> bytes | None:
    memory = np.zeros(memory_bytes, np.uint8)
    message_bytes = client.receive(memory, timeout_seconds)
    return None if message_bytes is None else memory[:message_bytes].tobytes()


def test_a_request_names_its_sender_and_its_reply_goes_back(address: str, connect: Connect) -> None:
    server = ServerSocket(address)
    one, two = connect("one"), connect("two")
    assert one.send(b"head\x00\xff")
    assert received(server) == (b"one", b"head\x00\xff")
    assert two.send(b"hello")
    identity, _ = received(server)
    server.send(identity, b"reply")
    assert reply_of(two) == b"reply"
    assert reply_of(one, 0.0) is None
    server.close()


def test_a_message_of_several_frames_is_none_and_the_next_one_is_whole(address: str, connect: Connect) -> None:
    server, client = ServerSocket(address), connect("one")
    client._socket.send_multipart([b"one", b"two", b"three"])
    client.send(b"next")
    assert received(server) == (b"one", NO_MESSAGE)
    assert received(server) == (b"one", b"next")
    server.close()


def test_of_a_reply_longer_than_the_memory_the_length_is_told(address: str, connect: Connect) -> None:
    server, client = ServerSocket(address), connect("one")
    client.send(b"request")
    received(server)
    server.send(b"one", b"0123456789")
    memory = np.zeros(4, np.uint8)
    assert client.receive(memory, 10.0) == 10
    assert memory.tobytes() == b"0123"
    server.close()


def test_another_descriptor_ends_a_wait(address: str) -> None:
    server, ring = ServerSocket(address), os.eventfd(1)
    began = time.monotonic()
    assert not server.wait(10.0, ring)
    assert time.monotonic() - began < 5.0
    os.close(ring)
    server.close()


def test_a_wait_of_less_than_a_millisecond_is_one(address: str) -> None:
    server, shortest = ServerSocket(address), 1.0
    for _ in range(50):
        began = time.monotonic()
        assert not server.wait(200e-6)
        shortest = min(shortest, time.monotonic() - began)
    server.close()
    assert 200e-6 <= shortest < 900e-6


def test_no_request_is_missed_between_two_waits(address: str, connect: Connect) -> None:
    server, client = ServerSocket(address), connect("one")

    def send() -> None:
        for number in range(2000):
            assert client.send(str(number).encode())

    sender = threading.Thread(target=send)
    sender.start()
    for number in range(2000):
        message = server.receive()
        while message is None:
            assert server.wait(10.0), f"request {number} was missed"
            message = server.receive()
        assert message[1] == str(number).encode()
    sender.join(timeout=10)
    server.close()


def test_waiting_ends_without_a_message(address: str, connect: Connect) -> None:
    server = ServerSocket(address)
    assert not server.wait(0.01)
    assert server.receive() is None
    assert reply_of(connect("one"), 0.01) is None
    server.close()


def test_a_reply_to_a_client_that_is_gone_is_dropped_and_counted(address: str) -> None:
    server = ServerSocket(address)
    server.send(b"nobody", b"reply")
    assert server.num_dropped == 1
    server.close()


def test_a_restarted_client_takes_over_its_name(address: str, connect: Connect) -> None:
    server = ServerSocket(address)
    connect("actor-0").send(b"old")
    received(server)
    reborn = connect("actor-0")
    reborn.send(b"new")
    identity, _ = received(server)
    server.send(identity, b"reply")
    assert reply_of(reborn) == b"reply"
    server.close()


def test_requests_are_refused_here_not_piled_up_when_no_server_takes_them(
    address: str, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "QUEUE_MESSAGES", 4)
    client = connect("actor-0")
    assert [client.send(b"request") for _ in range(6)] == [True] * 4 + [False] * 2


def test_requests_sent_before_the_server_is_there_reach_it(address: str, connect: Connect) -> None:
    connect("actor-0").send(b"early")
    server = ServerSocket(address)
    assert received(server) == (b"actor-0", b"early")
    server.close()
