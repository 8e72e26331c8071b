"""What limits a run at the moment, by counters that a test sets by hand."""

from engine.layout import Control, Counter, telemetry_layout
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
        self.idle = 0.0
        self.limit = LiveLimit(self.telemetry, CONFIG, INDICES, lambda: self.idle)

    def live(self, seconds: float, shares: dict[tuple[int, Counter], float]) -> None:
        for (process, counter), share in shares.items():
            self.telemetry.block(process).add(counter, int(1e9 * seconds * share))


def test_a_run_without_a_learner_step_starts() -> None:
    run = Run()
    run.telemetry.set_control(Control.LEARNER_STEPS, 0)
    assert run.limit.read(0.0) == Limit.START


def test_a_device_that_is_busy_all_the_time_is_the_limit() -> None:
    run = Run()
    run.limit.read(100.0)
    run.live(5.0, {(INDICES.server, Counter.DEVICE_BUSY_NANOSECONDS): 0.97, (INDICES.learner, Counter.THROTTLED_NANOSECONDS): 0.9})
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
    run.live(5.0, {(INDICES.server, Counter.DEVICE_BUSY_NANOSECONDS): 0.3, (INDICES.server, Counter.WAIT_NANOSECONDS): 0.7})
    run.idle = 4.0
    assert run.limit.read(105.0) == Limit.ACTORS


def test_what_is_older_than_ten_seconds_is_forgotten() -> None:
    run = Run()
    run.limit.read(100.0)
    run.live(5.0, {(INDICES.server, Counter.DEVICE_BUSY_NANOSECONDS): 1.0})
    assert run.limit.read(105.0) == Limit.DEVICE
    assert run.limit.read(110.0) == Limit.CORES
    assert run.limit.read(116.0) == Limit.CORES
