"""The processor as an inference device: in the server's own thread, or in one beside it. What is computed is inference_core.py's."""

import os
import time
from collections import deque
from math import inf

import torch

from engine.inference_core import InferenceCore
from engine.inference_device import MAX_IN_FLIGHT, Answer, Batch, Finished
from engine.worker_thread import WorkerThread
from muzero.types import Float32Array

THREAD_PAYS_SECONDS = 2e-3
"""A forward pass of a usual batch that takes longer runs in a thread of its own. Handing over a batch and its answer costs 0.07 ms of
processor time, receiving and replying meanwhile wins about as much where a core is free for it (measured with 8 to 32 leaves)."""


class CpuDevice:
    """Computes in `submit` itself where that takes no longer than handing it over; else in a thread, while the server's receives and
    replies: torch lets go of the interpreter in its operations.

    Args:
        core: network and hidden states; an attribute as well.
        typical_batch: leaves in a usual forward pass.
        num_threads: threads of a forward pass.
    """

    def __init__(self, core: InferenceCore, *, typical_batch: int, num_threads: int) -> None:
        self.version, self.max_in_flight = core.version, 1
        self.descriptors: tuple[int, ...] = ()
        self.core = core
        self._typical_batch, self._num_threads = typical_batch, num_threads
        self._worker: WorkerThread[Answer] | None = None
        self._finished: deque[Finished] = deque()

    def load(self, values: Float32Array, version: int) -> None:
        """See InferenceDevice. The first weights decide, by a measurement, whether there is a thread."""
        self.core.load(values, version)
        is_first, self.version = self.version == 0, version
        if is_first and len(os.sched_getaffinity(0)) > 1 and self.core.forward_seconds(self._typical_batch) > THREAD_PAYS_SECONDS:
            self.start_thread()

    def start_thread(self) -> None:
        """Computes in a thread from now on; call it while no batch is in flight."""
        self._worker = WorkerThread("network", lambda: torch.set_num_threads(self._num_threads))
        self.descriptors, self.max_in_flight = (self._worker.descriptor,), MAX_IN_FLIGHT

    def submit(self, batch: Batch) -> None:
        """See InferenceDevice."""
        if self._worker is None:
            self._finished.append(Finished(self.core.answer(batch), time.monotonic()))
        else:
            self._worker.put(lambda: self.core.answer(batch))

    def seconds_left(self, now: float) -> float:
        """See InferenceDevice."""
        return 0.0 if self._finished else inf

    def take(self) -> Finished | None:
        """See InferenceDevice."""
        if self._worker is None:
            return self._finished.popleft() if self._finished else None
        result = self._worker.take()
        return None if result is None else Finished(*result)

    def close(self) -> None:
        """See InferenceDevice."""
        if self._worker is not None:
            self._worker.close()
