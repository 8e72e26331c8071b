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
        self._is_forgiven = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        self.first = self.first or number
        self.count += 1

    def forgive(self) -> None:
        """Makes the exit code 0: the run had ended by itself before the first signal, and lost nothing by it."""
        self._is_forgiven = True

    @property
    def exit_code(self) -> int:
        """0 without a signal or after `forgive`, else 128 + the number of the first one."""
        return 0 if self.first is None or self._is_forgiven else 128 + self.first

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handles the signals while the block runs."""
        previous = {number: signal.signal(number, self.handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)
