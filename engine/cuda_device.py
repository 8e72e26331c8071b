"""A GPU as an inference device: batches are queued on a stream, a thread waits for their events. CUDA only.

While one batch computes the next one is queued behind it, so that the GPU goes from one to the other by itself.
"""

from collections.abc import Callable
from functools import partial
from math import inf

import torch

from engine.cuda_graphs import pinned_like
from engine.inference_core import InferenceCore
from engine.inference_device import MAX_IN_FLIGHT, Answer, Batch, Finished
from engine.worker_thread import WorkerThread
from muzero.types import Float32Array, InitialReply, RecurrentReply


class CudaDevice:
    """Queues batches on the stream of the core's graphs.

    Args:
        core: network and hidden states on a GPU; an attribute as well.
    """

    def __init__(self, core: InferenceCore) -> None:
        self.version, self.max_in_flight = core.version, MAX_IN_FLIGHT
        self.core = core
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
        with torch.cuda.stream(stream):
            answer = [tensor.float() for tensor in self.core.begin_roots(batch.slot, batch.observation)]
            host = [pinned_like(tensor).copy_(tensor, non_blocking=True) for tensor in answer]
        version = self.version
        return lambda: InitialReply(host[0].numpy(), host[1].numpy(), version)


def _answer(done: torch.cuda.Event, initial: Callable[[], InitialReply] | None, recurrent: Callable[[], RecurrentReply] | None) -> Answer:
    done.synchronize()
    return Answer(initial and initial(), recurrent and recurrent())
