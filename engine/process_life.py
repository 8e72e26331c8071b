"""The life of a child process, the same for every role: how it starts, shows that it lives, notices that it must end, and ends.

What a role does in between is its `run`, in `engine/processes`; who starts, watches and restarts it is `engine/supervisor.py`.
"""

import ctypes
import faulthandler
import logging
import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn

import msgspec

from engine.config import RunConfig
from engine.errors import CorruptCheckpoint, MachineProblem
from engine.layout import Control, Counter, State, telemetry_layout
from engine.shared_memory import Segment
from engine.telemetry import Telemetry
from muzero.errors import EnvironmentFailed, MuZeroError, UserError

LOOK_INTERVAL_NANOSECONDS = 50_000_000
"""How often a process beats and looks whether it must end, at most: `should_stop` may be called in the hottest loop."""
PR_SET_PDEATHSIG = 1
FINAL_ERRORS = (UserError, MachineProblem, CorruptCheckpoint, EnvironmentFailed)
"""A process that ends by one of them would end by it again: it is not restarted, the run ends."""
FINAL_EXIT_BASE = 100
"""Added to the exit code of a final error, so that the supervisor can tell it from a crash."""
REPLACEABLE_OOM_SCORE_ADJUSTMENT = 500
"""When memory runs out the kernel takes an actor or a reanalyzer, which are replaced in seconds, before a learner."""

logger = logging.getLogger(__name__)


class ProcessSetup(msgspec.Struct, frozen=True, kw_only=True):
    """All that a child is told at its start.

    Attributes:
        role: its name, for example "actor-3", "server", "learner", "reanalyzer-0", "evaluator".
        role_index: its number among its like.
        process_index: its block in telemetry.
        restart_count: how often it was started before.
        config: the settings of the run.
        run_dir: the run folder.
        socket_dir: the private folder of the run's sockets.
        ring_fd: inherited descriptor of the replay ring.
        lock_fd: inherited descriptor of the ring's lock file.
        weights_fd: inherited descriptor of the weights.
        telemetry_fd: inherited descriptor of the telemetry.
        num_processes: blocks in telemetry.
        num_floats: W, floats of the network.
        resume_from: checkpoint folder to begin from, if any.
        death_pipe_fd: readable once the supervisor is gone; filled in by the supervisor.
        supervisor_pid: process id of the supervisor; filled in by the supervisor.
    """

    role: str
    role_index: int
    process_index: int
    restart_count: int
    config: RunConfig
    run_dir: str
    socket_dir: str
    ring_fd: int
    lock_fd: int
    weights_fd: int
    telemetry_fd: int
    num_processes: int
    num_floats: int
    resume_from: str | None = None
    death_pipe_fd: int = -1
    supervisor_pid: int = 0


class Life:
    """What a running process says of itself and asks of its supervisor."""

    def __init__(self, setup: ProcessSetup, telemetry: Telemetry) -> None:
        """Begins the life of a process, in state STARTING.

        Args:
            setup: what it was told.
            telemetry: the run's numbers.
        """
        self.setup = setup
        self.telemetry = telemetry
        self.block = telemetry.block(setup.process_index)
        self._must_stop = self._training_has_ended = self._outlives_training = False
        self._next_look_ns = 0
        self._death_pipe = select.poll()
        self._death_pipe.register(setup.death_pipe_fd, select.POLLIN)
        self.block.set_state(State.STARTING)
        self.block.beat()

    def ready(self) -> None:
        """Says that everything is attached and work begins."""
        self.block.beat()
        self.block.set_state(State.READY)
        logger.info("ready")

    def progress(self) -> None:
        """Counts one unit of useful work."""
        self.block.add(Counter.PROGRESS)

    def outlive_training(self) -> None:
        """From now on the end of training alone is no reason to stop: the last weights are still to be played."""
        self._outlives_training = True

    def should_stop(self) -> bool:
        """Returns whether to end: training ended, a stop was asked for, SIGTERM came, or the supervisor is gone. Beats as well; cheap
        to call.
        """
        now_ns = time.monotonic_ns()
        if now_ns >= self._next_look_ns:
            self._next_look_ns = now_ns + LOOK_INTERVAL_NANOSECONDS
            self._look(timeout_milliseconds=0)
        return self._has_reason_to_stop

    def wait(self, seconds: float) -> None:
        """Waits, beating; returns early when there is reason to stop.

        Args:
            seconds: longest wait.
        """
        deadline = time.monotonic() + seconds
        while not self._has_reason_to_stop and (left := deadline - time.monotonic()) > 0:
            self._look(timeout_milliseconds=1000 * min(left, LOOK_INTERVAL_NANOSECONDS / 1e9))

    def request_stop(self, signal_number: int, frame: FrameType | None) -> None:
        """Notes a SIGTERM; a signal handler."""
        self._must_stop = True

    @property
    def _has_reason_to_stop(self) -> bool:
        return self._must_stop or (self._training_has_ended and not self._outlives_training)

    def _look(self, timeout_milliseconds: float) -> None:
        self.block.beat()
        supervisor_is_gone = bool(self._death_pipe.poll(timeout_milliseconds))
        if supervisor_is_gone and not self._must_stop:
            logger.warning("the supervisor is gone")
        self._training_has_ended = bool(self.telemetry.control(Control.TRAINING_ENDED))
        if supervisor_is_gone or self.telemetry.control(Control.STOP_REQUESTED):
            self._must_stop = True


