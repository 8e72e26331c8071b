"""The life of a child: how it notices a stop, how cheaply, and what it leaves when it fails."""

import os
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import msgspec
import pytest
import torch

from engine.config import RunConfig
from engine.errors import MachineProblem
from engine.layout import Control, Counter, State, telemetry_layout
from engine.process_life import FINAL_EXIT_BASE, Life, ProcessSetup, _live, crash_path
from engine.processes import inference_server, learner
from engine.shared_memory import Segment
from engine.telemetry import Telemetry
from muzero.config import EnvConfig
from tests.engine.supervision import Supervision


def make_setup(death_pipe_fd: int) -> ProcessSetup:
    """Returns the setup of an actor."""
    return ProcessSetup(
        role="actor-0",
        role_index=0,
        process_index=0,
        restart_count=0,
        config=RunConfig(seed=7, env=EnvConfig(name="cartpole", kwargs={"depth": 2})),
        run_dir="/nowhere",
        socket_dir="/nowhere",
        ring_fd=1,
        lock_fd=2,
        weights_fd=3,
        telemetry_fd=4,
        num_processes=1,
        num_floats=10,
        death_pipe_fd=death_pipe_fd,
    )


@pytest.fixture
def pipe() -> Iterator[list[int]]:
    """A death pipe: read end, write end; a test may close the write end by removing it."""
    ends = list(os.pipe())
    yield ends
    for descriptor in ends:
        os.close(descriptor)


@pytest.fixture
def life(pipe: list[int]) -> Life:
    """The life of a process that begins."""
    return Life(make_setup(pipe[0]), Telemetry(Segment.private(telemetry_layout(1)).arrays))


def test_setup_survives_the_way_to_the_child() -> None:
    setup = make_setup(5)
    assert msgspec.json.decode(msgspec.json.encode(setup), type=ProcessSetup) == setup


def test_life_begins_starting_and_says_when_it_is_ready(life: Life) -> None:
    assert life.block.state == State.STARTING and life.block.heartbeat_ns > 0
    life.ready()
    assert life.block.state == State.READY
    life.progress()
    assert life.block.get(Counter.PROGRESS) == 1


def test_stop_word_is_noticed_within_a_tenth_of_a_second(life: Life) -> None:
    assert not life.should_stop()
    life.telemetry.set_control(Control.STOP_REQUESTED, 1)
    time.sleep(0.1)
    assert life.should_stop()


def test_the_end_of_training_ends_only_those_who_do_not_outlive_it(life: Life) -> None:
    life.telemetry.set_control(Control.TRAINING_ENDED, 1)
    life.wait(0.1)
    assert life.should_stop()
    life.outlive_training()
    assert not life.should_stop()
    life.telemetry.set_control(Control.STOP_REQUESTED, 1)
    life.wait(0.1)
    assert life.should_stop()


def test_stop_stays_requested(life: Life) -> None:
    life.request_stop(signal.SIGTERM, None)
    assert life.should_stop() and life.should_stop()


def test_dead_supervisor_is_a_reason_to_stop(life: Life, pipe: list[int]) -> None:
    assert not life.should_stop()
    os.close(pipe.pop())
    time.sleep(0.1)
    assert life.should_stop()


def test_should_stop_beats_and_looks_at_most_every_fiftieth_of_a_second(life: Life) -> None:
    life.should_stop()
    beat = life.block.heartbeat_ns
    for _ in range(100):
        life.should_stop()
    soon = time.monotonic_ns() - beat < 40_000_000
    assert life.block.heartbeat_ns == beat or not soon
    time.sleep(0.06)
    life.should_stop()
    assert life.block.heartbeat_ns > beat


def test_wait_lasts_as_long_as_asked_and_beats_meanwhile(life: Life) -> None:
    began = time.monotonic()
    life.wait(0.2)
    assert 0.2 <= time.monotonic() - began < 1.0
    assert life.block.heartbeat_ns / 1e9 > began + 0.05


def test_wait_ends_early_when_there_is_reason_to_stop(life: Life) -> None:
    life.telemetry.set_control(Control.STOP_REQUESTED, 1)
    began = time.monotonic()
    life.wait(20.0)
    assert time.monotonic() - began < 1.0


def test_child_logs_with_role_and_utc_time_and_leaves_its_traceback(tmp_path: Path) -> None:
    run = Supervision(tmp_path, {"actor-0": "fail"})
    run.supervisor.start()
    run.poll_until(lambda: bool(run.events))
    run.supervisor.kill()
    lines = run.log("actor-0").splitlines()
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z actor-0 INFO started as process \d+", lines[0])
    assert lines[1].endswith("Z actor-0 INFO ready") and lines[2].endswith("Z actor-0 ERROR failed")
    assert (tmp_path / "crash" / "actor-0-0.txt").read_text().endswith("ValueError: the dummy fails on purpose, start 0\n")
    assert run.events == ["actor-0 ended with exit code 1: starting it again in 0.5 s"]


@pytest.mark.parametrize("module", [learner, inference_server])
def test_a_role_without_gpu_memory_is_not_restarted(
    module: ModuleType, life: Life, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run_out(*_: object) -> NoReturn:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    monkeypatch.setattr(module, "make_game", run_out)
    setup = msgspec.structs.replace(life.setup, run_dir=str(tmp_path))
    assert _live(module.run, setup, life) == FINAL_EXIT_BASE + MachineProblem.exit_code
    sentence = crash_path(tmp_path, setup.role, setup.restart_count).read_text()
    assert sentence.startswith("a GPU ran out of memory (CUDA out of memory): ") and "\n" not in sentence


def test_actor_is_the_first_choice_of_the_out_of_memory_killer(tmp_path: Path) -> None:
    run = Supervision(tmp_path, {"actor-0": "", "learner": ""})
    run.supervisor.start()
    run.until_ready()
    adjustments = {name: int(Path(f"/proc/{run.process(name).pid}/oom_score_adj").read_text()) for name in ("actor-0", "learner")}
    run.supervisor.kill()
    assert adjustments == {"actor-0": 500, "learner": int(Path("/proc/self/oom_score_adj").read_text())}
