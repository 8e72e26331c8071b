"""The front door of the engine: `train` runs a whole training run and returns its exit code. Imports neither torch nor Numba.

With actors it creates the shared memory, starts the roles and watches them; without (one process) it drives the same parts
itself. Everything a user sees goes through a Display.
"""

import time
from pathlib import Path

from engine.checkpoint_manifest import Checkpoint, checkpoint_folder, checkpoint_paths, newest_checkpoint
from engine.config import RunConfig
from engine.config_text import config_to_toml
from engine.display import Display
from engine.errors import RunFailed
from engine.layout import Control, State
from engine.plan import make_plan, on_devices
from engine.profile_files import clear_requests
from engine.profiler import Profiler
from engine.run_clock import start_clock
from engine.run_folder import RunFolder, RunMode, check_run, open_run
from engine.segments import RunSegments
from engine.slots import server_names
from engine.status import StatusReader
from engine.stop_signals import StopSignals
from engine.supervisor import Role, Supervisor
from engine.telemetry import ProcessIndices, Telemetry
from engine.warm_up import WarmUp, warm_up
from engine.watch import Watch
from muzero.errors import EnvironmentFailed, MuZeroError
from muzero.games import make_game

POLL_SECONDS = 0.1
LEARNER_NAME, EVALUATOR_NAME = "learner", "evaluator"
ALIVE = (State.STARTING.name, State.READY.name)
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")


def train(
    config: RunConfig,
    *,
    run_dir: Path,
    mode: RunMode,
    display: Display,
    command_line: list[str],
    started: float | None = None,
    profile_seconds: float | None = None,
    signals: StopSignals | None = None,
) -> int:
    """Runs a training run to its end.

    Args:
        config: the whole configuration.
        run_dir: the run's folder.
        mode: what to do with a folder that holds a run already.
        display: where the run shows itself.
        command_line: as typed, for meta.json.
        started: when the command began, in seconds on the monotonic clock; now if None.
        profile_seconds: how long to record the run once learning is in a steady state; None: not at all.
        signals: what counts SIGINT and SIGTERM, where the caller goes on after the run and has to know of them.

    Returns:
        0 when done, 130 or 143 after a clean end by SIGINT or SIGTERM.

    Raises:
        MuZeroError: for what the user or the machine must change, and when the run failed.
    """
    started = time.monotonic() if started is None else started
    signals = signals or StopSignals()
    with signals.installed():
        check_run(run_dir, mode)
        display.start(config, run_dir)
        try:
            farewell = _prepare_and_run(config, run_dir, mode, display, command_line, signals, started, profile_seconds)
        finally:
            display.close()
        display.message(farewell)
    return signals.exit_code


def _prepare_and_run(
    config: RunConfig,
    run_dir: Path,
    mode: RunMode,
    display: Display,
    command_line: list[str],
    signals: StopSignals,
    started: float,
    profile_seconds: float | None,
) -> str:
    """Does everything that can be refused before the folder is touched, then runs; returns how it ended."""
    resume_from = _checkpoint_to_resume(run_dir, mode, display)
    display.message("preparing: compiling kernels and measuring the network (once per version, then cached)")
    found = warm_up(config, lambda: signals.count > 0)
    if found is None:
        return "stopped before it began"
    placed = on_devices(config, found.device, found.learner_device)
    plan = make_plan(placed, make_game(config.env).spec, found.num_floats, found.device_bytes, found.num_gpus)
    plan.check()
    for note in plan.notes:
        display.message(f"note: {note}")
    display.message(f"inference on {found.device}, learning on {found.learner_device}, network of {found.num_floats:,} numbers")
    run = _run_in_one_process if config.actors.num_actors == 0 else _run_processes
    with open_run(run_dir, mode, config_toml=config_to_toml(config), command_line=command_line, seed=config.seed) as folder:
        clear_requests(folder.path)
        return run(config, folder, found, resume_from, display, signals, started, profile_seconds)


