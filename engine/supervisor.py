"""Starts the roles of a run, watches them, starts them again when they die, and ends them; imports neither torch nor Numba.

What a child does with its life is `engine/process_life.py`. Roles are direct children, started with exec (never fork: CUDA,
ZeroMQ and OpenMP do not survive it) in their own session (a Ctrl-C in the terminal must not reach them). A child ends with its
supervisor by three ways: the kernel's parent-death signal, the death pipe, and `kill`.
"""

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.config import SupervisorConfig
from engine.errors import RunFailed
from engine.layout import Control, State
from engine.process_life import ProcessSetup
from engine.telemetry import ProcessBlock, Telemetry

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0
DEATH_WINDOW_SECONDS = 60.0
TERMINATE_SECONDS = 5.0
"""Time between SIGTERM and SIGKILL when a role does not end by itself."""
KILL_SECONDS = 10.0
"""Longest wait for the kernel to end a process after SIGKILL."""
STACK_DUMP_SECONDS = 0.2
"""Time that a silent process gets to write its stack to its log before it is killed."""
DRAIN_TICK_SECONDS = 0.1
NUM_LAST_LINES = 20
LAST_WORDS_BYTES = 65_536


@dataclass(frozen=True)
class Role:
    """One process of the run.

    Attributes:
        name: unique name, for example "actor-3".
        module: what `python -m` runs.
        index: its number among its like.
        process_index: its block in telemetry.
        environment: variables set for it on top of the supervisor's own.
        may_finish: whether ending by itself with exit code 0 is no death.
    """

    name: str
    module: str
    index: int
    process_index: int
    environment: dict[str, str] = field(default_factory=dict)
    may_finish: bool = False


@dataclass
class _Child:
    """A role and its process of the moment; times are monotonic, in seconds."""

    role: Role
    block: ProcessBlock
    process: subprocess.Popen[bytes] | None = None
    pidfd: int = -1
    started_at: float = 0.0
    start_at: float | None = None
    restart_count: int = 0
    exit_code: int | None = None
    killed_because: str = ""
    deaths: deque[float] = field(default_factory=deque)
    last_words_of_first_death: str = ""
    log_start: int = 0


