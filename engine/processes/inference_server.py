"""The inference server: batches requests of its clients, has a device run the network for them, answers. One process per device."""

import select
import time
from collections import deque
from math import inf
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from engine.answering import Answering
from engine.batch_staging import StagedBatch, Staging
from engine.batching import Pending
from engine.config import RunConfig
from engine.device import out_of_memory_is_final
from engine.errors import BadMessage, PeerDied
from engine.inference_device import MAX_IN_FLIGHT
from engine.inference_devices import capacity_of, make_batcher, make_device
from engine.layout import Counter, Gauge, SpanKind, ThreadTrack
from engine.messages import Kind
from engine.process_life import Life, ProcessSetup, main
from engine.run_parts import attach_weights, make_wire
from engine.slots import leaves_in_flight
from engine.telemetry import ProcessBlock
from engine.trace import SpanRecorder, request_number, silent_recorder
from engine.transport import ServerSocket, server_address
from engine.weights import WeightStore
from muzero.games import make_game
from muzero.types import Float32Array, GameSpec

IDLE_SECONDS = 0.05
WEIGHTS_SECONDS = 0.05
FROZEN_SECONDS = 5.0
"""A server that did not come round for so long was stopped itself, and its device perhaps with it."""


@out_of_memory_is_final()
def run(setup: ProcessSetup, life: Life) -> None:
    """Serves until the run stops; the end of training is not yet it."""
    life.outlive_training()
    config, number = setup.config, setup.role_index
    torch.set_num_threads(config.inference.num_threads)
    game = make_game(config.env)
    server = InferenceServer(
        config,
        game.spec,
        game.action_planes(),
        weights=attach_weights(setup),
        num_floats=setup.num_floats,
        socket=ServerSocket(server_address(Path(setup.socket_dir), number)),
        block=life.block,
        epoch=life.block.get(Counter.EPOCH),
        number=number,
        device_spans=life.telemetry.thread_spans(ThreadTrack.DEVICE, number),
    )
    try:
        while not server.take_newest_weights() and not life.should_stop():
            life.wait(WEIGHTS_SECONDS)
        life.ready()
        while not life.should_stop():
            server.serve_once()
    finally:
        server.close()


class InFlight(NamedTuple):
    """A batch in the device.

    Attributes:
        staged: its requests.
        version: of the weights that answer.
        submitted: when the device got it, in seconds on the monotonic clock.
        assembled: the same in nanoseconds while spans are recorded, else 0.
    """

    staged: StagedBatch
    version: int
    submitted: float
    assembled: int


