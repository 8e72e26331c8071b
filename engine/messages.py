"""Every message that crosses a process boundary, as a msgpack header and raw array frames. No sockets in here.

Requests (actor or evaluator to server), header [kind, client, request_id, epoch, new_node]:
    INITIAL    frames, to_play                          new_node is 0, epoch is ignored
    RECURRENT  parent_node int32 [B], action int32 [B]
Replies, header [kind, client, request_id, epoch, version]:
    INITIAL    value float32 [B], policy_logits float32 [B, A]
    RECURRENT  reward float32 [B], value float32 [B], prior float32 [B, k], prior_action int32 [B, k]
    STALE      nothing: the hidden states this request continues died with an older server
    REFUSED    nothing: the request was not what is declared here

B is the number of trees of the client, fixed for the run; every frame's size is checked before it is touched.
"""

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import msgpack
import numpy as np

from engine.errors import BadMessage
from engine.slots import Client
from muzero.types import GameSpec, InitialReply, InitialRequest, Observation, RecurrentReply, RecurrentRequest, Reply, Request

MAX_HEADER_BYTES = 64
HEADER_WORDS = 5


class Kind(IntEnum):
    """What a message is; see the module's docstring."""

    INITIAL = 0
    RECURRENT = 1
    STALE = 2
    REFUSED = 3


@dataclass(frozen=True)
class Header:
    """The first frame of each message.

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
        """Returns the header as msgpack."""
        return bytes(msgpack.packb((int(self.kind), self.client, self.request_id, self.epoch, self.word)))


def unpack_header(frame: Any) -> Header:
    """Returns the header of a message.

    Raises:
        BadMessage: if it is not five integers of msgpack in at most 64 bytes.
    """
    if len(frame) > MAX_HEADER_BYTES:
        raise BadMessage(f"a header of {len(frame)} bytes: at most {MAX_HEADER_BYTES} are allowed.")
    try:
        words = msgpack.unpackb(frame, max_array_len=HEADER_WORDS, max_map_len=0, max_str_len=0, max_bin_len=0, max_ext_len=0)
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise BadMessage("a header that is not msgpack.") from error
    if not isinstance(words, list) or len(words) != HEADER_WORDS or any(type(word) is not int for word in words):
        raise BadMessage("a header that is not five integers.")
    if words[0] not in Kind._value2member_map_:
        raise BadMessage(f"a message of unknown kind {words[0]}.")
    return Header(Kind(words[0]), *words[1:])


def array_of(frame: Any, dtype: str, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """Returns a frame's bytes as an array, without a copy.

    Raises:
        BadMessage: if the number of bytes is another than dtype and shape need.
    """
    needed = int(np.prod(shape)) * np.dtype(dtype).itemsize
    if len(frame) != needed:
        raise BadMessage(f"an array frame of {len(frame)} bytes where {dtype} {list(shape)} takes {needed}.")
    return np.frombuffer(frame, dtype=dtype).reshape(shape)


@dataclass(frozen=True)
class Wire:
    """The sizes that both ends of the wire agree on for a run.

    Attributes:
        spec: the game.
        num_nodes: nodes of a tree, num_simulations + 1.
        num_priors: k, priors sent per new node.
        clients: all clients of the run.
    """

    spec: GameSpec
    num_nodes: int
    num_priors: int
    clients: tuple[Client, ...]

    def request_frames(self, header: Header, request: Request) -> list[Any]:
        """Returns the frames of a request."""
        if isinstance(request, InitialRequest):
            return [header.pack(), np.ascontiguousarray(request.observation.frames), np.ascontiguousarray(request.observation.to_play)]
        return [header.pack(), request.parent_node, request.action]

    def parse_request(self, frames: list[Any]) -> tuple[Header, Client, Request]:
        """Returns a request off the wire, every size, index and node checked.

        Raises:
            BadMessage: if anything is not as declared.
        """
        if len(frames) != 3:
            raise BadMessage(f"a request of {len(frames)} frames: three are declared.")
        header = unpack_header(frames[0])
        if not 0 <= header.client < len(self.clients):
            raise BadMessage(f"a request from client {header.client} of {len(self.clients)}.")
        client = self.clients[header.client]
        if header.kind == Kind.INITIAL:
            return header, client, self._initial_request(frames, client.num_trees)
        if header.kind == Kind.RECURRENT:
            return header, client, self._recurrent_request(frames, client.num_trees, header.word)
        raise BadMessage(f"a request of kind {header.kind.name}.")

    def _initial_request(self, frames: list[Any], num_trees: int) -> InitialRequest:
        spec = self.spec
        stack = array_of(frames[1], spec.frame_dtype, (num_trees, spec.num_frames, *spec.frame_shape))
        to_play = array_of(frames[2], "int8", (num_trees,))
        if to_play.min() < 0 or to_play.max() >= spec.num_players:
            raise BadMessage("a player that the game does not have.")
        return InitialRequest(Observation(stack, to_play))

    def _recurrent_request(self, frames: list[Any], num_trees: int, new_node: int) -> RecurrentRequest:
        parent_node = array_of(frames[1], "int32", (num_trees,))
        action = array_of(frames[2], "int32", (num_trees,))
        if not 1 <= new_node < self.num_nodes:
            raise BadMessage(f"new node {new_node} of a tree with {self.num_nodes}.")
        if parent_node.min() < 0 or parent_node.max() >= new_node:
            raise BadMessage("a parent node that does not exist yet.")
        if action.min() < 0 or action.max() >= self.spec.num_actions:
            raise BadMessage("an action outside the action space.")
        return RecurrentRequest(parent_node, action, new_node)

    def reply_frames(self, header: Header, reply: Reply | None) -> list[Any]:
        """Returns the frames of a reply; None for the kinds that carry nothing."""
        if reply is None:
            return [header.pack()]
        if isinstance(reply, InitialReply):
            arrays: tuple[Any, ...] = (reply.value, reply.policy_logits)
        else:
            arrays = (reply.reward, reply.value, reply.prior, reply.prior_action)
        return [header.pack(), *map(np.ascontiguousarray, arrays)]

    def parse_reply(self, frames: list[Any]) -> tuple[Header, Reply | None]:
        """Returns a reply off the wire; None for STALE and REFUSED.

        Raises:
            BadMessage: if anything is not as declared.
        """
        header = unpack_header(frames[0]) if frames else None
        if header is None or not 0 <= header.client < len(self.clients):
            raise BadMessage("a reply without a header or to an unknown client.")
        trees, k = self.clients[header.client].num_trees, self.num_priors
        if header.kind == Kind.INITIAL and len(frames) == 3:
            logits = array_of(frames[2], "float32", (trees, self.spec.num_actions))
            return header, InitialReply(array_of(frames[1], "float32", (trees,)), logits, header.word)
        if header.kind == Kind.RECURRENT and len(frames) == 5:
            reward, value = (array_of(frame, "float32", (trees,)) for frame in frames[1:3])
            return header, RecurrentReply(
                reward, value, array_of(frames[3], "float32", (trees, k)), array_of(frames[4], "int32", (trees, k))
            )
        if header.kind in (Kind.STALE, Kind.REFUSED) and len(frames) == 1:
            return header, None
        raise BadMessage(f"a reply of kind {header.kind.name} with {len(frames)} frames.")