class Supervisor:
    """Keeps the roles of a run alive; all methods belong to the main thread.

    (The kernel's parent-death signal fires when the thread that started a child ends.)
    """

    def __init__(
        self,
        roles: list[Role],
        make_setup: Callable[[Role, int], ProcessSetup],
        telemetry: Telemetry,
        config: SupervisorConfig,
        run_dir: Path,
        on_event: Callable[[str], None],
        on_start: Callable[[Role, int], None] = lambda role, restart_count: None,
        pass_fds: tuple[int, ...] = (),
    ) -> None:
        """Prepares; starts nothing.

        Args:
            roles: the processes to run.
            make_setup: what to tell a role at its start, given how often it was started before.
            telemetry: the run's numbers.
            config: timeouts and restarts.
            run_dir: the run folder; logs go to `logs/<role>.log`.
            on_event: told each death and restart in one line.
            on_start: called before each start of a role.
            pass_fds: descriptors every child inherits.
        """
        self._make_setup, self._telemetry, self._config, self._run_dir = make_setup, telemetry, config, run_dir
        self._on_event, self._on_start, self._pass_fds = on_event, on_start, pass_fds
        self._children = [_Child(role, telemetry.block(role.process_index)) for role in roles]
        self._poller = select.poll()
        self._death_pipe = list(os.pipe())
        self._last_round_at = self._forgiven_at = time.monotonic()
        self.restarts = 0

    @property
    def states(self) -> dict[str, str]:
        """State name of each role."""
        return {child.role.name: child.block.state.name for child in self._children}

    def start(self) -> None:
        """Starts all roles."""
        (self._run_dir / "logs").mkdir(parents=True, exist_ok=True)
        self._last_round_at = self._forgiven_at = time.monotonic()
        for child in self._children:
            self._start(child)

    def poll(self, seconds: float = 0.0) -> None:
        """Does one round: waits for a death, then reaps, kills the silent and starts what is due. Call it several times a second.

        Args:
            seconds: longest wait for a death.

        Raises:
            RunFailed: a role died too often within a minute; carries its first traceback. The others still run.
        """
        self._poller.poll(1000 * seconds)
        self._forgive_if_late(seconds)
        for child in self._children:
            self._reap(child)
            self._kill_if_silent(child)
            self._start_if_due(child)

    def all_stopped(self) -> bool:
        """Returns whether no process runs and none is to be started again."""
        return all(child.process is None and child.start_at is None for child in self._children)

    def drain(self, seconds: float, force: Callable[[], bool]) -> bool:
        """Waits until all roles ended by themselves after a stop was asked for, then ends the rest: SIGTERM, 5 s, SIGKILL.

        Args:
            seconds: how long they may take.
            force: asked several times a second; once it returns True the rest is killed at once.

        Returns:
            Whether every role ended with exit code 0.
        """
        for child in self._children:
            child.start_at = None
        self._wait_for_all(seconds, force)
        for child in self._alive():
            self._on_event(f"{child.role.name} did not stop within {seconds:g} s: SIGTERM")
            self._send(child, signal.SIGTERM)
        self._wait_for_all(TERMINATE_SECONDS, force)
        self.kill()
        return all(child.exit_code == 0 for child in self._children)

    def kill(self) -> None:
        """Kills what still runs, with all its descendants in its session, and releases everything."""
        for child in self._children:
            child.start_at = None
        for child in self._alive():
            self._on_event(f"{child.role.name} is killed")
            self._send(child, signal.SIGKILL)
        self._wait_for_all(KILL_SECONDS, lambda: False)
        for descriptor in self._death_pipe:
            os.close(descriptor)
        self._death_pipe.clear()

    # -- one child ------------------------------------------------------------------------------------------------------------

    def _start(self, child: _Child) -> None:
        _require_main_thread()
        role = child.role
        self._on_start(role, child.restart_count)
        child.block.set_state(State.STARTING)
        child.block.beat()
        setup = self._make_setup(role, child.restart_count)
        read_end = self._death_pipe[0]
        setup_fd = _in_memory(msgspec.json.encode(msgspec.structs.replace(setup, death_pipe_fd=read_end, supervisor_pid=os.getpid())))
        with open(self._log_path(role), "ab") as log:
            child.log_start = log.tell()
            child.process = subprocess.Popen(
                [sys.executable, "-P", "-m", role.module, str(setup_fd), role.name],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=os.environ | {"PYTHONPATH": _module_path()} | role.environment,
                pass_fds=(*self._pass_fds, read_end, setup_fd),
                start_new_session=True,
            )
        os.close(setup_fd)
        child.pidfd = os.pidfd_open(child.process.pid)
        self._poller.register(child.pidfd, select.POLLIN)
        child.started_at, child.start_at, child.exit_code, child.killed_because = time.monotonic(), None, None, ""

    def _start_if_due(self, child: _Child) -> None:
        if child.start_at is not None and time.monotonic() >= child.start_at:
            child.restart_count += 1
            self.restarts += 1
            self._start(child)

    def _reap(self, child: _Child) -> None:
        """Notices that a child ended and decides what follows."""
        if child.process is None or child.process.poll() is None:
            return
        child.exit_code, child.process = child.process.returncode, None
        self._poller.unregister(child.pidfd)
        os.close(child.pidfd)
        stops = self._telemetry.control(Control.STOP_REQUESTED) != 0
        if child.exit_code == 0 and (stops or child.role.may_finish):
            child.block.set_state(State.STOPPED)
            return
        child.block.set_state(State.FAILED)
        self._bury(child, is_last=stops)

    def _bury(self, child: _Child, *, is_last: bool) -> None:
        """Writes down a death and plans the next start, unless the run is stopping."""
        cause = child.killed_because or _cause_of(child.exit_code)
        if is_last:
            self._on_event(f"{child.role.name} {cause} while stopping")
            return
        now = time.monotonic()
        while child.deaths and now - child.deaths[0] > DEATH_WINDOW_SECONDS:
            child.deaths.popleft()
        if not child.deaths:
            child.last_words_of_first_death = self._last_words(child)
        child.deaths.append(now)
        if len(child.deaths) > self._config.max_restarts_per_minute:
            raise RunFailed(
                f"{child.role.name} died {len(child.deaths)} times within {DEATH_WINDOW_SECONDS:g} s, at last it {cause}; "
                f"see {self._log_path(child.role)}. What it first died of:\n{child.last_words_of_first_death}"
            )
        delay = min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2.0 ** (len(child.deaths) - 1))
        child.start_at = now + delay
        self._on_event(f"{child.role.name} {cause}: starting it again in {delay:g} s")

    def _kill_if_silent(self, child: _Child) -> None:
        """Kills a child that lives but does not beat, after its stack went to its log."""
        if child.process is None:
            return
        if child.block.state == State.STARTING:
            since, timeout, what = child.started_at, self._config.startup_timeout_seconds, "was not ready after"
        else:
            since, timeout, what = child.block.heartbeat_ns / 1e9, self._config.heartbeat_timeout_seconds, "was silent for"
        seconds = time.monotonic() - max(since, self._forgiven_at)
        if seconds <= timeout:
            return
        child.killed_because = f"{what} {seconds:.1f} s and was killed"
        self._send(child, signal.SIGUSR1)
        select.select([child.pidfd], [], [], STACK_DUMP_SECONDS)
        self._send(child, signal.SIGKILL)
        select.select([child.pidfd], [], [], KILL_SECONDS)
        self._reap(child)

    # -- all children ---------------------------------------------------------------------------------------------------------

    def _forgive_if_late(self, waited_seconds: float) -> None:
        """Lets every silence count anew when this process itself stood still: then the others may have, too."""
        now = time.monotonic()
        if now - self._last_round_at - waited_seconds > self._config.heartbeat_timeout_seconds / 2:
            self._forgiven_at = now
        self._last_round_at = now

    def _alive(self) -> list[_Child]:
        return [child for child in self._children if child.process is not None]

    def _wait_for_all(self, seconds: float, force: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while self._alive() and time.monotonic() < deadline and not force():
            self._poller.poll(1000 * DRAIN_TICK_SECONDS)
            for child in self._alive():
                self._reap(child)

    @staticmethod
    def _send(child: _Child, signal_number: signal.Signals) -> None:
        """Signals a child; SIGKILL goes to its whole session. It is not reaped yet, so its number is still its own."""
        if child.process is None:
            return
        with suppress(ProcessLookupError):
            if signal_number == signal.SIGKILL:
                os.killpg(child.process.pid, signal_number)
            else:
                signal.pidfd_send_signal(child.pidfd, signal_number)

    def _log_path(self, role: Role) -> Path:
        return self._run_dir / "logs" / f"{role.name}.log"

    def _last_words(self, child: _Child) -> str:
        """Returns the last lines that this start of a child left in its log; a traceback, when it had one to show."""
        path = self._log_path(child.role)
        with path.open("rb") as log:
            log.seek(max(child.log_start, path.stat().st_size - LAST_WORDS_BYTES))
            lines = log.read().decode(errors="replace").rstrip().splitlines()
        return "\n".join(lines[-NUM_LAST_LINES:])


def _cause_of(exit_code: int | None) -> str:
    if exit_code is not None and exit_code < 0:
        return f"was killed by {signal.Signals(-exit_code).name}"
    return f"ended with exit code {exit_code}"


def _in_memory(content: bytes) -> int:
    """Returns a descriptor from which the content can be read once."""
    descriptor = os.memfd_create("muzero-setup")
    os.write(descriptor, content)
    os.lseek(descriptor, 0, os.SEEK_SET)
    return descriptor


def _module_path() -> str:
    """Returns a PYTHONPATH with which a child finds exactly the modules that its supervisor found."""
    return os.pathsep.join(path or os.getcwd() for path in sys.path)


def _require_main_thread() -> None:
    if threading.current_thread() is not threading.main_thread():
        raise RuntimeError("the supervisor must run in the main thread: children are killed when the thread that started them ends")
