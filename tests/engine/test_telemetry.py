"""Telemetry: what one process writes is what another reads, and nothing else changes."""

import time

from engine.layout import Control, Counter, Gauge, State, ThreadTrack, telemetry_layout
from engine.shared_memory import Segment
from engine.telemetry import ProcessIndices, Telemetry, reanalyzed_positions, restore_counters


def make_telemetry(num_processes: int) -> tuple[Telemetry, Segment]:
    """Returns fresh telemetry and the memory it lies in."""
    segment = Segment.private(telemetry_layout(num_processes))
    return Telemetry(segment.arrays), segment


def test_actors_come_first_then_servers_learner_evaluator() -> None:
    indices = ProcessIndices.of(3, has_evaluator=True)
    assert (list(indices.actors), list(indices.servers), indices.learner, indices.evaluator) == ([0, 1, 2], [3], 4, 5)
    assert indices.num_processes == 6
    reanalyzed = ProcessIndices.of(3, num_reanalyzers=2, has_evaluator=True)
    assert (list(reanalyzed.reanalyzers), reanalyzed.evaluator, reanalyzed.num_processes) == ([5, 6], 7, 8)
    served = ProcessIndices.of(3, num_servers=2, num_reanalyzers=1, has_evaluator=True)
    assert (list(served.servers), served.learner, list(served.reanalyzers), served.evaluator) == ([3, 4], 5, [6], 7)
    assert served.num_processes == 8
    without = ProcessIndices.of(3, has_evaluator=False)
    assert (without.evaluator, without.num_processes) == (None, 5)


def test_one_process_mode_has_one_block_of_self_play() -> None:
    indices = ProcessIndices.of(0, has_evaluator=False)
    assert (list(indices.actors), list(indices.servers), indices.learner, indices.num_processes) == ([0], [1], 2, 3)


def test_each_server_has_a_ring_for_the_spans_of_its_device() -> None:
    telemetry = Telemetry(Segment.private(telemetry_layout(6, num_servers=3)).arrays)
    rings = [telemetry.thread_ring(ThreadTrack.PREFETCH), *(telemetry.thread_ring(ThreadTrack.DEVICE, server) for server in range(3))]
    assert rings == [6, 7, 8, 9]
    assert len(telemetry.span_counts()) == 10


def test_each_control_word_has_its_own_place() -> None:
    telemetry, _ = make_telemetry(1)
    for word in Control:
        telemetry.set_control(word, 100 + word)
    assert [telemetry.control(word) for word in Control] == [100 + word for word in Control]


def test_fresh_block_is_absent_and_never_beat() -> None:
    telemetry, _ = make_telemetry(2)
    block = telemetry.block(1)
    assert (block.state, block.heartbeat_ns, block.get(Counter.ENV_STEPS), block.gauge(Gauge.SCORE)) == (State.ABSENT, 0, 0, 0.0)


def test_block_writes_are_seen_by_another_look_at_the_same_memory_only_in_its_row() -> None:
    telemetry, segment = make_telemetry(3)
    block = telemetry.block(1)
    block.set_state(State.READY)
    block.set(Counter.GAMES, 40)
    block.add(Counter.GAMES, 2)
    block.set_gauge(Gauge.TOTAL_LOSS, 0.25)
    seen = Telemetry(segment.arrays)
    assert (seen.block(1).state, seen.block(1).get(Counter.GAMES), seen.block(1).gauge(Gauge.TOTAL_LOSS)) == (State.READY, 42, 0.25)
    for other in (seen.block(0), seen.block(2)):
        assert (other.state, other.get(Counter.GAMES), other.gauge(Gauge.TOTAL_LOSS)) == (State.ABSENT, 0, 0.0)


def test_every_counter_and_gauge_has_a_place() -> None:
    telemetry, _ = make_telemetry(1)
    block = telemetry.block(0)
    for counter in Counter:
        block.set(counter, 1 + counter)
    for gauge in Gauge:
        block.set_gauge(gauge, 0.5 + gauge)
    assert [block.get(counter) for counter in Counter] == [1 + counter for counter in Counter]
    assert [block.gauge(gauge) for gauge in Gauge] == [0.5 + gauge for gauge in Gauge]


def test_beat_is_the_monotonic_time() -> None:
    telemetry, _ = make_telemetry(1)
    before = time.monotonic_ns()
    telemetry.block(0).beat()
    assert before <= telemetry.block(0).heartbeat_ns <= time.monotonic_ns()


def test_total_sums_one_counter_over_the_named_processes() -> None:
    telemetry, _ = make_telemetry(4)
    for index, steps in enumerate((1, 10, 100, 1000)):
        telemetry.block(index).set(Counter.ENV_STEPS, steps)
    assert telemetry.total(Counter.ENV_STEPS, range(1, 3)) == 110
    assert telemetry.total(Counter.ENV_STEPS, range(0)) == 0


def test_restored_counters_and_the_base_add_up_to_all_steps_whatever_the_number_of_actors() -> None:
    telemetry, _ = make_telemetry(3)
    saved = [{"ENV_STEPS": 10, "NEXT_GAME": 3, "GONE_COUNTER": 1}, {"ENV_STEPS": 20, "NEXT_GAME": 5}]
    for actors in (range(1), range(2), range(3)):
        restore_counters(telemetry, actors, {"counters": saved, "env_steps": 100, "reanalyzed_positions": 70})
        assert telemetry.control(Control.ENV_STEPS_BASE) + telemetry.total(Counter.ENV_STEPS, actors) == 100
    assert reanalyzed_positions(telemetry, range(0)) == 70
    assert [telemetry.block(index).get(Counter.NEXT_GAME) for index in range(3)] == [3, 5, 0]
