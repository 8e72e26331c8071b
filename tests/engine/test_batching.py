"""The batcher fires when a batch is full, when the expected share is in, or when an idle device need not wait any longer."""

from math import inf

from engine.batching import ACTIVE_SECONDS, Batcher, Pending
from engine.messages import Header, Kind
from engine.slots import Client

TREES = 8


def request(client: int, request_id: int = 0) -> Pending:
    return Pending(b"", Header(Kind.RECURRENT, client, request_id, 0, 1), Client(client, client * TREES, TREES), b"")


def batcher(max_batch: int = 1024, groups: int = 1, deadline_seconds: float = 0.001) -> Batcher:
    return Batcher(max_batch, deadline_seconds, groups)


def serve(batches: Batcher, asked: dict[int, float], answered: float) -> None:
    """Lets clients ask at these moments and answers them together."""
    for client, moment in asked.items():
        batches.add(request(client), moment)
    batches.answered([pending.client.index for pending in batches.take()], answered)


def test_nothing_goes_when_nothing_was_asked() -> None:
    assert batcher().seconds_to_wait(100.0, idle_since=99.0) == inf


def test_a_lone_client_is_answered_at_once() -> None:
    batches = batcher()
    batches.add(request(0), 100.0)
    assert batches.seconds_to_wait(100.0, idle_since=99.0) == 0.0


def test_a_full_batch_goes_while_the_device_computes() -> None:
    batches = batcher(max_batch=2 * TREES)
    serve(batches, {0: 100.0, 1: 100.0, 2: 100.0}, answered=100.001)
    for client in (0, 1):
        batches.add(request(client), 100.002)
    assert batches.is_full
    assert batches.seconds_to_wait(100.002, idle_since=None) == 0.0
    assert len(batches.take()) == 2
    assert not batches.is_full


def test_the_expected_share_of_known_clients_goes_at_once() -> None:
    batches = batcher()
    serve(batches, {0: 100.0, 1: 100.0}, answered=100.001)
    batches.add(request(0), 100.002)
    assert batches.seconds_to_wait(100.002, idle_since=100.001) > 0.0
    batches.add(request(1), 100.0022)
    assert batches.seconds_to_wait(100.0022, idle_since=100.001) == 0.0


def test_with_two_groups_half_of_the_clients_are_enough() -> None:
    batches = batcher(groups=2)
    serve(batches, dict.fromkeys(range(4), 100.0), answered=100.001)
    batches.add(request(0), 100.002)
    assert batches.seconds_to_wait(100.002, idle_since=None) == inf
    batches.add(request(1), 100.002)
    assert batches.seconds_to_wait(100.002, idle_since=None) == 0.0


def test_clients_that_are_computed_for_long_still_count() -> None:
    batches = batcher(groups=2)
    for client in range(2):
        batches.add(request(client), 100.0)
    batches.take()
    batches.add(request(2), 101.0)
    assert batches.seconds_to_wait(101.0, idle_since=None) == inf  # one of three active clients; two would be enough


def test_clients_that_went_away_are_not_expected() -> None:
    batches = batcher()
    serve(batches, {0: 100.0, 1: 100.0, 2: 100.0}, answered=100.001)
    batches.add(request(0), 100.002 + ACTIVE_SECONDS)
    assert batches.seconds_to_wait(100.002 + ACTIVE_SECONDS, idle_since=100.001) == 0.0


def test_of_a_client_that_asks_twice_only_the_newest_request_counts() -> None:
    batches = batcher(max_batch=2 * TREES)
    for client, request_id in ((0, 1), (0, 2)):
        batches.add(request(client, request_id), 100.0)
    assert not batches.is_full
    batches.add(request(1, 3), 100.0)
    assert [(pending.client.index, pending.header.request_id) for pending in batches.take()] == [(0, 2), (1, 3)]


def test_a_smaller_batch_waits_as_long_as_the_device_computes() -> None:
    batches = batcher()
    serve(batches, {0: 100.0, 1: 100.0}, answered=100.001)
    batches.add(request(0), 100.0015)
    assert batches.seconds_to_wait(100.03, idle_since=None) == inf


def serve_often(batches: Batcher, thinking_seconds: dict[int, float], until: float) -> None:
    """Serves clients that always think for so long, until the batcher knows them and for the last time at a given moment."""
    for rounds_left in range(100, -1, -1):
        answered = until - 0.02 * rounds_left
        asked = {client: answered - 0.02 + seconds for client, seconds in thinking_seconds.items()}
        serve(batches, asked, answered)


def test_an_idle_device_waits_for_a_client_that_is_about_to_ask_but_not_beyond_the_deadline() -> None:
    batches = batcher()
    serve_often(batches, {0: 0.0005, 1: 0.0008}, until=100.0)
    batches.add(request(0), 100.0005)
    assert abs(batches.seconds_to_wait(100.0005, idle_since=100.0) - 0.001) < 1e-5
    assert batches.seconds_to_wait(100.0016, idle_since=100.0) == 0.0


def test_an_idle_device_does_not_wait_for_a_client_that_takes_longer_than_the_deadline() -> None:
    batches = batcher()
    serve_often(batches, {0: 0.0005, 1: 0.01}, until=100.0)
    batches.add(request(0), 100.0005)
    assert batches.seconds_to_wait(100.0005, idle_since=100.0) == 0.0


def test_a_client_that_is_late_by_its_own_measure_is_given_up() -> None:
    batches = batcher(deadline_seconds=0.01)
    serve_often(batches, {0: 0.0002, 1: 0.0005}, until=100.0)
    batches.add(request(0), 100.0002)
    assert abs(batches.seconds_to_wait(100.0002, idle_since=100.0) - 0.0008) < 1e-5  # until twice 0.5 ms after its answer
    assert batches.seconds_to_wait(100.0011, idle_since=100.0) == 0.0


def test_a_client_that_was_never_measured_is_waited_for_until_the_deadline() -> None:
    batches = batcher()
    serve(batches, {0: 100.0, 1: 100.0}, answered=100.001)
    batches.add(request(0), 100.0012)
    assert abs(batches.seconds_to_wait(100.0012, idle_since=100.001) - 0.001) < 1e-9


def test_the_deadline_counts_from_when_the_device_is_idle() -> None:
    batches = batcher()
    serve_often(batches, {0: 0.0005, 1: 0.0008}, until=100.0)
    batches.add(request(0), 100.0002)
    assert abs(batches.seconds_to_wait(100.0006, idle_since=100.0006) - 0.001) < 1e-9
