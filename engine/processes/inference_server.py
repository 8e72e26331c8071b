"""The inference server: batches requests of all clients, runs the network once for them, answers. One process per device."""

import time
from pathlib import Path

import numpy as np
import torch

from engine.batching import Batcher, Pending
from engine.config import RunConfig
from engine.device import out_of_memory_is_final
from engine.errors import BadMessage
from engine.inference_core import InferenceCore
from engine.layout import Control, Counter, Gauge, SpanKind, ThreadTrack
from engine.messages import Header, Kind, unpack_header
from engine.process_life import Life, ProcessSetup, main
from engine.run_parts import attach_weights, make_wire
from engine.slots import leaves_in_flight, num_slots
from engine.telemetry import ProcessBlock
from engine.trace import SpanRecorder, request_number, silent_recorder
from engine.transport import ServerSocket, server_address
from engine.weights import WeightStore
from muzero.games import make_game
from muzero.types import Float32Array, GameSpec, InitialReply, InitialRequest, RecurrentReply, RecurrentRequest, Reply

IDLE_SECONDS = 0.05
WEIGHTS_SECONDS = 0.05


@out_of_memory_is_final()
def run(setup: ProcessSetup, life: Life) -> None:
    """Serves until the run stops."""
    config = setup.config
    torch.set_num_threads(config.inference.num_threads)
    game = make_game(config.env)
    server = InferenceServer(
        config,
        game.spec,
        game.action_planes(),
        weights=attach_weights(setup),
        num_floats=setup.num_floats,
        socket=ServerSocket(server_address(Path(setup.socket_dir))),
        block=life.block,
        epoch=life.telemetry.control(Control.SERVER_EPOCH),
        device_spans=life.telemetry.thread_spans(ThreadTrack.DEVICE),
    )
    try:
        while not server.take_newest_weights() and not life.should_stop():
            life.wait(WEIGHTS_SECONDS)
        life.ready()
        while not life.should_stop():
            server.serve_once()
    finally:
        server.close()