class InferenceServer:
    """Socket, batcher and device. While the device computes one batch, the next one is received, checked and submitted behind it, and
    the replies of the one before are sent.

    Args:
        config: the run.
        spec, action_planes: the game.
        weights: where the learner publishes.
        num_floats: W, floats of the network.
        socket: its end of the wire; closed with the server.
        block: its numbers.
        epoch: which start of the server this is.
        number: which server of the run this is.
        device_spans: records what the device does; nothing does by default.

    Attributes:
        device: network and hidden states.
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
        number: int = 0,
        device_spans: SpanRecorder | None = None,
    ) -> None:
        self._wire = make_wire(config, spec, number)
        self._weights, self._socket, self._block, self._epoch = weights, socket, block, epoch
        self._answers = Answering(socket, block, epoch)
        self._values = np.zeros(num_floats, dtype=np.float32)
        self.device = make_device(config, spec, action_planes, number)
        self._batcher = make_batcher(config)
        self._stagings = deque(Staging(self._wire, capacity_of(config, number)) for _ in range(MAX_IN_FLIGHT))  # the first is free
        self._in_flight: deque[InFlight] = deque()
        self._device_idle_since = time.monotonic()
        self._patience_seconds = config.supervisor.heartbeat_timeout_seconds
        self._expected_leaves = leaves_in_flight(config, number)
        self._search_is_here: set[int] = set()
        self._computing: dict[int, int] = {}  # client -> its request in the device
        self._last_look = self._thawed = time.monotonic()
        self._mean_fill = 0.0
        self._spans, self._device_spans = block.spans, device_spans or silent_recorder()

    def take_newest_weights(self) -> bool:
        """Takes over the newest weights if they are not in use yet; returns whether there are any. The first ones take seconds:
        what the device needs is then compiled or captured. Call it while nothing is in flight.
        """
        if self._has_new_weights():
            began = self._spans.begin()
            self.device.load(self._values, self._weights.read(self._values))
            self._spans.end(SpanKind.SWAP_WEIGHTS, began, self.device.version)
            self._block.set(Counter.PUBLISHED_VERSION, self.device.version)
        return self.device.version > 0

    def serve_once(self) -> None:
        """Sends what is done, takes in what is there, and then gives the device a batch, or waits a moment for something to happen.

        Weights are swapped only here, when the batches in flight are done; none is submitted meanwhile.
        """
        began = time.monotonic()
        self._send_answers()
        if not self._in_flight:
            self.take_newest_weights()
        self._receive()
        now = time.monotonic()
        batch_seconds = self._batch_seconds(now)
        if batch_seconds <= 0.0:
            self._submit(now)
        self._require_live_device(now)
        seconds = min(IDLE_SECONDS, batch_seconds, self.device.seconds_left(now))
        worked = time.monotonic()
        self._block.add(Counter.BUSY_NANOSECONDS, int(1e9 * (worked - began)))
        if seconds > 0.0:
            self._wait(seconds)
            self._block.add(Counter.WAIT_NANOSECONDS, int(1e9 * (time.monotonic() - worked)))

    def close(self) -> None:
        """Closes socket and device."""
        self._socket.close()
        self.device.close()

    def _has_new_weights(self) -> bool:
        return self._weights.version != self.device.version

    def _require_live_device(self, now: float) -> None:
        """Raises PeerDied if the device is stuck: this thread goes on beating, so that nobody else would notice. After a time in which this
        process was stopped itself, the device gets all of its time again.
        """
        if now - self._last_look > FROZEN_SECONDS:
            self._thawed = now
        self._last_look = now
        if self._in_flight and now - max(self._in_flight[0].submitted, self._device_idle_since, self._thawed) > self._patience_seconds:
            raise PeerDied(f"the inference device has computed one batch for {self._patience_seconds:g} s: it is stuck or far too slow.")

    def _batch_seconds(self, now: float) -> float:
        """Returns how long the next batch should still be collected, as far as this moment knows."""
        is_possible = len(self._in_flight) < self.device.max_in_flight and not (self._in_flight and self._has_new_weights())
        return self._batcher.seconds_to_wait(now, None if self._in_flight else self._device_idle_since) if is_possible else inf

    def _wait(self, seconds: float) -> None:
        """Waits for a request, or for the device; for the device alone where no request may be taken in."""
        began = self._spans.begin()
        if self._batcher.is_full:
            select.select(self.device.descriptors, [], [], seconds)
        else:
            self._socket.wait(seconds, *self.device.descriptors)
        self._spans.end(SpanKind.IDLE, began)

    def _receive(self) -> None:
        """Takes in requests until there are none, or the batch is full; answers at once those that cannot be computed."""
        began, num_received = self._spans.begin(), 0
        while not self._batcher.is_full and (received := self._socket.receive()) is not None:
            identity, message = received
            num_received += 1
            try:
                header, client = self._wire.parse_request(message)
            except BadMessage:
                self._answers.refuse(identity, message)
                continue
            if header.kind == Kind.RECURRENT and (header.epoch != self._epoch or client.index not in self._search_is_here):
                self._answers.tell(identity, Kind.STALE, header)
            elif self._computing.get(client.index) != header.request_id:  # else sent again while the device computes it: its reply comes
                self._batcher.add(Pending(identity, header, client, message, self._spans.begin()), time.monotonic())
        if num_received:
            self._spans.end(SpanKind.GATHER, began, num_received)

    def _submit(self, now: float) -> None:
        """Gives the device the batch that was collected."""
        began = self._spans.begin()
        staged = self._stagings[0].fill(self._batcher.take())
        for pending in staged.refused:
            self._answers.refuse(pending.identity, pending.message)
        self._batcher.answered([pending.client.index for pending in staged.refused], now)
        self._search_is_here.update(pending.client.index for pending in staged.roots)
        if staged.num_leaves:
            assembled = self._spans.end(SpanKind.ASSEMBLE, began, staged.num_leaves)
            self._in_flight.append(InFlight(staged, self.device.version, time.monotonic(), assembled))
            self._computing |= {pending.client.index: pending.header.request_id for pending in (*staged.roots, *staged.leaves)}
            self.device.submit(staged.batch)
            self._stagings.rotate()  # only now: a batch that was refused whole leaves its memory free, and the other's in flight
            self._record_queued(staged, assembled)

    def _send_answers(self) -> None:
        """Sends the replies of the batches that are done."""
        while (finished := self.device.take()) is not None:  # asked even with nothing in flight: it raises if its thread died
            done, began = self._in_flight.popleft(), self._spans.begin()
            for requests, reply in ((done.staged.roots, finished.answer.initial), (done.staged.leaves, finished.answer.recurrent)):
                if reply is not None:
                    self._answers.reply(requests, reply, done.version)
            self._batcher.answered(done.staged.clients, time.monotonic())
            for client in done.staged.clients:
                self._computing.pop(client, None)
            self._spans.end(SpanKind.REPLY, began, done.staged.num_leaves)
            self._count(done, finished.moment)

    def _record_queued(self, staged: StagedBatch, assembled: int) -> None:
        """Records how long each request of a batch waited for the device, while spans are recorded."""
        if assembled:
            for pending in (*staged.roots, *staged.leaves):
                number = request_number(pending.client.index, pending.header.request_id)
                self._spans.record(SpanKind.QUEUED, pending.received, assembled, number)

    def _count(self, done: InFlight, finished: float) -> None:
        """Counts a batch; the device had it from when it was submitted or from when the one before was done."""
        leaves, block = done.staged.num_leaves, self._block
        block.add(Counter.DEVICE_BUSY_NANOSECONDS, int(1e9 * (finished - max(done.submitted, self._device_idle_since))))
        self._record_forward(done, finished)
        self._device_idle_since = finished
        block.add(Counter.BATCHES, 1)
        block.add(Counter.REQUESTS, len(done.staged.clients))
        block.add(Counter.SIMULATIONS, leaves)
        self._mean_fill += 0.01 * (leaves / self._expected_leaves - self._mean_fill)
        block.set_gauge(Gauge.BATCH_FILL, min(1.0, self._mean_fill))
        block.add(Counter.PROGRESS)

    def _record_forward(self, done: InFlight, finished: float) -> None:
        """Records the time of the device, which computes one batch after another, while spans are recorded."""
        if done.assembled:
            begin = max(done.assembled, int(1e9 * self._device_idle_since))
            self._device_spans.record(SpanKind.FORWARD, begin, max(begin, int(1e9 * finished)), done.staged.num_leaves)


if __name__ == "__main__":
    main(run)
