"""Assembles training batches in a background thread, so that the learner never waits for data it could have had.

The thread is the only one that touches the Replay; the learner gets filled batches, gives them back with priorities, and stops
the thread between two batches while it saves.
"""

import queue
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from engine.layout import SpanKind
from engine.replay import Replay
from engine.trace import SpanRecorder, silent_recorder
from muzero.types import Batch, Float32Array, Int64Array

WAIT_SECONDS = 0.02


class Prefetcher:
    """The thread and its batches.

    Args:
        replay: where positions are drawn.
        num_batches: batches assembled ahead.
        may_draw: given the batches drawn so far and the fresh samples in them, returns whether the governors let one more be drawn;
            called in the thread.
        spans: records what the thread does; nothing does by default.

    Attributes:
        batches_drawn: batches drawn so far.
        fresh_drawn: samples in them whose policy targets are fresh.
    """

    def __init__(self, replay: Replay, num_batches: int, may_draw: Callable[[int, int], bool], spans: SpanRecorder | None = None) -> None:
        self.batches_drawn = 0
        self.fresh_drawn = 0
        self._replay = replay
        self._may_draw = may_draw
        self._spans = spans or silent_recorder()
        self._free: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._ready: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._priorities: queue.SimpleQueue[tuple[Int64Array, Float32Array]] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._should_stop = threading.Event()
        self._failure: BaseException | None = None
        for _ in range(num_batches + 1):
            self._free.put(replay.make_batch_buffers())
        self._thread = threading.Thread(target=self._run, name="prefetch", daemon=True)
        self._thread.start()

    @property
    def is_ready(self) -> bool:
        """Whether a batch is there."""
        return not self._ready.empty()

    def get(self) -> Batch | None:
        """Returns the next batch, or None if none was ready in a moment; to be given back with `put_back`.

        Raises:
            Whatever ended the thread.
        """
        if self._failure is not None:
            raise self._failure
        try:
            return self._ready.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            return None

    def put_back(self, batch: Batch, priority: Float32Array) -> None:
        """Gives a batch back for reuse, with the new priorities (float32 [B]) of its samples."""
        self._priorities.put((batch.row.copy(), priority))
        self._free.put(batch)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Keeps the thread off the Replay while its state is read."""
        with self._lock:
            self._apply_priorities()
            yield

    def close(self) -> None:
        """Ends the thread."""
        self._should_stop.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        try:
            while not self._should_stop.is_set():
                self._turn()
        except BaseException as failure:
            self._failure = failure

    def _turn(self) -> None:
        with self._lock:
            began = self._spans.begin()
            self._apply_priorities()
            self._replay.ingest()
            self._spans.end(SpanKind.INGEST, began)
        try:
            batch = self._free.get(timeout=WAIT_SECONDS)
        except queue.Empty:
            return
        if self._may_draw(self.batches_drawn, self.fresh_drawn) and self._draw(batch):
            self._ready.put(batch)
        else:
            self._free.put(batch)
            self._should_stop.wait(WAIT_SECONDS / 4)

    def _draw(self, batch: Batch) -> bool:
        with self._lock:
            began = self._spans.begin()
            was_drawn = self._replay.sample(batch)
            self._spans.end(SpanKind.SAMPLE, began, len(batch.row))
        self.batches_drawn += was_drawn
        self.fresh_drawn += int(batch.is_fresh.sum()) if was_drawn else 0
        return was_drawn

    def _apply_priorities(self) -> None:
        while not self._priorities.empty():
            self._replay.update_priorities(*self._priorities.get())
