"""Replies as messages: cut out of a batch's answer at one end, read where they came in at the other. What they hold is declared in
messages.py.
"""

from typing import Any, NamedTuple

import numpy as np

from engine.messages import HEADER, Header, Kind, Wire, require_size, unpack_header
from muzero.types import InitialReply, RecurrentReply, Reply


class BatchReplies:
    """The answers to a batch, cut into one message per client.

    Args:
        reply: about all trees of the batch.
    """

    def __init__(self, reply: Reply) -> None:
        self._parts = [(np.ascontiguousarray(array).data.cast("B"), array.nbytes // len(array)) for array in _arrays_of(reply)]

    def message(self, header: Header, first: int, end: int) -> bytes:
        """Returns the reply about the trees [first, end) of the batch."""
        return b"".join([header.pack(), *[part[first * row_bytes : end * row_bytes] for part, row_bytes in self._parts]])


def _arrays_of(reply: Reply) -> tuple[np.ndarray[Any, Any], ...]:
    """Returns the arrays of a reply in the order of the wire."""
    if isinstance(reply, InitialReply):
        return reply.value, reply.policy_logits
    return reply.reward, reply.value, reply.prior, reply.prior_action


class Declared(NamedTuple):
    """The replies of one kind to clients of one size: bytes behind the header, and where the arrays of the next one will lie."""

    size_bytes: int
    arrays: tuple[np.ndarray[Any, Any], ...]


class ReplyReader:
    """Reads the replies of one process, all in the same memory: the arrays of one are overwritten by the next.

    Args:
        wire: sizes of the run.

    Attributes:
        memory: uint8 [largest reply], where to put a message.
    """

    def __init__(self, wire: Wire) -> None:
        self._wire = wire
        trees = max(client.num_trees for client in wire.clients.values())
        arrays_bytes = max(sum(array.size_bytes for array in wire.reply_arrays(kind, trees)) for kind in Kind)
        self.memory = np.empty(HEADER.size + arrays_bytes, np.uint8)
        self._declared: dict[tuple[Kind, int], Declared] = {}

    def read(self, message_bytes: int) -> tuple[Header, Reply | None]:
        """Returns the message in the memory; without a reply for STALE and REFUSED.

        Args:
            message_bytes: its length, which may be more than the memory holds.

        Raises:
            BadMessage: if anything is not as declared.
        """
        header = unpack_header(self.memory[:message_bytes])
        key = (header.kind, self._wire.client_of(header).num_trees)
        declared = self._declared.get(key) or self._declare(*key)
        require_size(header, message_bytes, declared.size_bytes)
        if header.kind == Kind.INITIAL:
            value, policy_logits = declared.arrays
            return header, InitialReply(value, policy_logits, header.word)
        return header, RecurrentReply(*declared.arrays) if header.kind == Kind.RECURRENT else None

    def _declare(self, kind: Kind, num_trees: int) -> Declared:
        """Returns, and keeps, views of the memory; they are as valid for the next reply."""
        offset, arrays = HEADER.size, []
        for array in self._wire.reply_arrays(kind, num_trees):
            arrays.append(np.ndarray(array.shape, array.dtype, self.memory.data, offset))
            offset += array.size_bytes
        declared = self._declared[kind, num_trees] = Declared(offset - HEADER.size, tuple(arrays))
        return declared