def _checkpoint_to_resume(run_dir: Path, mode: RunMode, display: Display) -> Checkpoint | None:
    if mode != "resume":
        return None
    checkpoint = newest_checkpoint(run_dir, display.message, with_replay=True)
    if checkpoint is None:
        display.message("resume: the run has no checkpoint yet, it starts from the beginning")
        return None
    replay = checkpoint.manifest["replay"]
    display.message(
        f"resume: {checkpoint.path.name} with weights, optimizer, schedule, random states, counters "
        f"({checkpoint.manifest['env_steps']} environment steps) and the replay ring ({replay['claimed_trajectories']} trajectories so far)"
    )
    return checkpoint


def _run_in_one_process(
    config: RunConfig,
    folder: RunFolder,
    found: WarmUp,
    resume_from: Checkpoint | None,
    display: Display,
    signals: StopSignals,
    started: float,
    profile_seconds: float | None,
) -> str:
    from engine.one_process import OneProcessRun  # torch, only where this process computes

    run = OneProcessRun(config, folder.path, found.num_floats, resume_from, display.message)
    start_clock(run.telemetry, folder.path, started)
    placed = on_devices(config, found.device, found.learner_device)
    reader = StatusReader(run.telemetry, placed, run.indices, started)
    watch = Watch(config, folder.path, display, reader, resume_from.learner_steps if resume_from else None)
    profiler = Profiler(placed, folder.path, run.telemetry, run.indices, dict, display.message, profile_seconds)
    try:
        while not run.is_done and signals.count == 0 and not watch.look(run.states, 0):
            run.turn()
            profiler.look()
        profiler.end()
        if signals.count:
            display.message("stopping: saving a checkpoint")
        has_ended_by_itself = signals.count == 0
        run.save()
        if has_ended_by_itself:
            signals.forgive()
            if _announce_last_evaluation(run.telemetry, config, display):
                run.evaluate_last_weights(lambda: signals.count > 0)
        watch.look_now(run.states, 0)
        profiler.finish(lambda: signals.count > 1)
    except EnvironmentFailed:
        display.message("saving what there is")
        run.save_after_failure()
        raise
    finally:
        watch.close()
    return _farewell(run.is_done, watch.reason, folder)


def _run_processes(
    config: RunConfig,
    folder: RunFolder,
    found: WarmUp,
    resume_from: Checkpoint | None,
    display: Display,
    signals: StopSignals,
    started: float,
    profile_seconds: float | None,
) -> str:
    indices = ProcessIndices.of_run(config)
    with RunSegments(config, found.num_floats, indices) as segments:
        start_clock(segments.telemetry, folder.path, started)
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
        placed = on_devices(config, found.device, found.learner_device)
        reader = StatusReader(segments.telemetry, placed, indices, started)
        watch = Watch(config, folder.path, display, reader, resume_from.learner_steps if resume_from else None)
        profiler = Profiler(placed, folder.path, segments.telemetry, indices, lambda: supervisor.pids, display.message, profile_seconds)
        try:
            _supervise(supervisor, segments, watch, profiler, display, signals, config, folder.path)
        finally:
            supervisor.kill()
            watch.close()
        return _farewell(segments.telemetry.control(Control.LEARNER_STEPS) >= config.last_step, watch.reason, folder)


def _supervise(
    supervisor: Supervisor,
    segments: RunSegments,
    watch: Watch,
    profiler: Profiler,
    display: Display,
    signals: StopSignals,
    config: RunConfig,
    run_dir: Path,
) -> None:
    """Starts the roles, watches them until there is a reason to end, and drains them.

    Raises:
        RunFailed: a role kept dying, or the learner could not write its last checkpoint.
        MuZeroError: a role ended by what no restart can mend.
    """
    supervisor.start()
    try:
        while signals.count == 0 and not segments.telemetry.control(Control.TRAINING_ENDED):
            supervisor.poll(POLL_SECONDS)
            profiler.look()
            if watch.look(supervisor.states, supervisor.restarts):
                break
        profiler.end()
        has_ended_by_itself = signals.count == 0
        if has_ended_by_itself:
            segments.telemetry.set_control(Control.TRAINING_ENDED, 1)
            _await_last_evaluation(supervisor, segments.telemetry, watch, profiler, display, signals, config)
    except MuZeroError as error:
        display.message("a role keeps dying: saving what there is" if isinstance(error, RunFailed) else "saving what there is")
        segments.telemetry.set_control(Control.STOP_REQUESTED, 1)
        supervisor.drain(config.supervisor.drain_seconds, lambda: signals.count > 0)
        raise
    if not has_ended_by_itself:
        display.message("stopping: draining and saving a checkpoint (again to force)")
    segments.telemetry.set_control(Control.STOP_REQUESTED, 1)
    supervisor.drain(config.supervisor.drain_seconds, lambda: signals.count > 1)
    watch.look_now(supervisor.states, supervisor.restarts)
    profiler.finish(lambda: signals.count > 1)
    is_saved = supervisor.states[LEARNER_NAME] == State.STOPPED.name
    if signals.count < 2 and not is_saved:
        raise RunFailed(_unsaved(run_dir))
    if has_ended_by_itself and is_saved:
        signals.forgive()


