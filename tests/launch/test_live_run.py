"""A run that a benchmark watches: real processes that are counted, stand still when they should, and leave nothing behind."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import PeerDied
from engine.machine_load import process_tree
from launch.live_run import LiveRun, run_config
from tests.launch.live_run_examples import TINY

pytestmark = pytest.mark.timeout(300)


def say_nothing(text: Callable[[], str]) -> None:
    """Shows no progress."""


def state_of(pid: int) -> str:
    """Returns the kernel's letter for the state of a process, "gone" without one."""
    stat = Path("/proc", str(pid), "stat")
    return stat.read_text().rpartition(")")[2].split()[0] if stat.exists() else "gone"


def test_a_live_run_is_measured_paused_and_ended_with_all_its_processes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    config = run_config("tictactoe", TINY)
    with LiveRun(config, "tiny", say_nothing) as run:
        run.wait_until_steady()
        grown = run.measure(1.0)
        pids = process_tree(run._child.pid)
        with run.paused():
            deadline = time.monotonic() + 10.0
            while (states := {state_of(pid) for pid in pids}) != {"T"} and time.monotonic() < deadline:
                time.sleep(0.01)  # who is on a core when the signal comes stops a moment later
            assert len(pids) == 4 and states == {"T"}
        assert run.measure(1.0).learner_steps > 0

    assert grown.elapsed_seconds >= 1.0 and grown.learner_steps > 0 and grown.env_steps > 0
    assert 3 * grown.env_steps <= grown.simulations <= 5 * grown.env_steps
    assert grown.cpu_seconds > 0.0 and 0.0 <= grown.learner_throttled_seconds + grown.data_wait_seconds < 1.5 * grown.elapsed_seconds
    assert {state_of(pid) for pid in pids} == {"gone"}
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_cannot_be_is_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    config = run_config("tictactoe", {**TINY, "replay.capacity_steps": 10**12})
    with LiveRun(config, "tiny", say_nothing) as run, pytest.raises(PeerDied, match="launch.bench_run gave no answer in 600 s or died"):
        run.wait_until_steady()
    assert "of memory" in capfd.readouterr().err
