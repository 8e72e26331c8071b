"""Whatever is killed, the run goes on or leaves nothing behind, and what it learned is there."""

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.checkpoint_manifest import newest_checkpoint
from tests.end_to_end.launched_run import LaunchedRun, is_alive

pytestmark = pytest.mark.timeout(300)
GONE_SECONDS = 5.0
STOP_SECONDS = 20.0


@pytest.fixture
def sockets() -> Iterator[Path]:
    """A place for socket folders where no other run has one; its path is short."""
    with tempfile.TemporaryDirectory(prefix="mz") as folder:
        yield Path(folder)


def test_a_run_survives_the_death_of_every_role_and_resumes_after_the_death_of_its_supervisor(tmp_path: Path, sockets: Path) -> None:
    run_dir, in_shm = tmp_path / "run", set(os.listdir("/dev/shm"))
    with LaunchedRun.new(run_dir, "--steps", "100000", "--servers", "2", socket_base=sockets) as run:
        run.wait_for("a checkpoint", lambda: (run_dir / "checkpoints" / "latest").exists())
        before = run.roles()
        assert set(before) == {"actor-0", "actor-1", "server-0", "server-1", "learner", "evaluator"}
        for number, name in enumerate(("actor-1", "evaluator", "server-1", "learner"), start=1):
            kill_a_role(run, name, restarts=number)
        run.wait_for_steps(run.newest()["learner_steps"] + 30)
        evaluations = run.newest()["evaluations"]  # by server-1, which died
        run.wait_for("one more evaluation", lambda: run.newest()["evaluations"] > evaluations)
        for name in ("actor-0", "server-0"):
            assert run.roles()[name] == before[name]  # nobody else died of it
        kill_the_supervisor(run)
    assert set(os.listdir("/dev/shm")) <= in_shm
    left_over, steps = list(sockets.iterdir()), newest_steps(run_dir)
    assert len(left_over) == 1

    with LaunchedRun.resumed(run_dir, socket_base=sockets) as resumed:
        resumed.wait_for("more steps", lambda: resumed.newest()["learner_steps"] > steps + 20)
        assert not left_over[0].exists()
        stop_with(resumed, signal.SIGINT, exit_code=130)
        assert f"resume: step_{steps:09d}" in " ".join(resumed.messages)
    assert newest_steps(run_dir) > steps
    assert not list(sockets.iterdir())
    assert set(os.listdir("/dev/shm")) <= in_shm

    with LaunchedRun.resumed(run_dir, "--steps", str(newest_steps(run_dir) + 20), "--servers", "1") as last:
        assert last.exit_code() == 0, last.output


def newest_steps(run_dir: Path) -> int:
    checkpoint = newest_checkpoint(run_dir, with_replay=True)
    assert checkpoint is not None
    return checkpoint.learner_steps


def kill_a_role(run: LaunchedRun, name: str, restarts: int) -> None:
    """Kills a role, waits until it works again and asserts that it is said."""
    pid = run.roles()[name]
    os.kill(pid, signal.SIGKILL)
    run.wait_for(f"a new {name}", lambda: run.roles().get(name, pid) != pid)
    run.wait_for(f"{name} at work", lambda: run.newest()["restarts"] == restarts and run.newest()["roles"][name] == "READY")
    assert any(text.startswith(f"{name} was killed by SIGKILL: starting it again") for text in run.messages)


def kill_the_supervisor(run: LaunchedRun) -> None:
    """Kills the supervisor and asserts that all its processes are gone soon."""
    pids = run.roles().values()
    run.process.kill()
    deadline = time.monotonic() + GONE_SECONDS
    while any(is_alive(pid) for pid in pids):
        assert time.monotonic() < deadline, "a process outlived its supervisor"
        time.sleep(0.02)


def stop_with(run: LaunchedRun, number: signal.Signals, exit_code: int) -> None:
    started = time.monotonic()
    run.interrupt(number)
    assert run.exit_code() == exit_code, run.output
    assert time.monotonic() - started < STOP_SECONDS
