"""Messages survive the wire unchanged, and whatever is not declared is refused before it is touched."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.errors import BadMessage
from engine.messages import HEADER, Header, Kind, Wire, recurrent_words, unpack_header
from engine.replies import BatchReplies, ReplyReader
from engine.slots import Client
from muzero.types import InitialReply, InitialRequest, Observation, RecurrentReply, RecurrentRequest, Reply
from tests.engine.ring_examples import SPEC

TREES, PRIORS, NODES = 4, 5, 6
WIRE = Wire(SPEC, NODES, PRIORS, {0: Client(0, 0, TREES), 1: Client(1, TREES, TREES)})


def received(message: bytes, reader: ReplyReader | None = None) -> tuple[Header, Reply | None]:
    """Returns what a client reads when a message comes, cut off where its memory ends."""
    reader = reader or ReplyReader(WIRE)
    kept = min(len(message), len(reader.memory))
    reader.memory[:kept] = np.frombuffer(message, np.uint8)[:kept]
    return reader.read(len(message))


def random_reply(seed: int) -> RecurrentReply:
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(TREES, 2)).astype(np.float32)
    prior, prior_action = rng.random((TREES, PRIORS)).astype(np.float32), rng.integers(0, 9, (TREES, PRIORS)).astype(np.int32)
    return RecurrentReply(numbers[:, 0], numbers[:, 1], prior, prior_action)


def test_an_initial_request_survives_the_wire() -> None:
    frames = np.arange(TREES * 2 * 9).reshape(TREES, 2, 3, 3).astype(np.int8)
    message = WIRE.request_message(Header(Kind.INITIAL, 1, 77, 2, 0), InitialRequest(Observation(frames, np.array([0, 1, 1, 0], np.int8))))
    header, client = WIRE.parse_request(message)
    observation = WIRE.observation(message, client.num_trees)
    assert (header.request_id, client.first_slot) == (77, TREES)
    np.testing.assert_array_equal(observation.frames, frames)
    np.testing.assert_array_equal(observation.to_play, [0, 1, 1, 0])
    received = np.frombuffer(message, np.uint8)
    assert np.shares_memory(observation.frames, received) and np.shares_memory(observation.to_play, received)


def test_a_recurrent_request_survives_the_wire() -> None:
    request = RecurrentRequest(np.array([0, 1, 2, 0], np.int32), np.array([8, 0, 4, 2], np.int32), 3)
    message = WIRE.request_message(Header(Kind.RECURRENT, 0, 5, 9, 3), request)
    header, _ = WIRE.parse_request(message)
    assert (header.epoch, header.word) == (9, 3)
    np.testing.assert_array_equal(recurrent_words(message), [0, 1, 2, 0, 8, 0, 4, 2])


def test_replies_survive_the_wire_even_from_strided_arrays() -> None:
    reply = random_reply(0)
    header, parsed = received(BatchReplies(reply).message(Header(Kind.RECURRENT, 0, 5, 9, 12), 0, TREES))
    assert header.word == 12
    for name in ("reward", "value", "prior", "prior_action"):
        np.testing.assert_array_equal(getattr(parsed, name), getattr(reply, name))
    initial = InitialReply(np.zeros(TREES, np.float32), np.ones((TREES, 9), np.float32), 12)
    _, parsed_initial = received(BatchReplies(initial).message(Header(Kind.INITIAL, 0, 5, 9, 12), 0, TREES))
    assert isinstance(parsed_initial, InitialReply)
    assert (parsed_initial.version, parsed_initial.policy_logits.tolist()) == (12, np.ones((TREES, 9)).tolist())


def test_of_a_batch_each_client_gets_its_own_trees() -> None:
    one, two = random_reply(1), random_reply(2)
    names = ("reward", "value", "prior", "prior_action")
    whole = RecurrentReply(*(np.concatenate([getattr(one, name), getattr(two, name)]) for name in names))
    _, parsed = received(BatchReplies(whole).message(Header(Kind.RECURRENT, 1, 0, 0, 0), TREES, 2 * TREES))
    assert isinstance(parsed, RecurrentReply)
    np.testing.assert_array_equal(parsed.prior_action, two.prior_action)
    np.testing.assert_array_equal(parsed.value, two.value)


@pytest.mark.parametrize("kind", [Kind.STALE, Kind.REFUSED])
def test_replies_that_carry_nothing_are_a_header(kind: Kind) -> None:
    header, parsed = received(Header(kind, 1, 5, 9, 0).pack())
    assert (header.kind, parsed) == (kind, None)


NO_NODES = b"\0" * 8 * TREES


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("an unknown client", Header(Kind.RECURRENT, 2, 0, 0, 3).pack() + NO_NODES),
        ("a negative client", Header(Kind.RECURRENT, -1, 0, 0, 3).pack() + NO_NODES),
        ("no arrays", Header(Kind.RECURRENT, 0, 0, 0, 3).pack()),
        ("nothing", b""),
        ("half a header", b"\0" * 20),
        ("an unknown kind", HEADER.pack(4, 0, 0, 0, 3) + NO_NODES),
        ("a negative kind", HEADER.pack(-1, 0, 0, 0, 3) + NO_NODES),
        ("a short array", Header(Kind.RECURRENT, 0, 0, 0, 3).pack() + NO_NODES[1:]),
        ("a long array", Header(Kind.RECURRENT, 0, 0, 0, 3).pack() + NO_NODES + b"\0"),
        ("a node beyond the tree", Header(Kind.RECURRENT, 0, 0, 0, NODES).pack() + NO_NODES),
        ("node 0 as a new one", Header(Kind.RECURRENT, 0, 0, 0, 0).pack() + NO_NODES),
        ("a short observation", Header(Kind.INITIAL, 0, 0, 0, 0).pack() + b"\0" * 75),
        ("a reply as a request", Header(Kind.STALE, 0, 0, 0, 0).pack()),
    ],
)
def test_a_request_that_is_not_as_declared_is_refused(what: str, message: bytes) -> None:
    with pytest.raises(BadMessage):
        WIRE.parse_request(message)


def test_a_player_that_the_game_does_not_have_is_refused() -> None:
    message = Header(Kind.INITIAL, 0, 0, 0, 0).pack() + b"\0" * 72 + b"\0\1\2\0"
    WIRE.parse_request(message)
    with pytest.raises(BadMessage, match="a player"):
        WIRE.observation(message, TREES)


def test_a_reply_longer_than_the_longest_is_refused() -> None:
    logits = np.zeros((TREES, 9), np.float32)
    message = BatchReplies(InitialReply(logits[:, 0], logits, 12)).message(Header(Kind.INITIAL, 0, 5, 9, 12), 0, TREES)
    assert isinstance(received(message)[1], InitialReply)
    for wrong in (message + b"\0" * 4, message + b"\0" * 10_000, message[:-1]):
        with pytest.raises(BadMessage):
            received(wrong)


def test_a_short_message_is_not_read_together_with_the_rest_of_an_older_one() -> None:
    reader = ReplyReader(WIRE)
    received(BatchReplies(random_reply(0)).message(Header(Kind.RECURRENT, 0, 5, 9, 12), 0, TREES), reader)
    with pytest.raises(BadMessage):
        received(b"\1" * 8, reader)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200), st.booleans())
def test_random_bytes_raise_nothing_but_bad_message(noise: bytes, has_header: bool) -> None:
    message = Header(Kind.RECURRENT, 0, 0, 0, 3).pack() + noise + b"\0" * (len(noise) == 8 * TREES) if has_header else noise
    for parse in (WIRE.parse_request, received, unpack_header if not has_header and len(noise) < HEADER.size else WIRE.parse_request):
        with pytest.raises(BadMessage):
            parse(message)
