"""The supervisor, with real child processes that misbehave."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Thread

import pytest

from engine.errors import MachineProblem, RunFailed
from muzero.errors import MuZeroError
from tests.engine.supervision import Supervision, children_of

HERE = Path(__file__).parent

Supervise = Callable[..., Supervision]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    """Makes a supervision of dummy roles that leaves no process behind."""
    made: list[Supervision] = []

    def make(behaviours: dict[str, str], **settings: float) -> Supervision:
        made.append(Supervision(tmp_path, behaviours, **settings))  # type: ignore[arg-type]
        made[-1].supervisor.start()
        return made[-1]

    yield make
    for supervision in made:
        supervision.supervisor.kill()
        supervision.segment.close()
    assert children_of(os.getpid()) == []


def test_roles_start_and_stop_by_themselves(supervise: Supervise, tmp_path: Path) -> None:
    run = supervise({"dummy-0": "", "dummy-1": ""})
    run.until_ready()
    assert run.num_running == 2
    assert run.stop(10) is True
    assert run.num_running == 0
    assert run.supervisor.states == {"dummy-0": "STOPPED", "dummy-1": "STOPPED"}
    assert (tmp_path / "dummy-0.stopped").exists() and (tmp_path / "dummy-1.stopped").exists()
    assert run.supervisor.restarts == 0 and run.events == []


def test_killed_role_is_started_again_after_a_back_off_that_doubles(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "", "dummy-1": ""})
    for restarts, delay in ((1, 0.5), (2, 1.0)):
        run.until_ready()
        run.process("dummy-1").send(signal.SIGKILL)
        killed_at = time.monotonic()
        run.poll_until(lambda: run.supervisor.restarts == restarts)  # noqa: B023
        assert delay <= time.monotonic() - killed_at < delay + 1
        assert run.events[-1] == f"dummy-1 was killed by SIGKILL: starting it again in {delay:g} s"
    run.until_ready()
    assert run.starts == [("dummy-0", 0), ("dummy-1", 0), ("dummy-1", 1), ("dummy-1", 2)]


def test_death_loop_ends_the_run_with_the_first_traceback(supervise: Supervise, tmp_path: Path) -> None:
    run = supervise({"dummy-0": "fail"}, max_restarts_per_minute=1)
    with pytest.raises(RunFailed) as failure:
        run.poll_until(lambda: False)
    assert "dummy-0 died 2 times within 60 s" in str(failure.value)
    assert "ValueError: the dummy fails on purpose, start 0" in str(failure.value)
    assert "start 1" not in str(failure.value)
    assert "start 1" in (tmp_path / "crash" / "dummy-0-1.txt").read_text()
    assert run.supervisor.states == {"dummy-0": "FAILED"}


def test_an_error_that_no_restart_can_mend_ends_the_run_at_once_with_its_sentence_and_exit_code(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "fail_for_good", "dummy-1": ""})
    with pytest.raises(MuZeroError, match="^the dummy's user must change something$") as failure:
        run.poll_until(lambda: False)
    assert failure.value.exit_code == 2
    assert run.supervisor.restarts == 0 and run.supervisor.states["dummy-0"] == "FAILED"


def test_failure_at_import_is_shown_too(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "fail_at_import"}, max_restarts_per_minute=0)
    with pytest.raises(RunFailed, match="ImportError: this dummy cannot be imported"):
        run.poll_until(lambda: False)


def test_ending_without_a_stop_is_a_death(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "finish"})
    run.poll_until(lambda: bool(run.events))
    assert run.events == ["dummy-0 ended with exit code 0: starting it again in 0.5 s"]


def test_failing_at_every_start_ends_the_run_however_long_a_start_takes(supervise: Supervise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.supervisor.DEATH_WINDOW_SECONDS", 0.1)  # no two deaths fall into it
    run = supervise({"dummy-0": "fail"}, max_restarts_per_minute=1)
    with pytest.raises(RunFailed, match="dummy-0 died 2 times in a row before or just after it was ready") as failure:
        run.poll_until(lambda: False)
    assert "ValueError: the dummy fails on purpose, start 0" in str(failure.value)


def test_a_role_that_worked_before_it_died_may_die_again(supervise: Supervise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.supervisor.DEATH_WINDOW_SECONDS", 0.1)
    monkeypatch.setattr("engine.supervisor.SETTLED_SECONDS", 0.0)
    run = supervise({"dummy-0": ""}, max_restarts_per_minute=1)
    for restarts in (1, 2, 3):
        run.until_ready()
        run.supervisor.poll()
        run.process("dummy-0").send(signal.SIGKILL)
        run.poll_until(lambda: run.supervisor.restarts == restarts)  # noqa: B023


def test_a_machine_without_room_for_a_process_is_a_sentence(supervise: Supervise, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    monkeypatch.setattr("engine.child.subprocess.Popen", refuse)
    with pytest.raises(MachineProblem, match="dummy-0 could not be started .*unavailable.*: give fewer --actors"):
        supervise({"dummy-0": ""})


def test_silent_role_is_killed_and_started_again(supervise: Supervise) -> None:
    run = supervise({"dummy-0": ""}, heartbeat_timeout_seconds=1.0)
    run.until_ready()
    run.process("dummy-0").send(signal.SIGSTOP)
    run.poll_until(lambda: run.supervisor.restarts == 1)
    assert "was silent for 1." in run.events[0]
    run.until_ready()


def test_stack_of_a_stuck_role_is_in_its_log(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "ignore_stop"}, heartbeat_timeout_seconds=1.0)
    run.poll_until(lambda: bool(run.events))
    assert "dummy_role.py" in run.log("dummy-0") and "in run" in run.log("dummy-0")


def test_role_that_never_gets_ready_is_killed(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "never_ready"}, startup_timeout_seconds=1.0)
    run.poll_until(lambda: bool(run.events))
    assert "was not ready after 1." in run.events[0]


def test_own_lateness_is_forgiven_to_the_others(supervise: Supervise) -> None:
    run = supervise({"dummy-0": ""}, heartbeat_timeout_seconds=1.0)
    run.until_ready()
    run.process("dummy-0").send(signal.SIGSTOP)
    time.sleep(1.2)  # the whole machine stood still
    run.supervisor.poll()
    run.process("dummy-0").send(signal.SIGCONT)
    run.supervisor.poll(0.3)
    assert run.events == [] and run.supervisor.states == {"dummy-0": "READY"}


def test_drain_ends_a_deaf_role_by_sigterm_and_a_stubborn_one_by_sigkill(supervise: Supervise, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.supervisor.TERMINATE_SECONDS", 0.5)
    run = supervise({"good": "", "stubborn": "ignore_sigterm"})
    run.until_ready()
    assert run.stop(0.5) is False
    assert run.events == [
        "stubborn did not stop within 0.5 s: SIGTERM",
        "stubborn is killed",
        "stubborn was killed by SIGKILL while stopping",
    ]
    assert run.supervisor.states == {"good": "STOPPED", "stubborn": "FAILED"}


def test_sigterm_asks_a_role_to_stop(supervise: Supervise, tmp_path: Path) -> None:
    run = supervise({"dummy-0": ""})
    run.until_ready()
    run.process("dummy-0").send(signal.SIGTERM)
    run.poll_until(lambda: bool(run.events))
    assert (tmp_path / "dummy-0.stopped").exists()
    assert run.events == ["dummy-0 ended with exit code 0: starting it again in 0.5 s"]


def test_what_the_supervisor_kills_itself_is_no_death_to_recover_from(supervise: Supervise) -> None:
    run = supervise({"dummy-0": ""}, max_restarts_per_minute=0)
    run.until_ready()
    run.supervisor.kill()
    assert run.events == ["dummy-0 is killed", "dummy-0 was killed by SIGKILL while stopping"]
    assert run.num_running == 0


def test_second_wish_to_stop_kills_at_once(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "ignore_stop"})
    run.until_ready()
    began = time.monotonic()
    run.stop(30, force=lambda: time.monotonic() > began + 0.3)
    assert time.monotonic() - began < 3
    assert run.num_running == 0


def test_sigint_does_not_reach_the_roles(supervise: Supervise) -> None:
    run = supervise({"dummy-0": ""})
    run.until_ready()
    child = run.process("dummy-0")
    child.send(signal.SIGINT)
    run.supervisor.poll(0.3)
    assert child.is_running()
    assert os.getpgid(child.pid) == child.pid != os.getpgid(0)
    assert run.events == []


def test_role_dying_while_waiting_to_be_started_again_is_not_started_in_a_drain(supervise: Supervise) -> None:
    run = supervise({"dummy-0": "fail"})
    run.poll_until(lambda: bool(run.events))
    assert run.stop(5) is False
    assert run.num_running == 0 and run.supervisor.restarts == 0


def test_starting_from_another_thread_is_refused(supervise: Supervise) -> None:
    run = supervise({"dummy-0": ""})
    errors: list[str] = []

    def start() -> None:
        try:
            run.supervisor.start()
        except RuntimeError as error:
            errors.append(str(error))

    thread = Thread(target=start)
    thread.start()
    thread.join(timeout=10)
    assert len(errors) == 1 and "main thread" in errors[0]


def test_killing_the_supervisor_ends_all_roles_and_it_never_loads_torch_or_numba(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.engine.supervision", str(tmp_path)]
    with subprocess.Popen(command, cwd=HERE.parents[1], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "loaded:\n"
        children = children_of(parent.pid)
        parent.kill()
    assert len(children) == 3
    deadline = time.monotonic() + 5
    while any(child.is_running() for child in children) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert [child for child in children if child.is_running()] == []
