"""A process of a benchmark that is asked line by line: it prints one line when it is ready and one for each question. No measuring."""

import os
import select
import subprocess
import sys
from contextlib import suppress
from typing import TypeVar

import msgspec

from engine.child import module_path
from engine.errors import PeerDied

ANSWER_SECONDS = 300.0
"""Longest wait for an answer: a server starts, and measures which variant of the network is fastest."""
Answer = TypeVar("Answer")


class BenchChild:
    """One such process. It ends when its input does, so it cannot outlive this process.

    Args:
        module: what it runs, for example "launch.bench_server".
        task: its one argument, as JSON.
    """

    def __init__(self, module: str, task: msgspec.Struct) -> None:
        self._module = module
        self._process = subprocess.Popen(
            [sys.executable, "-m", module, msgspec.json.encode(task).decode()],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"PYTHONPATH": module_path(), "OMP_NUM_THREADS": "1"},
        )

    def wait_until_ready(self, longest_seconds: float = ANSWER_SECONDS) -> None:
        """Waits for its first line.

        Args:
            longest_seconds: longest wait.

        Raises:
            PeerDied: it ended, or said nothing for so long.
        """
        self._line(longest_seconds)

    def ask(self, question: str) -> None:
        """Sends a line."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{question}\n")
        self._process.stdin.flush()

    def answer(self, kind: type[Answer]) -> Answer:
        """Returns its next line, which is JSON of this type.

        Raises:
            PeerDied: it ended, or said nothing for long.
        """
        return msgspec.json.decode(self._line(), type=kind)

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def close(self, patience_seconds: float = 0.0) -> None:
        """Ends it.

        Args:
            patience_seconds: how long it may take to end by itself, once its input has ended.
        """
        if patience_seconds:
            with suppress(subprocess.TimeoutExpired):
                self._process.communicate(timeout=patience_seconds)
        self._process.kill()
        self._process.communicate(timeout=10)

    def _line(self, longest_seconds: float = ANSWER_SECONDS) -> str:
        output = self._process.stdout
        assert output is not None
        line = output.readline() if select.select([output], [], [], longest_seconds)[0] else ""
        if not line:
            raise PeerDied(f"{self._module} gave no answer in {longest_seconds:.0f} s or died: see what it printed above.")
        return line


def next_question(wait_seconds: float) -> str | None:
    """Returns the next line on stdin, without its end; an empty one where there will be no more; None if none came in time.

    Args:
        wait_seconds: longest wait.
    """
    if not select.select([sys.stdin], [], [], wait_seconds)[0]:
        return None
    return sys.stdin.readline().rstrip("\n")


def print_answer(answer: object) -> None:
    """Prints an answer as one line of JSON."""
    print(msgspec.json.encode(answer).decode(), flush=True)