def _unsaved(run_dir: Path) -> str:
    """Returns the sentence for a run whose learner ended without its last checkpoint."""
    if checkpoint_paths(checkpoint_folder(run_dir)):
        return "the last checkpoint was not written, see logs/learner.log of the run: --resume goes on at the one before."
    return "no checkpoint was written, see logs/learner.log of the run: --resume starts it from the beginning."


def _await_last_evaluation(
    supervisor: Supervisor,
    telemetry: Telemetry,
    watch: Watch,
    profiler: Profiler,
    display: Display,
    signals: StopSignals,
    config: RunConfig,
) -> None:
    """Gives the evaluator time to play the last weights, until it ends, the time for it is over, or a signal comes."""
    if supervisor.states.get(EVALUATOR_NAME) not in ALIVE or not _announce_last_evaluation(telemetry, config, display):
        return
    deadline = time.monotonic() + config.evaluation.last_seconds
    while signals.count == 0 and supervisor.states[EVALUATOR_NAME] in ALIVE:
        if time.monotonic() > deadline:
            display.message(f"the evaluation took more than {config.evaluation.last_seconds:g} s (evaluation.last_seconds) and was left")
            return
        supervisor.poll(POLL_SECONDS)
        profiler.look_after_training()
        watch.look(supervisor.states, supervisor.restarts)


def _announce_last_evaluation(telemetry: Telemetry, config: RunConfig, display: Display) -> bool:
    """Returns whether the last weights are to be evaluated, and says so."""
    seconds = config.evaluation.last_seconds
    is_wanted = config.evaluation.is_enabled and seconds > 0 and telemetry.control(Control.LEARNER_STEPS) > 0
    if is_wanted:
        display.message(f"evaluating the last weights ({seconds:g} s at most, Ctrl-C skips it)")
    return is_wanted


def _roles(config: RunConfig, indices: ProcessIndices) -> list[Role]:
    """Returns the processes of the run, the learner and the servers first: they take longest to start."""

    def environment(num_threads: int) -> dict[str, str]:
        return dict.fromkeys(THREAD_VARIABLES, str(num_threads))

    roles = [Role(LEARNER_NAME, "engine.processes.learner", 0, indices.learner, environment(config.learner.num_threads))]
    roles += [
        Role(name, "engine.processes.inference_server", number, block, environment(config.inference.num_threads))
        for number, (name, block) in enumerate(zip(server_names(config), indices.servers, strict=True))
    ]
    roles += [Role(f"actor-{index}", "engine.processes.actor", index, block, environment(1)) for index, block in enumerate(indices.actors)]
    roles += [
        Role(f"reanalyzer-{index}", "engine.processes.reanalyzer", index, block, environment(1))
        for index, block in enumerate(indices.reanalyzers)
    ]
    if indices.evaluator is not None:
        roles.append(Role("evaluator", "engine.processes.evaluator", 0, indices.evaluator, environment(1)))
    return roles


def _farewell(is_done: bool, reason: str, folder: RunFolder) -> str:
    why = "done" if is_done else f"stopped: {reason}" if reason else "stopped"
    return f"{why}; the run is in {folder.path}"
