"""A supervisor over dummy roles and ways to wait for it, for the tests of supervision; run alone it supervises until killed."""

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.config import RunConfig, SupervisorConfig
from engine.layout import Control, telemetry_layout
from engine.process_life import ProcessSetup
from engine.shared_memory import Segment
from engine.supervisor import Role, Supervisor
from engine.telemetry import Telemetry

WAIT_SECONDS = 20.0


@dataclass(frozen=True)
class Process:
    """A process and when it started, which tells it from a later one of the same number."""

    pid: int
    parent: int = field(compare=False)
    start_time: str

    def is_running(self) -> bool:
        """Returns whether it still runs (a zombie does not)."""
        return _read_process(self.pid) == self

    def send(self, signal_number: signal.Signals) -> None:
        """Sends it a signal."""
        os.kill(self.pid, signal_number)


def _read_process(pid: int) -> Process | None:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] == "Z" else Process(pid, int(fields[1]), fields[19])


def children_of(pid: int) -> list[Process]:
    """Returns the running children of a process."""
    everyone = (_read_process(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdigit())
    return [process for process in everyone if process is not None and process.parent == pid]


class Supervision:
    """A supervisor of dummy roles, its telemetry and what it reported."""

    def __init__(self, run_dir: Path, behaviours: dict[str, str], **settings: Any) -> None:
        self.run_dir = run_dir
        self.num_processes = len(behaviours)
        self.segment = Segment.create("telemetry", telemetry_layout(self.num_processes))
        self.telemetry = Telemetry(self.segment.arrays)
        self.events: list[str] = []
        self.starts: list[tuple[str, int]] = []
        roles = [
            Role(name, "tests.engine.dummy_role", index, index, {"DUMMY_BEHAVIOUR": behaviour})
            for index, (name, behaviour) in enumerate(behaviours.items())
        ]
        self.supervisor = Supervisor(
            roles,
            self._setup,
            self.telemetry,
            SupervisorConfig(**settings),
            run_dir,
            self.events.append,
            lambda role, restart_count: self.starts.append((role.name, restart_count)),
            (self.segment.fd,),
        )

    @property
    def num_running(self) -> int:
        """Roles whose process runs, and does so as our child."""
        return len(children_of(os.getpid()))

    def _setup(self, role: Role, restart_count: int) -> ProcessSetup:
        return ProcessSetup(
            role=role.name,
            role_index=role.index,
            process_index=role.process_index,
            restart_count=restart_count,
            config=RunConfig(),
            run_dir=str(self.run_dir),
            socket_dir="",
            ring_fd=-1,
            lock_fd=-1,
            weights_fd=-1,
            telemetry_fd=self.segment.fd,
            num_processes=self.num_processes,
            num_floats=0,
        )

    def poll_until(self, condition: Callable[[], bool]) -> None:
        """Supervises until a condition holds, and fails when it does not within 20 s."""
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            assert time.monotonic() < deadline, (self.events, self.supervisor.states)
            self.supervisor.poll(0.02)

    def until_ready(self) -> None:
        """Supervises until all roles are ready."""
        self.poll_until(lambda: set(self.supervisor.states.values()) == {"READY"})

    def process(self, name: str) -> Process:
        """Returns the process of a role, which has its name as last argument."""
        ending = f"\0{name}\0".encode()
        return next(child for child in children_of(os.getpid()) if Path(f"/proc/{child.pid}/cmdline").read_bytes().endswith(ending))

    def log(self, name: str) -> str:
        """Returns the log of a role."""
        return (self.run_dir / "logs" / f"{name}.log").read_text()

    def stop(self, seconds: float, force: Callable[[], bool] = lambda: False) -> bool:
        """Asks for a stop and drains."""
        self.telemetry.set_control(Control.STOP_REQUESTED, 1)
        return self.supervisor.drain(seconds, force)


if __name__ == "__main__":
    names = ("only_death_pipe", "only_parent_death_signal", "")
    supervision = Supervision(Path(sys.argv[1]), {f"dummy-{index}": behaviour for index, behaviour in enumerate(names)})
    supervision.supervisor.start()
    supervision.until_ready()
    print("loaded:", *({"torch", "numba"} & sys.modules.keys()), flush=True)
    while True:
        supervision.supervisor.poll(0.1)
