"""Keeps C++ libraries from writing to the terminal; Python's own exceptions and warnings are not caught here."""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_ONE_AT_A_TIME = threading.Lock()
"""Two threads at once would save each other's redirection and lose stderr for good."""


@contextmanager
def silent_stderr() -> Iterator[None]:
    """Sends stderr of the whole process to nowhere; for a moment only, because other threads lose what they write as well.

    OpenSpiel writes each of its errors there before it raises it, up to 130 lines, and has no setting against it.
    """
    if sys.stderr is None:  # closed from outside: another file may have got its number
        yield
        return
    with _ONE_AT_A_TIME, open(os.devnull, "w") as nowhere:
        sys.stderr.flush()
        saved = os.dup(2)
        os.dup2(nowhere.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(saved, 2)
            os.close(saved)
