"""A GPU as an inference device: batches are queued on a stream, a thread waits for their events. CUDA only.

While one batch computes the next one is queued behind it, so that the GPU goes from one to the other by itself.
"""

from collections import deque
from collections.abc import Callable
from functools import partial
from math import inf

import torch

from engine.inference_core import InferenceCore
from engine.inference_device import MAX_IN_FLIGHT, Answer, Batch, Finished
from engine.root_buffers import RootBuffers
from engine.worker_thread import WorkerThread
from muzero.types import Float32Array, GameSpec, InitialReply, RecurrentReply


class CudaDevice:
    """Queues batches on the stream of the core's graphs.

    Args:
        core: network and hidden states on a GPU; an attribute as well.
        spec: the game.
    """

    def __init__(self, core: InferenceCore, spec: GameSpec) -> None:
        self.version, self.max_in_flight = core.version, MAX_IN_FLIGHT
        self.core = core
        self._roots = deque(RootBuffers(spec, core.max_batch, core.device) for _ in range(MAX_IN_FLIGHT))  # the first is free
        self._worker: WorkerThread[Answer] = WorkerThread("events", partial(torch.cuda.set_device, core.device))
        self.descriptors: tuple[int, ...] = (self._worker.descriptor,)

    def load(self, values: Float32Array, version: int) -> None:
        """See InferenceDevice."""
        self.core.load(values, version)
        self.version = version

    @torch.inference_mode()
    def submit(self, batch: Batch) -> None:
        """See InferenceDevice."""
        assert self.core.graphs is not None, "submit comes after the first weights"
        stream = self.core.graphs.stream
        initial = self._begin_roots(batch, stream)
        recurrent = self.core.graphs.begin(*batch.rows) if batch.rows.shape[1] else None
        done = torch.cuda.Event(blocking=True)  # type: ignore[no-untyped-call]
        done.record(stream)
        self._worker.put(partial(_answer, done, initial, recurrent))

    def seconds_left(self, now: float) -> float:
        """See InferenceDevice."""
        return inf

    def take(self) -> Finished | None:
        """See InferenceDevice."""
        result = self._worker.take()
        return None if result is None else Finished(*result)

    def close(self) -> None:
        """See InferenceDevice."""
        self._worker.close()

    def _begin_roots(self, batch: Batch, stream: torch.cuda.Stream) -> Callable[[], InitialReply] | None:
        """Queues the roots of a batch; returns what reads their answer, None where there are none."""
        if batch.observation is None:
            return None
        buffers = self._roots[0]
        self._roots.rotate()
        with torch.cuda.stream(stream):
            staged = buffers.stage(batch.observation, batch.slot * self.core.num_nodes)
            value, policy_logits = buffers.fetch(*self.core.begin_roots(*staged))
        version = self.version
        return lambda: InitialReply(value, policy_logits, version)


def _answer(done: torch.cuda.Event, initial: Callable[[], InitialReply] | None, recurrent: Callable[[], RecurrentReply] | None) -> Answer:
    done.synchronize()
    return Answer(initial and initial(), recurrent and recurrent())
