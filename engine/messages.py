"""Every message that crosses a process boundary: one frame, a fixed header and its arrays right behind it. No sockets in here.

The header is five int64, in the byte order of the machine that both ends share: [kind, client, request_id, epoch, word].
Packing and reading it takes a tenth of the time that msgpack would take.

Requests (actor, reanalyzer or evaluator to server), word is new_node:
    INITIAL    frames [B, ...], to_play int8 [B]        new_node is 0, epoch is ignored
    RECURRENT  parent_node int32 [B], action int32 [B]
Replies, word is the version of the weights:
    INITIAL    value float32 [B], policy_logits float32 [B, A]
    RECURRENT  reward float32 [B], value float32 [B], prior float32 [B, k], prior_action int32 [B, k]
    STALE      nothing: the hidden states this request continues died with an older server
    REFUSED    nothing: the request was not what is declared here

B is the number of trees of the client, fixed for the run, so that header and length say where every array lies; both are checked
before anything is touched. What the arrays of a request hold is checked where they are read: `Wire.observation`, and
`stage_recurrent` in batch_staging.py.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from math import prod
from typing import Any, NamedTuple

import numpy as np

from engine.errors import BadMessage
from engine.slots import Client
from muzero.types import GameSpec, InitialRequest, Int32Array, Observation, Request

HEADER = struct.Struct("=5q")
NODE_BYTES = 8
"""What a RECURRENT request says of a tree: parent node and action."""


class Kind(IntEnum):
    """What a message is; see the module's docstring."""

    INITIAL = 0
    RECURRENT = 1
    STALE = 2
    REFUSED = 3


KINDS = tuple(Kind)


class Header(NamedTuple):
    """The beginning of each message.

    Attributes:
        kind: see Kind.
        client: number of the client that asks or is answered.
        request_id: the reply carries that of its request.
        epoch: which start of the server holds (or held) the hidden states.
        word: new_node in requests, version of the weights in replies.
    """

    kind: Kind
    client: int
    request_id: int
    epoch: int
    word: int

    def pack(self) -> bytes:
        """Returns the header as bytes."""
        return HEADER.pack(*self)


def unpack_header(message: Any) -> Header:
    """Returns the header of a message.

    Args:
        message: its bytes.

    Raises:
        BadMessage: if it is shorter than a header, or of no kind that is declared.
    """
    if len(message) < HEADER.size:
        raise BadMessage(f"a message of {len(message)} bytes: a header takes {HEADER.size}.")
    kind, client, request_id, epoch, word = HEADER.unpack_from(message)
    if not 0 <= kind < len(KINDS):
        raise BadMessage(f"a message of unknown kind {kind}.")
    return Header(KINDS[kind], client, request_id, epoch, word)


class DeclaredArray(NamedTuple):
    """An array of a message."""

    shape: tuple[int, ...]
    dtype: type[np.generic]

    @property
    def size_bytes(self) -> int:
        """Bytes of the array."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Wire:
    """The sizes that both ends of the wire agree on for a run.

    Attributes:
        spec: the game.
        num_nodes: nodes of a tree, num_simulations + 1.
        num_priors: k, priors sent per new node.
        clients: number -> client: all of the run, or at a server those that it serves.
    """

    spec: GameSpec
    num_nodes: int
    num_priors: int
    clients: Mapping[int, Client]

    def request_message(self, header: Header, request: Request) -> bytes:
        """Returns a request as it is sent."""
        if isinstance(request, InitialRequest):
            return header.pack() + request.observation.frames.tobytes() + request.observation.to_play.tobytes()
        return header.pack() + request.parent_node.tobytes() + request.action.tobytes()

    def parse_request(self, message: bytes) -> tuple[Header, Client]:
        """Returns what a request says of itself: kind, sender and length are as declared, its arrays are not looked at.

        Raises:
            BadMessage: if anything is not as declared.
        """
        header = unpack_header(message)
        client = self.client_of(header)
        if header.kind == Kind.RECURRENT:
            size = NODE_BYTES * client.num_trees
            if not 1 <= header.word < self.num_nodes:
                raise BadMessage(f"new node {header.word} of a tree with {self.num_nodes}.")
        elif header.kind == Kind.INITIAL:
            size = (self.spec.num_frames * self.spec.frame_bytes + 1) * client.num_trees
        else:
            raise BadMessage(f"a request of kind {header.kind.name}.")
        require_size(header, len(message), size)
        return header, client

    def observation(self, message: bytes, num_trees: int) -> Observation:
        """Returns what an INITIAL request asks about, without a copy.

        Args:
            message: one that parse_request took.
            num_trees: B, of its client.

        Raises:
            BadMessage: if a player is none of the game's.
        """
        spec = self.spec
        to_play = np.frombuffer(message, np.int8, num_trees, len(message) - num_trees)
        if to_play.min() < 0 or to_play.max() >= spec.num_players:
            raise BadMessage("a player that the game does not have.")
        shape = (num_trees, spec.num_frames, *spec.frame_shape)
        return Observation(np.ndarray(shape, spec.frame_dtype, message, HEADER.size), to_play)

    def reply_arrays(self, kind: Kind, num_trees: int) -> tuple[DeclaredArray, ...]:
        """Returns the arrays of a reply to a client of so many trees, in order; none for STALE and REFUSED."""
        number, priors = DeclaredArray((num_trees,), np.float32), (num_trees, self.num_priors)
        if kind == Kind.INITIAL:
            return number, DeclaredArray((num_trees, self.spec.num_actions), np.float32)
        if kind == Kind.RECURRENT:
            return number, number, DeclaredArray(priors, np.float32), DeclaredArray(priors, np.int32)
        return ()

    def client_of(self, header: Header) -> Client:
        """Returns whose message it is.

        Raises:
            BadMessage: if there is no such client here.
        """
        client = self.clients.get(header.client)
        if client is None:
            raise BadMessage(f"a message of client {header.client}: it is none of the {len(self.clients)} here.")
        return client


def require_size(header: Header, message_bytes: int, array_bytes: int) -> None:
    """Raises BadMessage unless a message is as long as its header and arrays."""
    if message_bytes != HEADER.size + array_bytes:
        raise BadMessage(f"a message of kind {header.kind.name} with {message_bytes} bytes: it takes {HEADER.size + array_bytes}.")


def recurrent_words(message: bytes) -> Int32Array:
    """Returns the arrays of a RECURRENT request, int32 [2 * B]: parent nodes, then actions; without a copy, unchecked."""
    return np.frombuffer(message, np.int32, offset=HEADER.size)
