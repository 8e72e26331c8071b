"""A small recording, every span set by hand in milliseconds: two actors, a server, a learner that is paused half of the time. No tests."""

from engine.layout import NO_REQUEST, Control, Counter, SpanKind, ThreadTrack, telemetry_layout
from engine.recording import SENDING_KINDS, Moment, Recording, moment_of_run, record_of
from engine.shared_memory import Segment
from engine.telemetry import ProcessIndices, Telemetry
from engine.trace import request_number
from tests.engine.run_examples import tiny_config

MILLISECOND = 1_000_000
START = 5_000 * MILLISECOND
CONFIG = tiny_config(actors={"num_actors": 2}, evaluation={"is_enabled": True}, inference={"device": "cpu"}, learner={"device": "cpu"})
INDICES = ProcessIndices.of(2, has_evaluator=True)

ACTOR = (
    (SpanKind.BEGIN_MOVE, 0, 3, 0),
    (SpanKind.WAIT_REPLY, 3, 23, 0),
    (SpanKind.TREE, 23, 29, 1),
    (SpanKind.WAIT_REPLY, 29, 49, 1),
    (SpanKind.GAME_STEP, 49, 59, 4),
    (SpanKind.THROTTLED, 60, 70, 0),
    (SpanKind.SEND, 70, 71, 2),
    (SpanKind.WAIT_REPLY, 71, 100, NO_REQUEST),
)
SERVER = (
    (SpanKind.IDLE, 0, 7, 0),
    (SpanKind.GATHER, 7, 10, 2),
    (SpanKind.ASSEMBLE, 10, 11, 8),
    (SpanKind.REPLY, 21, 22, 8),
    (SpanKind.IDLE, 22, 28, 0),
    (SpanKind.GATHER, 28, 32, 2),
    (SpanKind.ASSEMBLE, 32, 33, 4),
    (SpanKind.REPLY, 45, 46, 4),
    (SpanKind.IDLE, 46, 100, 0),
)
DEVICE = ((SpanKind.FORWARD, 11, 21, 8), (SpanKind.FORWARD, 34, 46, 4))
LEARNER = (
    (SpanKind.WAIT_DATA, 0, 1, 0),
    (SpanKind.HOST_TO_DEVICE, 1, 2, 0),
    (SpanKind.FORWARD, 2, 12, 0),
    (SpanKind.BACKWARD, 12, 32, 0),
    (SpanKind.READ_LOSS, 32, 33, 0),
    (SpanKind.OPTIMIZER, 33, 38, 0),
    (SpanKind.PUBLISH, 38, 40, 0),
    (SpanKind.THROTTLED, 40, 100, 0),
)


def make_recording(*, counted: int = 100) -> Recording:
    """Returns 100 ms of a run of two actors with one group of requests each.

    Args:
        counted: milliseconds after which the counters are read.
    """
    telemetry = Telemetry(Segment.private(telemetry_layout(INDICES.num_processes)).arrays)
    before = moment_at(telemetry, 0, cpu_seconds=1.0, idle=10.0)
    for actor in INDICES.actors:
        record(telemetry, actor, ACTOR, client=actor)
        telemetry.block(actor).add(Counter.ENV_STEPS, 4)
        telemetry.block(actor).add(Counter.SIMULATIONS, 32)
    record(telemetry, INDICES.servers[0], SERVER)
    for client in INDICES.actors:
        queued = ((SpanKind.QUEUED, 5, 11, 0), (SpanKind.QUEUED, 30, 33, 1))
        record(telemetry, INDICES.servers[0], queued, client=client)
    record(telemetry, INDICES.num_processes, DEVICE)
    record(telemetry, INDICES.learner, LEARNER)
    prefetch = telemetry.thread_spans(ThreadTrack.PREFETCH)
    prefetch.record(SpanKind.SAMPLE, START + 3 * MILLISECOND, START + 8 * MILLISECOND, 16)
    telemetry.block(INDICES.servers[0]).add(Counter.BUSY_NANOSECONDS, 33 * MILLISECOND)
    telemetry.block(INDICES.servers[0]).add(Counter.DEVICE_BUSY_NANOSECONDS, 22 * MILLISECOND)
    telemetry.block(INDICES.learner).add(Counter.BUSY_NANOSECONDS, 39 * MILLISECOND)
    telemetry.block(INDICES.learner).add(Counter.SAMPLES, 16)
    telemetry.block(INDICES.learner).add(Counter.LAG_VERSIONS, 24)
    telemetry.set_control(Control.LEARNER_STEPS, 1)
    after = moment_at(telemetry, counted, cpu_seconds=1.05, idle=10.03)
    return record_of(telemetry, CONFIG, before, after, START + 100 * MILLISECOND, num_cores=2.0)


def make_recording_of_two_servers() -> Recording:
    """Returns 100 ms in which two actors each have one request computed, by a server of their own: after 20 ms, and after 60 ms."""
    config = tiny_config(actors={"num_actors": 2}, inference={"num_servers": 2})
    indices = ProcessIndices.of_run(config)
    telemetry = Telemetry(Segment.private(telemetry_layout(indices.num_processes, num_servers=2)).arrays)
    before = moment_at(telemetry, 0, cpu_seconds=1.0, idle=10.0)
    for server, (sent, computed, answered) in enumerate(((10, 20, 30), (40, 60, 90))):
        actor, client = telemetry.block(indices.actors[server]).spans, 2 * server
        number = request_number(client, 7)
        device = telemetry.thread_spans(ThreadTrack.DEVICE, server)
        for recorder, kind, begin, end, argument in (
            (actor, SpanKind.TREE, sent - 5, sent, number),
            (actor, SpanKind.WAIT_REPLY, sent, answered, number),
            (telemetry.block(indices.servers[server]).spans, SpanKind.QUEUED, sent + 1, computed - 1, number),
            (device, SpanKind.FORWARD, computed, answered - 1, 4 + server),
        ):
            recorder.record(kind, START + begin * MILLISECOND, START + end * MILLISECOND, argument)
        telemetry.block(indices.servers[server]).add(Counter.DEVICE_BUSY_NANOSECONDS, (answered - 1 - computed) * MILLISECOND)
    return record_of(
        telemetry, config, before, moment_at(telemetry, 100, cpu_seconds=1.0, idle=10.0), START + 100 * MILLISECOND, num_cores=2.0
    )


def moment_at(telemetry: Telemetry, milliseconds: int, *, cpu_seconds: float, idle: float) -> Moment:
    """Returns the numbers as if it were then."""
    taken = {(10, "actor-0"): cpu_seconds, (11, "actor-1"): cpu_seconds, (12, "server"): cpu_seconds}
    return moment_of_run(telemetry, START + milliseconds * MILLISECOND, taken, idle)


def record(telemetry: Telemetry, ring: int, spans: tuple[tuple[SpanKind, int, int, int], ...], client: int = 0) -> None:
    """Records spans given in milliseconds; arguments of requests become request numbers of a client."""
    requests = (*SENDING_KINDS, SpanKind.WAIT_REPLY, SpanKind.QUEUED)
    for kind, begin, end, argument in spans:
        value = request_number(client, argument) if kind in requests and argument != NO_REQUEST else argument
        recorder = telemetry.block(ring).spans if ring < INDICES.num_processes else telemetry.thread_spans(ThreadTrack.DEVICE)
        recorder.record(kind, START + begin * MILLISECOND, START + end * MILLISECOND, value)
