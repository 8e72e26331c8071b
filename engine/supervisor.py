"""Decides over the life of the roles of a run: starts, watches, restarts and ends them; imports neither torch nor Numba.

How one process is started and signalled is `engine/child.py`; what it does with its life is `engine/process_life.py`. A child
ends with its supervisor by three ways: the kernel's parent-death signal, the death pipe, and `kill`.
"""

import os
import select
import signal
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from engine.child import KILL_SECONDS, Child
from engine.config import SupervisorConfig
from engine.errors import MachineProblem, RunFailed
from engine.layout import Control, State
from engine.process_life import ProcessSetup, final_error
from engine.telemetry import ProcessBlock, Telemetry

FIRST_BACK_OFF_SECONDS = 0.5
LONGEST_BACK_OFF_SECONDS = 30.0
DEATH_WINDOW_SECONDS = 60.0
SETTLED_SECONDS = 5.0
"""A role that dies sooner after it got ready failed to start. Such deaths are counted by themselves: where a start takes long,
too few of them fall into one window."""
TERMINATE_SECONDS = 5.0
"""Time between SIGTERM and SIGKILL when a role does not end by itself."""
DRAIN_TICK_SECONDS = 0.1


@dataclass(frozen=True)
class Role:
    """One process of the run.

    Attributes:
        name: unique name, for example "actor-3".
        module: what `python -m` runs.
        index: its number among its like.
        process_index: its block in telemetry.
        environment: variables set for it on top of the supervisor's own.
    """

    name: str
    module: str
    index: int
    process_index: int
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class _Watch:
    """What is known of a role; times are monotonic, in seconds."""

    role: Role
    block: ProcessBlock
    child: Child | None = None
    restart_count: int = 0
    ready_at: float | None = None
    restart_at: float | None = None
    exit_code: int | None = None
    deaths: deque[float] = field(default_factory=deque)
    failed_starts: int = 0
    words_of_first_death: str = ""


