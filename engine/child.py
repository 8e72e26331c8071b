"""One child process: started with exec, watched by a pidfd, signalled, reaped. When and why is `engine/supervisor.py`.

Never fork without exec: CUDA, ZeroMQ and OpenMP do not survive it.
"""

import os
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import msgspec

from engine.process_life import ProcessSetup

STACK_DUMP_SECONDS = 0.2
"""Time that a silent process gets to write its stack to its log before it is killed."""
KILL_SECONDS = 10.0
"""Longest wait for the kernel to end a process after SIGKILL."""
NUM_LAST_LINES = 20
LAST_WORDS_BYTES = 65_536


class Child:
    """A process of the run, from its start until it is reaped; close it then.

    Attributes:
        pid: its process id.
        pidfd: readable once it has ended.
        started_at: monotonic time of its start, in seconds.
    """

    def __init__(self, module: str, setup: ProcessSetup, environment: dict[str, str], log_path: Path, pass_fds: tuple[int, ...]) -> None:
        """Starts the process in a session of its own: a Ctrl-C in the terminal must not reach it.

        Args:
            module: what `python -m` runs.
            setup: what it is told.
            environment: variables set for it on top of this process's own.
            log_path: the file its output is appended to.
            pass_fds: descriptors it inherits.
        """
        setup_fd = _in_memory(msgspec.json.encode(setup))
        with log_path.open("ab") as log:
            self._log_path, self._log_start = log_path, log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", module, str(setup_fd), setup.role],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": module_path()} | environment,
                pass_fds=(*pass_fds, setup_fd),
                start_new_session=True,
            )
        os.close(setup_fd)
        self.pid = self._process.pid
        self.pidfd = os.pidfd_open(self.pid)
        self.started_at = time.monotonic()

    def reap(self) -> int | None:
        """Returns the exit code once the process has ended (minus the signal that killed it), before that None."""
        return self._process.poll()

    def close(self) -> None:
        """Closes the pidfd."""
        os.close(self.pidfd)

    def terminate(self) -> None:
        """Asks the process to end."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the process and its descendants in its session. Its number is its own until it is reaped."""
        if self.reap() is None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)

    def kill_showing_its_stack(self) -> None:
        """Lets the process write to its log where it is stuck, then kills it and waits for its end."""
        self._signal(signal.SIGUSR1)
        self._wait(STACK_DUMP_SECONDS)
        self.kill()
        self._wait(KILL_SECONDS)

    def last_words(self) -> str:
        """Returns the last lines that the process left in its log: a traceback, when it had one to show."""
        with self._log_path.open("rb") as log:
            log.seek(max(self._log_start, self._log_path.stat().st_size - LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").rstrip().splitlines()
        return "\n".join(lines[-NUM_LAST_LINES:])

    def _signal(self, signal_number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self.pidfd, signal_number)

    def _wait(self, seconds: float) -> None:
        """Waits for the end of the process, at most that long."""
        poller = select.poll()
        poller.register(self.pidfd, select.POLLIN)
        poller.poll(1000 * seconds)


def _in_memory(content: bytes) -> int:
    """Returns a descriptor from which the content can be read once."""
    descriptor = os.memfd_create("muzero-setup")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def module_path() -> str:
    """Returns a PYTHONPATH with which a child finds exactly the modules that its supervisor found."""
    return os.pathsep.join(path or os.getcwd() for path in sys.path)
