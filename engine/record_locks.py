"""Locks that die with their holder: single bytes of a file that nobody maps or reads. What they protect is decided elsewhere.

They are record locks (`fcntl`): unlike `flock` they exclude processes that inherited the descriptor. They belong to a process,
not to a thread, and closing any descriptor of the file drops all of the process's locks, so the file must serve no other purpose.
"""

import contextlib
import fcntl
import os
import struct
import time
from collections.abc import Iterator

from engine.errors import PeerDied

SHORTEST_PAUSE_SECONDS = 20e-6
LONGEST_PAUSE_SECONDS = 2e-3
FLOCK_FORMAT = "hhqqi4x"
"""struct flock of 64-bit Linux: type, whence, start, length, process."""


class RecordLocks:
    """The locks of one lock file, seen from one process."""

    def __init__(self, fd: int | None) -> None:
        """Uses the descriptor of a lock file, or nothing: then every lock is free and holding one is a formality."""
        self._fd = fd

    @contextlib.contextmanager
    def hold(self, byte: int, deadline: float) -> Iterator[None]:
        """Holds one byte.

        Args:
            byte: number of the lock.
            deadline: time.monotonic() at which to give up.

        Raises:
            PeerDied: a live process held it past the deadline.
        """
        if self._fd is None:
            yield
            return
        _take(self._fd, byte, deadline)
        try:
            yield
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, 1, byte)

    def is_free(self, byte: int) -> bool:
        """Returns whether no other process holds this byte."""
        if self._fd is None:
            return True
        question = struct.pack(FLOCK_FORMAT, fcntl.F_WRLCK, os.SEEK_SET, byte, 1, 0)
        answer = fcntl.fcntl(self._fd, fcntl.F_GETLK, question)
        return bool(struct.unpack(FLOCK_FORMAT, answer)[0] == fcntl.F_UNLCK)


def create_lock_file(name: str) -> int:
    """Returns the descriptor of a new lock file that lives in memory, to be inherited by children."""
    return os.memfd_create(name, os.MFD_CLOEXEC)


def pauses() -> Iterator[None]:
    """Yields for ever: at once the first time, then after pauses that double up to LONGEST_PAUSE_SECONDS."""
    pause_seconds = SHORTEST_PAUSE_SECONDS
    yield
    while True:
        time.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
        yield


def _take(fd: int, byte: int, deadline: float) -> None:
    for _ in pauses():
        with contextlib.suppress(BlockingIOError, PermissionError):
            fcntl.lockf(fd, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, byte)
            return
        if time.monotonic() > deadline:
            raise PeerDied(f"a live process held lock {byte} of the ring too long: resume or kill the stopped process.")
