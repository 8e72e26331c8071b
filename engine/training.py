"""The front door of the engine: `train` runs a whole training run and returns its exit code. Imports neither torch nor Numba.

With actors it creates the shared memory, starts the roles and watches them; without (one process) it drives the same parts
itself. Everything a user sees goes through a Display.
"""

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Literal, Protocol, TypeAlias

from engine.checkpoint_manifest import Checkpoint, newest_checkpoint
from engine.config import RunConfig
from engine.config_text import config_to_toml
from engine.errors import RunFailed
from engine.layout import Control
from engine.metrics_log import MetricsLog
from engine.plan import make_plan, on_device
from engine.run_folder import RunFolder, open_run
from engine.segments import RunSegments
from engine.status import Status, StatusReader
from engine.supervisor import Role, Supervisor
from engine.telemetry import ProcessIndices
from engine.warm_up import warm_up
from muzero.games import make_game

RunMode: TypeAlias = Literal["new", "resume", "restart", "overwrite"]

POLL_SECONDS = 0.1
STATUS_SECONDS = 1.0
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


class Display(Protocol):
    """Where a run shows itself."""

    def start(self, config: RunConfig, run_dir: Path) -> None:
        """Called once, before anything runs."""

    def update(self, status: Status) -> None:
        """Called about once a second."""

    def message(self, text: str) -> None:
        """Called for each event worth a line."""

    def close(self) -> None:
        """Called once, at the end, however the run ended."""


