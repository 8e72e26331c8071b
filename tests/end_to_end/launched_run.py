"""A run started by the real command line, watched from outside: its output, its numbers, its processes. No assertions of tests."""

import json
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

from tests.engine.run_examples import start_launch, tiny_flags

PATIENCE_SECONDS = 90.0
"""Generous: the machine that runs the tests may be busy with anything."""


class LaunchedRun:
    """A running `muzero-launch --json-logs`; killed at the end of the block whatever happened.

    Attributes:
        process: the supervisor.
        lines: what it printed.
    """

    def __init__(self, run_dir: Path, *arguments: str, socket_base: Path | None = None) -> None:
        self.run_dir = run_dir
        self.lines: list[str] = []
        self._started_at = datetime.now(UTC).isoformat(timespec="milliseconds")
        environment = {"XDG_RUNTIME_DIR": str(socket_base)} if socket_base else None
        self.process = start_launch(*arguments, "--json-logs", environment=environment)
        self._reader = threading.Thread(target=self._read, name="output")
        self._reader.start()

    @classmethod
    def new(cls, run_dir: Path, *more: str, socket_base: Path | None = None) -> Self:
        """Starts a tiny run of two actors; `more` wins over the tiny flags."""
        return cls(run_dir, *tiny_flags(run_dir, "--actors", "2", *more), socket_base=socket_base)

    @classmethod
    def resumed(cls, run_dir: Path, *more: str, socket_base: Path | None = None) -> Self:
        """Goes on with the run in a folder."""
        return cls(run_dir, "--run-dir", str(run_dir), "--resume", *more, socket_base=socket_base)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=PATIENCE_SECONDS)
        self._reader.join(timeout=PATIENCE_SECONDS)
        if self.process.stdout is not None:
            self.process.stdout.close()

    @property
    def output(self) -> str:
        return "".join(self.lines)

    @property
    def messages(self) -> list[str]:
        """The sentences it said."""
        events = [json.loads(line) for line in list(self.lines) if line.startswith("{")]
        return [event["text"] for event in events if event["event"] == "message"]

    def exit_code(self) -> int:
        """Waits for the end."""
        code = self.process.wait(timeout=PATIENCE_SECONDS)
        self._reader.join(timeout=PATIENCE_SECONDS)
        return code

    def metrics(self) -> list[dict[str, Any]]:
        """Returns the metrics of this start so far, one record a second."""
        path = self.run_dir / "metrics.jsonl"
        whole_lines = path.read_text().rpartition("\n")[0].splitlines() if path.exists() else []
        return [record for record in map(json.loads, whole_lines) if record["time"] >= self._started_at]

    def newest(self) -> dict[str, Any]:
        """Returns the newest metrics, or zeros."""
        records = self.metrics()
        return records[-1] if records else {"learner_steps": 0, "env_steps": 0, "roles": {}, "restarts": 0}

    def wait_for(self, what: str, is_so: Callable[[], Any]) -> None:
        """Waits until something is so, as long as the run lives."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_so():
            if time.monotonic() > deadline or self.process.poll() is not None:
                raise AssertionError(f"waited in vain for {what}:\n{self.output}")
            time.sleep(0.05)

    def wait_for_steps(self, steps: int) -> None:
        self.wait_for(f"learner step {steps}", lambda: self.newest()["learner_steps"] >= steps)

    def roles(self) -> dict[str, int]:
        """Returns the process id of each role that runs."""
        return {name: pid for pid, name in _children(self.process.pid).items()}

    def interrupt(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def _read(self) -> None:
        assert self.process.stdout is not None
        self.lines.extend(iter(self.process.stdout.readline, ""))


def _children(parent: int) -> dict[int, str]:
    """Returns the roles that this supervisor started: process id -> name, the last word of the command line."""
    names = {}
    for pid in subprocess.run(["pgrep", "-P", str(parent)], capture_output=True, text=True, check=False).stdout.split():
        try:
            words = Path("/proc", pid, "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it has just ended
        if any(word.startswith(b"engine.processes.") for word in words):
            names[int(pid)] = words[-2].decode()
    return names


def is_alive(pid: int) -> bool:
    """Returns whether a process runs; one that waits to be reaped does not."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