class Supervisor:
    """Keeps the roles of a run alive; all methods belong to the main thread.

    (The kernel's parent-death signal fires when the *thread* that started a child ends.)
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
            run_dir: the run folder; output of a role goes to `logs/<role>.log`.
            on_event: told each death and restart in one line.
            on_start: called before each start of a role.
            pass_fds: descriptors every child inherits.
        """
        self._make_setup, self._telemetry, self._config, self._run_dir = make_setup, telemetry, config, run_dir
        self._on_event, self._on_start, self._pass_fds = on_event, on_start, pass_fds
        self._watches = [_Watch(role, telemetry.block(role.process_index)) for role in roles]
        self._death_pipe = list(os.pipe())
        self._poller = select.poll()
        self._last_round_at = self._forgiven_at = time.monotonic()
        self._is_ending = False
        self.restarts = 0

    @property
    def states(self) -> dict[str, str]:
        """State name of each role."""
        return {watch.role.name: watch.block.state.name for watch in self._watches}

    @property
    def pids(self) -> dict[str, int]:
        """Process id of each role that runs."""
        return {watch.role.name: child.pid for watch, child in self._running()}

    def start(self) -> None:
        """Starts all roles.

        Raises:
            MachineProblem: the machine has no room for all of them.
        """
        (self._run_dir / "logs").mkdir(parents=True, exist_ok=True)
        self._last_round_at = time.monotonic()
        for watch in self._watches:
            self._start(watch)

    def poll(self, seconds: float = 0.0) -> None:
        """Does one round: waits for a death, then reaps, kills the silent and starts what is due. Call it several times a second.

        Args:
            seconds: longest wait for a death.

        Raises:
            RunFailed: a role died too often within a minute, or failed to start too often in a row; carries its first
                traceback. The others still run.
            MachineProblem: the machine has no room for one more process.
            MuZeroError: a role ended by what no restart can mend; its sentence and its exit code. The others still run.
        """
        self._poller.poll(1000 * seconds)
        self._forgive_if_late(seconds)
        for watch in self._watches:
            if watch.ready_at is None and watch.block.state == State.READY:
                watch.ready_at = time.monotonic()
            self._reap(watch)
            self._kill_if_silent(watch)
            self._restart_if_due(watch)

    def drain(self, seconds: float, force: Callable[[], bool]) -> bool:
        """Waits until all roles ended by themselves after a stop was asked for, then ends the rest: SIGTERM, 5 s, SIGKILL.

        Args:
            seconds: how long they may take.
            force: asked several times a second; once it returns True the rest is killed at once.

        Returns:
            Whether every role ended with exit code 0.
        """
        self._end_restarts()
        self._wait_for_all(seconds, force)
        for watch, child in self._running():
            self._on_event(f"{watch.role.name} did not stop within {seconds:g} s: SIGTERM")
            child.terminate()
        self._wait_for_all(TERMINATE_SECONDS, force)
        self.kill()
        return all(watch.exit_code == 0 for watch in self._watches)

    def kill(self) -> None:
        """Kills what still runs and releases everything; nothing can be started any more."""
        self._end_restarts()
        for watch, child in self._running():
            self._on_event(f"{watch.role.name} is killed")
            child.kill()
        self._wait_for_all(KILL_SECONDS, lambda: False)
        while self._death_pipe:
            os.close(self._death_pipe.pop())

    # -- one role -------------------------------------------------------------------------------------------------------------

    def _start(self, watch: _Watch) -> None:
        if threading.current_thread() is not threading.main_thread():
            raise RuntimeError("roles must be started from the main thread: they are killed when the thread that started them ends")
        role, read_end = watch.role, self._death_pipe[0]
        self._on_start(role, watch.restart_count)
        watch.block.set_state(State.STARTING)
        watch.ready_at = None
        setup = msgspec.structs.replace(self._make_setup(role, watch.restart_count), death_pipe_fd=read_end, supervisor_pid=os.getpid())
        try:
            watch.child = Child(role.module, setup, role.environment, self._log_path(role), (*self._pass_fds, read_end))
        except OSError as error:
            raise MachineProblem(
                f"{role.name} could not be started ({error}): give fewer --actors, or raise the limits of processes and open files "
                "(ulimit -u, ulimit -n)."
            ) from error
        self._poller.register(watch.child.pidfd, select.POLLIN)

    def _restart_if_due(self, watch: _Watch) -> None:
        if watch.restart_at is not None and time.monotonic() >= watch.restart_at:
            watch.restart_at = None
            watch.restart_count += 1
            self.restarts += 1
            self._start(watch)

    def _reap(self, watch: _Watch, cause: str | None = None) -> None:
        """Notices that a child ended and decides what follows."""
        child = watch.child
        if child is None or (exit_code := child.reap()) is None:
            return
        self._poller.unregister(child.pidfd)
        child.close()
        watch.child, watch.exit_code = None, exit_code
        has_ended = any(self._telemetry.control(word) for word in (Control.STOP_REQUESTED, Control.TRAINING_ENDED))
        is_stopping = self._is_ending or has_ended
        is_good = exit_code == 0 and is_stopping
        watch.block.set_state(State.STOPPED if is_good else State.FAILED)
        if is_good:
            return
        cause = cause or _cause_of(exit_code)
        if is_stopping:
            self._on_event(f"{watch.role.name} {cause} while stopping")
        else:
            error = final_error(exit_code, self._run_dir, watch.role.name, watch.restart_count)
            if error is not None:
                raise error
            self._plan_restart(watch, child, cause)

    def _plan_restart(self, watch: _Watch, child: Child, cause: str) -> None:
        now, name = time.monotonic(), watch.role.name
        while watch.deaths and now - watch.deaths[0] > DEATH_WINDOW_SECONDS:
            watch.deaths.popleft()
        is_failed_start = watch.ready_at is None or now - watch.ready_at < SETTLED_SECONDS
        watch.failed_starts = watch.failed_starts + 1 if is_failed_start else 0
        if not watch.deaths and watch.failed_starts <= 1:
            watch.words_of_first_death = child.last_words()
        watch.deaths.append(now)
        count = max(len(watch.deaths), watch.failed_starts)
        if count > self._config.max_restarts_per_minute:
            how = f"within {DEATH_WINDOW_SECONDS:g} s" if count == len(watch.deaths) else "in a row before or just after it was ready"
            raise RunFailed(
                f"{name} died {count} times {how}, at last it {cause}; see {self._log_path(watch.role)}. "
                f"The first death:\n{watch.words_of_first_death}"
            )
        delay = min(LONGEST_BACK_OFF_SECONDS, FIRST_BACK_OFF_SECONDS * 2.0 ** (count - 1))
        watch.restart_at = now + delay
        self._on_event(f"{name} {cause}: starting it again in {delay:g} s")

    def _kill_if_silent(self, watch: _Watch) -> None:
        """Kills a child that lives but does not beat, or does not get ready."""
        child, config = watch.child, self._config
        if child is None:
            return
        if watch.block.state == State.STARTING:
            since, timeout, complaint = child.started_at, config.startup_timeout_seconds, "was not ready after"
        else:
            since, timeout, complaint = watch.block.heartbeat_ns / 1e9, config.heartbeat_timeout_seconds, "was silent for"
        seconds = time.monotonic() - max(since, self._forgiven_at)
        if seconds > timeout:
            child.kill_showing_its_stack()
            self._reap(watch, f"{complaint} {seconds:.1f} s and was killed")

    def _log_path(self, role: Role) -> Path:
        return self._run_dir / "logs" / f"{role.name}.log"

    # -- all roles ------------------------------------------------------------------------------------------------------------

    def _forgive_if_late(self, waited_seconds: float) -> None:
        """Lets every silence count anew when this process itself stood still: then the others may have, too."""
        now = time.monotonic()
        if now - self._last_round_at - waited_seconds > self._config.heartbeat_timeout_seconds / 2:
            self._forgiven_at = now
        self._last_round_at = now

    def _end_restarts(self) -> None:
        self._is_ending = True
        for watch in self._watches:
            watch.restart_at = None

    def _running(self) -> list[tuple[_Watch, Child]]:
        return [(watch, watch.child) for watch in self._watches if watch.child is not None]

    def _wait_for_all(self, seconds: float, force: Callable[[], bool]) -> None:
        deadline = time.monotonic() + seconds
        while self._running() and time.monotonic() < deadline and not force():
            self._poller.poll(1000 * DRAIN_TICK_SECONDS)
            for watch, _ in self._running():
                self._reap(watch)


def _cause_of(exit_code: int) -> str:
    return f"was killed by {signal.Signals(-exit_code).name}" if exit_code < 0 else f"ended with exit code {exit_code}"
