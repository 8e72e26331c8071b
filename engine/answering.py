"""What an inference server says to its clients: replies, and the two words for requests that get none. No batching, no device."""

from engine.batching import Pending
from engine.errors import BadMessage
from engine.layout import Counter
from engine.messages import Header, Kind, unpack_header
from engine.replies import BatchReplies
from engine.telemetry import ProcessBlock
from engine.transport import ServerSocket
from muzero.types import Reply


class Answering:
    """The outgoing side of a server.

    Args:
        socket: its end of the wire.
        block: its numbers.
        epoch: which start of the server this is.
    """

    def __init__(self, socket: ServerSocket, block: ProcessBlock, epoch: int) -> None:
        self._socket, self._block, self._epoch = socket, block, epoch

    def reply(self, requests: list[Pending], reply: Reply, version: int) -> None:
        """Sends each of these requests its part of a reply.

        Args:
            requests: in the order in which their trees lie in the reply.
            reply: about all of them.
            version: of the weights that answered.
        """
        replies, first = BatchReplies(reply), 0
        for identity, header, client, *_ in requests:
            end = first + client.num_trees
            answer = Header(header.kind, client.index, header.request_id, self._epoch, version)
            self._socket.send(identity, replies.message(answer, first, end))
            first = end

    def refuse(self, identity: bytes, message: bytes) -> None:
        """Counts a message that is not what was declared; tells its sender, where the header says who that is."""
        self._block.add(Counter.BAD_MESSAGES, 1)
        try:
            header = unpack_header(message)
        except BadMessage:
            return
        self.tell(identity, Kind.REFUSED, header)

    def tell(self, identity: bytes, kind: Kind, asked: Header) -> None:
        """Sends a reply that carries nothing."""
        self._socket.send(identity, Header(kind, asked.client, asked.request_id, self._epoch, 0).pack())
