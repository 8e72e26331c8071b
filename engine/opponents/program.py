"""Another program that is spoken to line by line, with a timeout on every answer. What is said is the matter of `gtp.py` and `uci.py`."""

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from engine.errors import MachineProblem
from muzero.errors import OpponentFailed, UserError

ANSWER_SECONDS = 60.0
"""Longest wait for a line."""
TICK_SECONDS = 0.25
END_SECONDS = 5.0
"""Longest wait for the kernel to end a program after SIGKILL."""
MOST_BYTES = 1 << 20
"""A line longer than this is no line."""
MORE_FOLDERS = "/usr/games:/usr/local/games"
"""Where Debian puts games, which is not in everybody's PATH."""
PACKAGES = {"gnugo": "gnugo", "stockfish": "stockfish"}
DIE_WITH_PARENT = """import ctypes, os, sys
ctypes.CDLL(None).prctl(1, 9)
os.getppid() == int(sys.argv[1]) or os._exit(1)
os.execv(sys.argv[2], sys.argv[2:])"""
"""Asks the kernel to kill the program with the process that started it, looks whether that died before, then becomes the program. In a
Python of its own, because code between fork and exec is unsafe beside threads; 15 ms."""


def find_command(opponent: str, text: str) -> list[str]:
    """Returns a command line as its parts, the first one a path.

    Args:
        opponent: name in full, for messages.
        text: the command line as in a shell, without anything that only a shell does.

    Raises:
        UserError: it is empty or its quotes are not closed.
        MachineProblem: there is no such program.
    """
    try:
        parts = shlex.split(text)
    except ValueError as error:
        raise UserError(f"opponent '{opponent}' has the command '{text}' ({error}): correct it.") from None
    if not parts:
        raise UserError(f"opponent '{opponent}' names no program: write its command behind the colon.")
    path = shutil.which(parts[0]) or shutil.which(parts[0], path=MORE_FOLDERS)
    if path is None:
        remedy = f"apt-get install {PACKAGES[parts[0]]}" if parts[0] in PACKAGES else "install it or correct its name"
        raise MachineProblem(f"opponent '{opponent}': {parts[0]} is not installed: {remedy}.")
    return [path, *parts[1:]]


class Program:
    """A running program; close it at the end."""

    def __init__(self, opponent: str, command: Sequence[str], on_wait: Callable[[], object]) -> None:
        """Starts it, in a session of its own: a Ctrl-C in the terminal must not reach it.

        Args:
            opponent: name in full, for messages.
            command: from `find_command`.
            on_wait: called several times a second while a line is waited for.
        """
        self._opponent, self._on_wait, self._unread = opponent, on_wait, b""
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115, closed with the program
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", DIE_WITH_PARENT, str(os.getpid()), *command],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            bufsize=0,
            start_new_session=True,
        )
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout
        os.set_blocking(self._output.fileno(), False)
        self._poll = select.poll()
        self._poll.register(self._output.fileno(), select.POLLIN)

    def say(self, lines: Sequence[str]) -> None:
        """Writes these lines; they are few and short, so that no pipe fills up.

        Raises:
            OpponentFailed: the program is gone.
        """
        try:
            self._input.write("".join(f"{line}\n" for line in lines).encode())
        except OSError:
            raise self.failed("it ended") from None

    def hear(self, timeout_seconds: float = ANSWER_SECONDS, *, silence: str = "") -> str:
        """Returns the next line, without white space at its ends.

        Args:
            timeout_seconds: longest wait for it.
            silence: what to say where none came; "" for the plain sentence.

        Raises:
            OpponentFailed: the program is gone, silent for too long, or talks without end.
        """
        deadline = time.monotonic() + timeout_seconds
        while b"\n" not in self._unread:
            left = deadline - time.monotonic()
            if left <= 0:
                raise self.failed(silence or f"it did not answer within {timeout_seconds:g} s")
            self._on_wait()
            if self._poll.poll(1000 * min(TICK_SECONDS, left)):
                self._read()
        line, _, self._unread = self._unread.partition(b"\n")
        return line.decode(errors="replace").strip()

    def failed(self, what: str) -> OpponentFailed:
        """Returns the error for what happened, with the program's last words."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(0.1)  # its exit code, if it is ending
        code = self._process.poll()
        self._errors.seek(max(0, self._errors.seek(0, os.SEEK_END) - 500))
        last_words = self._errors.read().decode(errors="replace").strip().rpartition("\n")[2]
        ended = "" if code is None else f", exit code {code}"
        words = f", and its last words were '{last_words}'" if last_words else ""
        return OpponentFailed(f"opponent '{self._opponent}' cannot go on: {what}{ended}{words}; try its command in a terminal.")

    def close(self) -> None:
        """Kills the program and all it started, and waits for its end."""
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._input.close()
        self._output.close()
        self._errors.close()
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(END_SECONDS)

    def _read(self) -> None:
        """Takes what the program has written."""
        chunk = self._output.read(1 << 16)
        if chunk == b"":
            raise self.failed("it ended")
        self._unread += chunk or b""
        if b"\n" not in self._unread and len(self._unread) > MOST_BYTES:
            raise self.failed(f"it wrote more than {MOST_BYTES} bytes without an end of line")
