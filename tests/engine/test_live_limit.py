"""What limits a run at the moment, by counters that a test sets by hand."""

from pathlib import Path

import pytest

from engine.layout import Control, Counter, State, telemetry_layout
from engine.live_limit import LiveLimit
from engine.shared_memory import Segment
from engine.telemetry import ProcessIndices, Telemetry
from engine.verdict import Limit
from tests.engine.run_examples import tiny_config

INDICES = ProcessIndices.of(2, has_evaluator=False)
CONFIG = tiny_config(actors={"num_actors": 2}, inference={"device": "cuda:0"}, learner={"device": "cuda:0"})


class Run:
    """A run whose counters grow by shares of the time, on a machine with this many idle core-seconds."""

    def __init__(self) -> None:
        self.telemetry = Telemetry(Segment.private(telemetry_layout(INDICES.num_processes)).arrays)
        self.telemetry.set_control(Control.LEARNER_STEPS, 1)
        for process in range(INDICES.num_processes):
            self.telemetry.block(process).set_state(State.READY)
        self.idle = 0.0
        self.limit = LiveLimit(self.telemetry, CONFIG, INDICES, lambda: self.idle)

    def live(self, seconds: float, shares: dict[tuple[int, Counter], float]) -> None:
        for (process, counter), share in shares.items():
            self.telemetry.block(process).add(counter, int(1e9 * seconds * share))


def test_a_run_without_a_learner_step_starts() -> None:
    run = Run()
    run.telemetry.set_control(Control.LEARNER_STEPS, 0)
    assert run.limit.read(0.0) == Limit.START
    run.live(5.0, {(INDICES.servers[0], Counter.DEVICE_BUSY_NANOSECONDS): 0.97})
    assert run.limit.read(5.0) == Limit.START


def test_a_first_look_has_nothing_to_compare_with() -> None:
    run = Run()
    run.idle = 1e6
    assert run.limit.read(100.0) == Limit.START


@pytest.mark.parametrize("process", [INDICES.learner, INDICES.servers[0]])
@pytest.mark.parametrize("state", [State.STARTING, State.FAILED])
def test_a_run_starts_as_long_as_its_learner_or_server_does(process: int, state: State) -> None:
    run = Run()
    run.limit.read(100.0)
    run.telemetry.block(process).set_state(state)
    run.idle = 4.0
    assert run.limit.read(105.0) == Limit.START
    run.telemetry.block(process).set_state(State.READY)
    assert run.limit.read(110.0) == Limit.START  # the first look at both at work
    run.idle = 8.0
    assert run.limit.read(115.0) == Limit.ACTORS


@pytest.mark.parametrize("word", [Control.TRAINING_ENDED, Control.STOP_REQUESTED])
def test_nothing_limits_a_run_whose_training_has_ended(word: Control) -> None:
    run = Run()
    run.limit.read(100.0)
    run.telemetry.set_control(word, 1)
    assert run.limit.read(105.0) is None


def test_a_server_that_neither_works_nor_waits_is_not_busy() -> None:
    run = Run()
    run.limit.read(100.0)
    run.idle = 10.0
    assert run.limit.read(105.0) == Limit.ACTORS
    run.live(5.0, {(INDICES.servers[0], Counter.BUSY_NANOSECONDS): 1.0})
    run.idle = 20.0
    assert run.limit.read(115.0) == Limit.ACTORS  # half of the time
    run.live(10.0, {(INDICES.servers[0], Counter.BUSY_NANOSECONDS): 1.0})
    run.idle = 30.0
    assert run.limit.read(125.0) == Limit.SERVER


def test_of_two_servers_the_busiest_counts_and_both_must_be_at_work() -> None:
    config = tiny_config(actors={"num_actors": 2}, inference={"device": "cuda:0", "num_servers": 2}, learner={"device": "cuda:0"})
    indices = ProcessIndices.of_run(config)
    telemetry = Telemetry(Segment.private(telemetry_layout(indices.num_processes, num_servers=2)).arrays)
    telemetry.set_control(Control.LEARNER_STEPS, 1)
    for process in range(indices.num_processes):
        telemetry.block(process).set_state(State.READY)
    limit, servers = LiveLimit(telemetry, config, indices, lambda: 0.0), [telemetry.block(index) for index in indices.servers]
    limit.read(100.0)
    servers[0].add(Counter.DEVICE_BUSY_NANOSECONDS, int(0.4 * 5e9))
    servers[1].add(Counter.DEVICE_BUSY_NANOSECONDS, int(0.97 * 5e9))
    assert limit.read(105.0) == Limit.DEVICE
    servers[1].set_state(State.STARTING)
    assert limit.read(106.0) == Limit.START


def test_under_a_quota_a_core_that_the_run_may_not_use_is_not_idle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.machine_load.CGROUP", tmp_path)
    (tmp_path / "cpu.max").write_text("80000 100000\n")
    run = Run()

    def read(now: float, used_seconds: float) -> Limit | None:
        run.idle += 20.0  # of a large machine
        (tmp_path / "cpu.stat").write_text(f"usage_usec {used_seconds * 1e6:.0f}\nuser_usec 3\n")
        return run.limit.read(now)

    assert read(100.0, used_seconds=100.0) == Limit.START
    assert read(105.0, used_seconds=104.0) == Limit.CORES  # all that it may
    assert read(115.0, used_seconds=106.0) == Limit.ACTORS


def test_a_device_that_is_busy_all_the_time_is_the_limit() -> None:
    run = Run()
    run.limit.read(100.0)
    run.live(5.0, {(INDICES.servers[0], Counter.DEVICE_BUSY_NANOSECONDS): 0.97, (INDICES.learner, Counter.THROTTLED_NANOSECONDS): 0.9})
    assert run.limit.read(105.0) == Limit.DEVICE


def test_actors_that_pause_show_that_the_learner_is_the_limit() -> None:
    run = Run()
    run.limit.read(100.0)
    paused = {(actor, Counter.THROTTLED_NANOSECONDS): 0.4 for actor in INDICES.actors}
    run.live(5.0, {**paused, (INDICES.learner, Counter.BUSY_NANOSECONDS): 0.99})
    assert run.limit.read(105.0) == Limit.LEARNER


def test_idle_cores_ask_for_actors() -> None:
    run = Run()
    run.limit.read(100.0)
    run.live(5.0, {(INDICES.learner, Counter.BUSY_NANOSECONDS): 0.6, (INDICES.learner, Counter.THROTTLED_NANOSECONDS): 0.4})
    run.live(5.0, {(INDICES.servers[0], Counter.DEVICE_BUSY_NANOSECONDS): 0.3, (INDICES.servers[0], Counter.WAIT_NANOSECONDS): 0.7})
    run.idle = 4.0
    assert run.limit.read(105.0) == Limit.ACTORS


def test_what_is_older_than_ten_seconds_is_forgotten() -> None:
    run = Run()
    run.limit.read(100.0)
    run.live(5.0, {(INDICES.servers[0], Counter.DEVICE_BUSY_NANOSECONDS): 1.0})
    assert run.limit.read(105.0) == Limit.DEVICE
    assert run.limit.read(110.0) == Limit.CORES
    assert run.limit.read(116.0) == Limit.CORES
