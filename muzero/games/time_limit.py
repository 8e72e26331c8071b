"""A time limit on what a user's code does, by the process's timer. What is limited, and how long it may take, is not in here."""

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from muzero.errors import UserError


@contextmanager
def time_limit(seconds: float, sentence: str) -> Iterator[None]:
    """Raises a UserError inside the block once it takes too long; in other threads than the main one nothing is limited.

    Code that is not Python's and never comes back to it cannot be interrupted.

    Args:
        seconds: longest time of the block, above 0.
        sentence: of the error.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def give_up(number: int, frame: FrameType | None) -> None:
        raise UserError(sentence)

    began, handler = time.monotonic(), signal.signal(signal.SIGALRM, give_up)
    left, interval = signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0.0)
        signal.signal(signal.SIGALRM, handler)
        if left:  # somebody else's timer was running
            signal.setitimer(signal.ITIMER_REAL, max(left - (time.monotonic() - began), 1e-3), interval)