class InferenceServer:
    """Socket, batcher and network of one device.

    Args:
        config: the run.
        spec, action_planes: the game.
        weights: where the learner publishes.
        num_floats: W, floats of the network.
        socket: its end of the wire; closed with the server.
        block: its numbers.
        epoch: which start of the server this is.
        device_spans: records what the device does; nothing does by default.

    Attributes:
        core: network and hidden states.
    """

    def __init__(
        self,
        config: RunConfig,
        spec: GameSpec,
        action_planes: Float32Array,
        *,
        weights: WeightStore,
        num_floats: int,
        socket: ServerSocket,
        block: ProcessBlock,
        epoch: int,
        device_spans: SpanRecorder | None = None,
    ) -> None:
        self._wire = make_wire(config, spec)
        self._weights, self._socket, self._block, self._epoch = weights, socket, block, epoch
        self._values = np.zeros(num_floats, dtype=np.float32)
        typical_batch = min(leaves_in_flight(config), config.inference.max_batch)
        self.core = InferenceCore(config, spec, action_planes, num_slots=num_slots(config), typical_batch=typical_batch)
        self._slots = [np.arange(client.first_slot, client.first_slot + client.num_trees, dtype=np.int64) for client in self._wire.clients]
        deadline_seconds = config.inference.batch_deadline_microseconds * 1e-6
        self._batcher = Batcher(config.inference.max_batch, deadline_seconds, config.actors.groups)
        self._in_flight = leaves_in_flight(config)
        self._search_is_here: set[int] = set()
        self._mean_fill = 0.0
        self._spans, self._device_spans = block.spans, device_spans or silent_recorder()

    def take_newest_weights(self) -> bool:
        """Takes over the newest weights if they are not in use yet; returns whether there are any. The first ones take seconds:
        what the device needs is then compiled or captured.
        """
        if self._weights.version != self.core.version:
            began = self._spans.begin()
            self.core.load(self._values, self._weights.read(self._values))
            self._spans.end(SpanKind.SWAP_WEIGHTS, began, self.core.version)
            self._block.set(Counter.PUBLISHED_VERSION, self.core.version)
        return self.core.version > 0

    def serve_once(self) -> None:
        """Answers one batch, or waits a moment for requests; weights are swapped only here, between two batches."""
        self.take_newest_weights()
        started, began = time.monotonic_ns(), self._spans.begin()
        batch = self._batcher.gather(self._receive, self._wait, time.monotonic, IDLE_SECONDS)
        gathered = time.monotonic_ns()
        self._spans.end(SpanKind.GATHER, began, _num_leaves(batch))
        self._block.add(Counter.WAIT_NANOSECONDS, gathered - started)
        if not batch:
            return
        self._answer_initial([pending for pending in batch if pending.header.kind == Kind.INITIAL])
        self._answer_recurrent([pending for pending in batch if pending.header.kind == Kind.RECURRENT])
        self._count(batch, time.monotonic_ns() - gathered)

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def _receive(self) -> Pending | None:
        """Returns the next request that can be computed; answers those that cannot at once."""
        while (message := self._socket.receive()) is not None:
            identity, frames = message
            try:
                header, client, request = self._wire.parse_request(frames)
            except BadMessage:
                self._refuse(identity, frames)
                continue
            is_stale = header.kind == Kind.RECURRENT and (header.epoch != self._epoch or client.index not in self._search_is_here)
            if not is_stale:
                return Pending(identity, header, client, request, self._spans.begin())
            self._reply(identity, Header(Kind.STALE, header.client, header.request_id, self._epoch, 0), None)
        return None

    def _wait(self, seconds: float) -> bool:
        """Waits for a request."""
        began = self._spans.begin()
        is_there = self._socket.wait(seconds)
        self._spans.end(SpanKind.IDLE, began)
        return is_there

    def _refuse(self, identity: bytes, frames: list[bytes]) -> None:
        """Counts a message that is not what was declared; tells its sender, where the header says who that is."""
        self._block.add(Counter.BAD_MESSAGES, 1)
        try:
            header = unpack_header(frames[0]) if frames else None
        except BadMessage:
            return
        if header is not None:
            self._reply(identity, Header(Kind.REFUSED, header.client, header.request_id, self._epoch, 0), None)

    def _answer_initial(self, batch: list[Pending]) -> None:
        if not batch:
            return
        began = self._spans.begin()
        requests = [pending.request for pending in batch]
        observations = [request.observation for request in requests if isinstance(request, InitialRequest)]
        frames = np.concatenate([observation.frames for observation in observations])
        to_play = np.concatenate([observation.to_play for observation in observations])
        began = self._record_assembled(batch, began)
        answer = self.core.initial(self._slots_of(batch), frames, to_play)
        began = self._device_spans.end(SpanKind.FORWARD, began, len(to_play))
        first = 0
        for pending in batch:
            part = slice(first, first + pending.client.num_trees)
            first = part.stop
            self._search_is_here.add(pending.client.index)
            self._send(pending, Kind.INITIAL, InitialReply(answer.value[part], answer.policy_logits[part], answer.version))
        self._spans.end(SpanKind.REPLY, began, len(to_play))

    def _answer_recurrent(self, batch: list[Pending]) -> None:
        if not batch:
            return
        began = self._spans.begin()
        requests = [pending.request for pending in batch if isinstance(pending.request, RecurrentRequest)]
        parent_node = np.concatenate([request.parent_node for request in requests])
        action = np.concatenate([request.action for request in requests])
        new_node = np.repeat(
            np.array([request.new_node for request in requests], dtype=np.int64), [len(request.action) for request in requests]
        )
        began = self._record_assembled(batch, began)
        answer = self.core.recurrent(self._slots_of(batch), parent_node, action, new_node)
        began = self._device_spans.end(SpanKind.FORWARD, began, len(action))
        first = 0
        for pending in batch:
            part = slice(first, first + pending.client.num_trees)
            first = part.stop
            reply = RecurrentReply(answer.reward[part], answer.value[part], answer.prior[part], answer.prior_action[part])
            self._send(pending, Kind.RECURRENT, reply)
        self._spans.end(SpanKind.REPLY, began, len(action))

    def _record_assembled(self, batch: list[Pending], began: int) -> int:
        """Records that a batch's arrays are there and its requests have waited long enough; returns when."""
        now = self._spans.end(SpanKind.ASSEMBLE, began, _num_leaves(batch)) if began else 0
        if now:
            for pending in batch:
                number = request_number(pending.client.index, pending.header.request_id)
                self._spans.record(SpanKind.QUEUED, pending.received, now, number)
        return now

    def _slots_of(self, batch: list[Pending]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        return np.concatenate([self._slots[pending.client.index] for pending in batch])

    def _send(self, pending: Pending, kind: Kind, reply: Reply) -> None:
        header = Header(kind, pending.client.index, pending.header.request_id, self._epoch, self.core.version)
        self._reply(pending.identity, header, reply)

    def _reply(self, identity: bytes, header: Header, reply: Reply | None) -> None:
        self._socket.send(identity, self._wire.reply_frames(header, reply))

    def _count(self, batch: list[Pending], nanoseconds: int) -> None:
        leaves, block = _num_leaves(batch), self._block
        block.add(Counter.BUSY_NANOSECONDS, nanoseconds)
        block.add(Counter.BATCHES, 1)
        block.add(Counter.REQUESTS, len(batch))
        block.add(Counter.SIMULATIONS, leaves)
        self._mean_fill += 0.01 * (leaves / self._in_flight - self._mean_fill)
        block.set_gauge(Gauge.BATCH_FILL, min(1.0, self._mean_fill))
        block.add(Counter.PROGRESS)


def _num_leaves(batch: list[Pending]) -> int:
    return sum(pending.client.num_trees for pending in batch)


if __name__ == "__main__":
    main(run)
