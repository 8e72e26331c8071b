"""Results of a worker thread come in order, ring a descriptor, and bring the exceptions of their jobs."""

import select
import threading
import traceback

import pytest

from engine.worker_thread import WorkerThread


def next_result(worker: WorkerThread[int]) -> int:
    assert select.select([worker.descriptor], [], [], 10.0)[0], "the descriptor never rang"
    result = worker.take()
    assert result is not None
    return result[0]


def test_results_come_in_the_order_of_their_jobs_and_each_rings_once() -> None:
    worker: WorkerThread[int] = WorkerThread("test")
    for number in range(5):
        worker.put(lambda number=number: number)  # type: ignore[misc]
    assert [next_result(worker) for _ in range(5)] == [0, 1, 2, 3, 4]
    assert not select.select([worker.descriptor], [], [], 0.0)[0]
    assert worker.take() is None
    worker.close()


def test_nothing_is_there_while_the_first_job_is_under_way() -> None:
    worker, may_end = WorkerThread[int]("test"), threading.Event()
    worker.put(lambda: int(may_end.wait(10.0)))
    assert worker.take() is None
    may_end.set()
    assert next_result(worker) == 1
    worker.close()


def test_an_exception_of_a_job_comes_out_with_the_line_that_raised_it() -> None:
    def fail() -> int:
        raise ZeroDivisionError("inside the job")

    worker: WorkerThread[int] = WorkerThread("test")
    worker.put(fail)
    with pytest.raises(ZeroDivisionError, match="inside the job") as failure:
        next_result(worker)
    assert "in fail" in "".join(traceback.format_tb(failure.value.__traceback__))
    worker.close()


def test_a_thread_that_cannot_begin_rings_and_brings_its_exception() -> None:
    def begin() -> None:
        raise ValueError("no such device")

    worker: WorkerThread[int] = WorkerThread("test", begin)
    worker.put(lambda: 1)
    with pytest.raises(ValueError, match="no such device"):
        next_result(worker)
    worker.close()


def test_the_thread_ends_when_it_is_closed_and_begins_with_what_it_was_told() -> None:
    threads: list[str] = []
    worker: WorkerThread[int] = WorkerThread("network", lambda: threads.append(threading.current_thread().name))
    worker.put(lambda: 1)
    assert next_result(worker) == 1
    worker.close()
    assert threads == ["network"]
    assert "network" not in [thread.name for thread in threading.enumerate()]
