"""Messages survive the wire unchanged, and whatever is not declared is refused before it is touched."""

import msgpack
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadMessage
from engine.messages import Header, Kind, Wire, unpack_header
from engine.slots import Client
from muzero.types import InitialReply, InitialRequest, Observation, RecurrentReply, RecurrentRequest
from tests.engine.ring_examples import SPEC

TREES, PRIORS, NODES = 4, 5, 6
WIRE = Wire(SPEC, NODES, PRIORS, (Client(0, 0, TREES), Client(1, TREES, TREES)))


def recurrent_request(new_node: int = 3) -> RecurrentRequest:
    return RecurrentRequest(np.array([0, 1, 2, 0], np.int32), np.array([8, 0, 4, 2], np.int32), new_node)


def on_the_wire(frames: list[object]) -> list[bytes]:
    return [bytes(frame) for frame in frames]  # type: ignore[call-overload]


def test_an_initial_request_survives_the_wire() -> None:
    frames = np.arange(TREES * 2 * 9).reshape(TREES, 2, 3, 3).astype(np.int8)
    request = InitialRequest(Observation(frames, np.array([0, 1, 1, 0], np.int8)))
    header, client, parsed = WIRE.parse_request(on_the_wire(WIRE.request_frames(Header(Kind.INITIAL, 1, 77, 2, 0), request)))
    assert isinstance(parsed, InitialRequest)
    assert (header.request_id, client.first_slot) == (77, TREES)
    np.testing.assert_array_equal(parsed.observation.frames, frames)
    np.testing.assert_array_equal(parsed.observation.to_play, [0, 1, 1, 0])


def test_a_recurrent_request_survives_the_wire() -> None:
    request = recurrent_request()
    header, _, parsed = WIRE.parse_request(on_the_wire(WIRE.request_frames(Header(Kind.RECURRENT, 0, 5, 9, 3), request)))
    assert isinstance(parsed, RecurrentRequest)
    assert (header.epoch, parsed.new_node) == (9, 3)
    np.testing.assert_array_equal(parsed.parent_node, request.parent_node)
    np.testing.assert_array_equal(parsed.action, request.action)


def test_replies_survive_the_wire_even_from_strided_arrays() -> None:
    rng = np.random.default_rng(0)
    numbers = rng.normal(size=(TREES, 2)).astype(np.float32)
    reply = RecurrentReply(
        numbers[:, 0], numbers[:, 1], rng.random((TREES, PRIORS)).astype(np.float32), rng.integers(0, 9, (TREES, PRIORS)).astype(np.int32)
    )
    header, parsed = WIRE.parse_reply(on_the_wire(WIRE.reply_frames(Header(Kind.RECURRENT, 0, 5, 9, 12), reply)))
    assert isinstance(parsed, RecurrentReply)
    assert header.word == 12
    for name in ("reward", "value", "prior", "prior_action"):
        np.testing.assert_array_equal(getattr(parsed, name), getattr(reply, name))
    initial = InitialReply(np.zeros(TREES, np.float32), np.ones((TREES, 9), np.float32), 12)
    _, parsed_initial = WIRE.parse_reply(on_the_wire(WIRE.reply_frames(Header(Kind.INITIAL, 0, 5, 9, 12), initial)))
    assert isinstance(parsed_initial, InitialReply)
    assert parsed_initial.version == 12


@pytest.mark.parametrize("kind", [Kind.STALE, Kind.REFUSED])
def test_replies_that_carry_nothing_are_one_frame(kind: Kind) -> None:
    header, parsed = WIRE.parse_reply(on_the_wire(WIRE.reply_frames(Header(kind, 1, 5, 9, 0), None)))
    assert (header.kind, parsed) == (kind, None)


@pytest.mark.parametrize(
    ("what", "frames"),
    [
        ("an unknown client", [Header(Kind.RECURRENT, 2, 0, 0, 3).pack(), b"\0" * 16, b"\0" * 16]),
        ("a negative client", [Header(Kind.RECURRENT, -1, 0, 0, 3).pack(), b"\0" * 16, b"\0" * 16]),
        ("a frame too few", [Header(Kind.RECURRENT, 0, 0, 0, 3).pack(), b"\0" * 16]),
        ("no frames", []),
        ("a short array", [Header(Kind.RECURRENT, 0, 0, 0, 3).pack(), b"\0" * 15, b"\0" * 16]),
        ("a long array", [Header(Kind.RECURRENT, 0, 0, 0, 3).pack(), b"\0" * 16, b"\0" * 17]),
        ("a node beyond the tree", [Header(Kind.RECURRENT, 0, 0, 0, NODES).pack(), b"\0" * 16, b"\0" * 16]),
        ("node 0 as a new one", [Header(Kind.RECURRENT, 0, 0, 0, 0).pack(), b"\0" * 16, b"\0" * 16]),
        ("a parent that is not there yet", [Header(Kind.RECURRENT, 0, 0, 0, 1).pack(), np.ones(4, np.int32).tobytes(), b"\0" * 16]),
        ("an action outside", [Header(Kind.RECURRENT, 0, 0, 0, 1).pack(), b"\0" * 16, np.full(4, 9, np.int32).tobytes()]),
        ("a player outside", [Header(Kind.INITIAL, 0, 0, 0, 0).pack(), b"\0" * 72, b"\2" * 4]),
        ("a reply as a request", [Header(Kind.STALE, 0, 0, 0, 0).pack(), b"", b""]),
    ],
)
def test_a_request_that_is_not_as_declared_is_refused(what: str, frames: list[bytes]) -> None:
    with pytest.raises(BadMessage):
        WIRE.parse_request(frames)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"\xc1",
        msgpack.packb([1, 2, 3]),
        msgpack.packb([9, 0, 0, 0, 0]),
        msgpack.packb([1, 0, 0, 0, 1.5]),
        msgpack.packb([True, 0, 0, 0, 0]),
        msgpack.packb({1: 2}),
        msgpack.packb("text"),
        msgpack.packb(list(range(30))),
        b"\x95" + b"\x00" * 100,
        b"\xdd\xff\xff\xff\xff",
    ],
)
def test_a_header_that_is_not_five_integers_is_refused(header: bytes) -> None:
    with pytest.raises(BadMessage):
        unpack_header(header)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(max_size=80), max_size=6))
def test_random_bytes_raise_nothing_but_bad_message(frames: list[bytes]) -> None:
    for parse in (WIRE.parse_request, WIRE.parse_reply):
        with pytest.raises(BadMessage):
            parse(frames)