def main(run: Callable[[ProcessSetup, Life], None]) -> NoReturn:
    """Lives a whole life and exits: 0 when `run` returned, 1 when it raised, FINAL_EXIT_BASE more for what a restart cannot mend.

    The process is started by the supervisor with the inherited descriptor that holds its setup as first argument (and its name as
    second, for `ps`).

    Args:
        run: the role; calls `life.ready()` itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    setup = _read_setup(int(sys.argv[1]))
    die_with(setup.supervisor_pid)
    _start_log(setup.role)
    _prefer_as_oom_victim(setup.role)
    segment = Segment.attach(setup.telemetry_fd, telemetry_layout(setup.num_processes, setup.config.inference.num_servers))
    life = Life(setup, Telemetry(segment.arrays))
    signal.signal(signal.SIGTERM, life.request_stop)
    logger.info("started as process %d", os.getpid())
    sys.exit(_live(run, setup, life))


def _live(run: Callable[[ProcessSetup, Life], None], setup: ProcessSetup, life: Life) -> int:
    """Runs the role and returns the exit code; a failure leaves its traceback in the log and in the crash folder."""
    try:
        run(setup, life)
    except FINAL_ERRORS as error:
        _report_crash(setup, str(error))
        life.block.set_state(State.FAILED)
        return FINAL_EXIT_BASE + error.exit_code
    except Exception:
        _report_crash(setup, traceback.format_exc())
        life.block.set_state(State.FAILED)
        return 1
    life.block.set_state(State.STOPPED)
    logger.info("stopped")
    return 0


def _report_crash(setup: ProcessSetup, text: str) -> None:
    logger.exception("failed")
    with suppress(OSError):  # the log has it too
        path = crash_path(Path(setup.run_dir), setup.role, setup.restart_count)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def crash_path(run_dir: Path, role: str, restart_count: int) -> Path:
    """Returns where a process leaves what it ended by."""
    return run_dir / "crash" / f"{role}-{restart_count}.txt"


def final_error(exit_code: int, run_dir: Path, role: str, restart_count: int) -> MuZeroError | None:
    """Returns the error by which a process ended if no restart can mend it, else None.

    Args:
        exit_code: of the process.
        run_dir, role, restart_count: which process.
    """
    if not FINAL_EXIT_BASE < exit_code <= FINAL_EXIT_BASE + max(error.exit_code for error in FINAL_ERRORS):
        return None
    path = crash_path(run_dir, role, restart_count)
    sentence = path.read_text() if path.is_file() else f"{role} ended with exit code {exit_code}, see logs/{role}.log of the run"
    error = MuZeroError(sentence)
    error.exit_code = exit_code - FINAL_EXIT_BASE
    return error


def _read_setup(setup_fd: int) -> ProcessSetup:
    with os.fdopen(setup_fd, "rb") as file:
        return msgspec.json.decode(file.read(), type=ProcessSetup)


def die_with(supervisor_pid: int) -> None:
    """Makes the kernel kill this process when its supervisor ends, however it ends.

    The signal is lost when the supervisor ended before it was asked for: hence the look at the parent afterwards.
    """
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != supervisor_pid:
        sys.exit("the supervisor was gone before this process began")


def _start_log(role: str) -> None:
    """Sends log lines, and stacks on a crash or on SIGUSR1, to stderr, which the supervisor made the log file of the role."""
    handler = logging.StreamHandler()
    formatter = logging.Formatter(f"%(asctime)s.%(msecs)03dZ {role} %(levelname)s %(message)s", "%Y-%m-%dT%H:%M:%S")
    formatter.converter = time.gmtime
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    faulthandler.enable()
    faulthandler.register(signal.SIGUSR1)


def _prefer_as_oom_victim(role: str) -> None:
    if role.startswith(("actor", "reanalyzer")):
        with suppress(OSError):  # not every container has it writable
            Path("/proc/self/oom_score_adj").write_text(str(REPLACEABLE_OOM_SCORE_ADJUSTMENT))