class StopSignals:
    """Counts SIGINT and SIGTERM: the first asks for a clean end, the second for an end now."""

    def __init__(self) -> None:
        self.first: int | None = None
        self.count = 0

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The signal handler."""
        self.first = self.first or number
        self.count += 1

    @property
    def exit_code(self) -> int:
        """0 without a signal, else 128 + its number."""
        return 0 if self.first is None else 128 + self.first

    @contextmanager
    def installed(self) -> Iterator[None]:
        """Handles the signals while the block runs."""
        previous = {number: signal.signal(number, self.handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def train(config: RunConfig, *, run_dir: Path, mode: RunMode, display: Display, command_line: list[str]) -> int:
    """Runs a training run to its end.

    Args:
        config: the whole configuration.
        run_dir: the run's folder.
        mode: what to do with a folder that holds a run already.
        display: where the run shows itself.
        command_line: as typed, for meta.json.

    Returns:
        0 when done, 130 or 143 after a clean end by SIGINT or SIGTERM.

    Raises:
        MuZeroError: for what the user or the machine must change, and when the run failed.
    """
    signals = StopSignals()
    with signals.installed():
        folder = open_run(run_dir, mode, config_toml=config_to_toml(config), command_line=command_line, seed=config.seed)
        with folder:
            display.start(config, run_dir)
            try:
                resume_from = _checkpoint_to_resume(folder, config, mode, display)
                run = _run_in_one_process if config.actors.num_actors == 0 else _run_processes
                run(config, folder, resume_from, display, signals)
            finally:
                display.close()
    return signals.exit_code


def _checkpoint_to_resume(folder: RunFolder, config: RunConfig, mode: RunMode, display: Display) -> Checkpoint | None:
    if mode != "resume":
        return None
    checkpoint = newest_checkpoint(folder.path, display.message, with_replay=True)
    if checkpoint is None:
        display.message("resume: the run has no checkpoint yet, it starts from the beginning")
        return None
    replay = checkpoint.manifest["replay"]
    display.message(
        f"resume: {checkpoint.path.name} with weights, optimizer, schedule, random states, counters "
        f"({checkpoint.manifest['env_steps']} environment steps) and the replay ring ({replay['claimed_trajectories']} trajectories so far)"
    )
    return checkpoint


class Watch:
    """Reads the status once a second, shows and stores it, and decides whether the run should end."""

    def __init__(self, config: RunConfig, folder: RunFolder, display: Display, reader: StatusReader, resumed_at: int | None) -> None:
        self._config = config
        self._display = display
        self._reader = reader
        self._metrics = MetricsLog(folder.path, resumed_at)
        self._started = time.monotonic()
        self._next_look = self._started
        self._evaluations = 0
        self._good_evaluations = 0
        self.reason = ""

    def look(self, roles: dict[str, str], restarts: int) -> bool:
        """Shows the status if a second has passed; returns whether the run should end, with the reason in `reason`."""
        now = time.monotonic()
        if now < self._next_look:
            return bool(self.reason)
        self._next_look = now + STATUS_SECONDS
        self.look_now(roles, restarts)
        minutes = self._config.minutes
        if minutes is not None and now - self._started >= 60 * minutes:
            self.reason = f"the time limit of {minutes:g} minutes is reached"
        return bool(self.reason)

    def look_now(self, roles: dict[str, str], restarts: int) -> None:
        """Shows and stores the status of this moment."""
        status = self._reader.read(time.monotonic(), roles, restarts)
        self._metrics.write(status)
        self._display.update(status)
        self._look_at_evaluation(status)

    def close(self) -> None:
        """Closes the metrics."""
        self._metrics.close()

    def _look_at_evaluation(self, status: Status) -> None:
        if status.evaluations == self._evaluations:
            return
        self._evaluations = status.evaluations
        lines = f", {status.losing_lines} losing lines" if status.losing_lines >= 0 else ""
        self._display.message(f"evaluation at learner step {status.evaluated_step}: score {status.score:g}{lines}")
        evaluation = self._config.evaluation
        if evaluation.stop_score is None:
            return
        self._good_evaluations = self._good_evaluations + 1 if status.score >= evaluation.stop_score else 0
        if self._good_evaluations >= evaluation.stop_evaluations:
            self.reason = f"{self._good_evaluations} evaluations in a row reached the score {evaluation.stop_score:g}"


def _run_in_one_process(
    config: RunConfig, folder: RunFolder, resume_from: Checkpoint | None, display: Display, signals: StopSignals
) -> None:
    from engine.one_process import OneProcessRun  # torch, only where this process computes

    make_plan(config, make_game(config.game).spec, None).check()
    run = OneProcessRun(config, folder.path, resume_from, display.message)
    reader = StatusReader(run.telemetry, config, run.indices)
    watch = Watch(config, folder, display, reader, resume_from.learner_steps if resume_from else None)
    try:
        while not run.is_done and signals.count == 0 and not watch.look({"all": "READY"}, 0):
            run.turn()
        if signals.count:
            display.message("stopping: saving a checkpoint")
        run.save()
    finally:
        watch.close()
    display.message(_farewell(run.is_done, watch.reason, folder))


def _run_processes(config: RunConfig, folder: RunFolder, resume_from: Checkpoint | None, display: Display, signals: StopSignals) -> None:
    display.message("preparing: compiling kernels and measuring the network (once per version, then cached)")
    found = warm_up(config, lambda: signals.count > 0)
    if found is None:
        return
    make_plan(on_device(config, found.device), make_game(config.game).spec, found.num_floats).check()
    display.message(f"inference on {found.device}, learning on {found.learner_device}, network of {found.num_floats} numbers")
    indices = ProcessIndices.of(config.actors.num_actors, has_evaluator=config.evaluation.is_enabled)
    with RunSegments(config, found.num_floats, indices) as segments:
        if resume_from is not None:
            segments.restore_counts(resume_from)
        supervisor = Supervisor(
            _roles(config, indices),
            lambda role, restarts: segments.setup(role, restarts, folder, resume_from),
            segments.telemetry,
            config.supervisor,
            folder.path,
            display.message,
            segments.before_start,
            segments.descriptors,
        )
        watch = Watch(
            config, folder, display, StatusReader(segments.telemetry, config, indices), resume_from.learner_steps if resume_from else None
        )
        try:
            _supervise(supervisor, segments, watch, display, signals, config)
        finally:
            supervisor.kill()
            watch.close()
        is_done = segments.telemetry.control(Control.LEARNER_STEPS) >= config.last_step
        display.message(_farewell(is_done, watch.reason, folder))


def _supervise(
    supervisor: Supervisor, segments: RunSegments, watch: Watch, display: Display, signals: StopSignals, config: RunConfig
) -> None:
    """Starts the roles, watches them until there is a reason to end, and drains them."""
    supervisor.start()
    try:
        while signals.count == 0 and not segments.telemetry.control(Control.STOP_REQUESTED):
            supervisor.poll(POLL_SECONDS)
            if watch.look(supervisor.states, supervisor.restarts):
                break
    except RunFailed:
        display.message("a role keeps dying: saving what there is")
        segments.telemetry.set_control(Control.STOP_REQUESTED, 1)
        supervisor.drain(config.supervisor.drain_seconds, lambda: signals.count > 0)
        raise
    if signals.count:
        display.message("stopping: draining and saving a checkpoint (again to force)")
    segments.telemetry.set_control(Control.STOP_REQUESTED, 1)
    supervisor.drain(config.supervisor.drain_seconds, lambda: signals.count > 1)
    watch.look_now(supervisor.states, supervisor.restarts)


def _roles(config: RunConfig, indices: ProcessIndices) -> list[Role]:
    """Returns the processes of the run, the learner and the server first: they take longest to start."""

    def environment(num_threads: int) -> dict[str, str]:
        return dict.fromkeys(THREAD_VARIABLES, str(num_threads))

    roles = [
        Role("learner", "engine.processes.learner", 0, indices.learner, environment(config.learner.num_threads)),
        Role("server", "engine.processes.inference_server", 0, indices.server, environment(config.inference.num_threads)),
    ]
    roles += [Role(f"actor-{index}", "engine.processes.actor", index, block, environment(1)) for index, block in enumerate(indices.actors)]
    if indices.evaluator is not None:
        roles.append(Role("evaluator", "engine.processes.evaluator", 0, indices.evaluator, environment(1)))
    return roles


def _farewell(is_done: bool, reason: str, folder: RunFolder) -> str:
    why = "done" if is_done else f"stopped: {reason}" if reason else "stopped"
    return f"{why}; the run is in {folder.path}"
