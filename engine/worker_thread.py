"""A thread that does one job after the other and rings a descriptor at each that is done. It does not know what the jobs are."""

import os
import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Generic, TypeVar

Result = TypeVar("Result")
LOOK_SECONDS = 1.0
"""How often an idle thread looks whether it should end, should nobody tell it."""
END_SECONDS = 5.0


class WorkerThread(Generic[Result]):
    """Jobs go in, results come out in the same order; an exception of a job comes out where its result would, with its traceback.

    Args:
        name: of the thread.
        begin: called first in the thread; if it fails, its exception is the only result and no job is done.

    Attributes:
        descriptor: readable while there are results.
    """

    def __init__(self, name: str, begin: Callable[[], None] = lambda: None) -> None:
        self.descriptor = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_SEMAPHORE)
        self._jobs: queue.SimpleQueue[Callable[[], Result] | None] = queue.SimpleQueue()
        self._results: deque[tuple[Result | BaseException, float]] = deque()
        self._is_open = True
        self._thread = threading.Thread(target=self._run, args=(begin,), name=name, daemon=True)
        self._thread.start()

    def put(self, job: Callable[[], Result]) -> None:
        """Adds a job."""
        self._jobs.put(job)

    def take(self) -> tuple[Result, float] | None:
        """Returns the oldest result and when it was there, on the monotonic clock; None if there is none.

        Raises:
            BaseException: what the job, or the thread's begin, raised.
        """
        if not self._results:
            return None
        result, moment = self._results.popleft()
        os.eventfd_read(self.descriptor)  # it was rung, or is about to be
        if isinstance(result, BaseException):
            raise result
        return result, moment

    def close(self) -> None:
        """Ends the thread after the job it is at, and waits for it a while."""
        self._is_open = False
        self._jobs.put(None)
        self._thread.join(END_SECONDS)
        if not self._thread.is_alive():
            os.close(self.descriptor)

    def _run(self, begin: Callable[[], None]) -> None:
        failure = _done(begin)
        if failure is not None:
            self._add(failure)
            return
        while self._is_open:
            try:
                job = self._jobs.get(timeout=LOOK_SECONDS)
            except queue.Empty:
                continue
            if job is not None:
                self._add(_done(job))

    def _add(self, result: Result | BaseException) -> None:
        self._results.append((result, time.monotonic()))
        os.eventfd_write(self.descriptor, 1)


def _done(job: Callable[[], Result]) -> Result | BaseException:
    try:
        return job()
    except BaseException as error:
        return error
