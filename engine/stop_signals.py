"""SIGINT and SIGTERM of the supervisor: the first asks for a clean end, the second for an end now. What ends is not decided here."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class StopSignals:
    """Counts SIGINT and SIGTERM: the first asks for a clean end, the second for an end now."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.count = 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        self.first = self.first or number
        self.count += 1

    @property
    def exit_code(self) -> int:
        """0 without a signal, else 128 + its number."""
        return 0 if self.first is None else 128 + self.first

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handles the signals while the block runs."""
        previous = {number: signal.signal(number, self.handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
