"""Every array that lives in shared memory: name, shape, dtype and its one writer. No code that maps or fills them.

Segments: `ring` (the replay log), `weights` (double buffer), `telemetry` (counters, heartbeats, spans and the run's control words).
Axis letters: R steps the ring holds, M trajectories its index holds, P stored policy entries, S processes of the run, W floats
of the network.
"""

from dataclasses import dataclass
from enum import IntEnum
from math import prod

import numpy as np

from engine.config import RunConfig
from muzero.config import ReplayConfig
from muzero.types import GameSpec

ALIGNMENT_BYTES = 64
WORDS_PER_LINE = 8
"""Hot int64 words stand this far apart, so that no two share a cache line."""
POISON_BYTE = 0xA5
"""Fresh shared memory is filled with it where reading before writing would be a bug."""
NO_VERSION = -1
"""Version of a row that was never reanalyzed, or whose fresh targets are being written."""


@dataclass(frozen=True)
class SharedArray:
    """One array of a segment.

    Attributes:
        name: its field name.
        shape: its shape.
        dtype: numpy dtype name.
        writer: the one role that writes it.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    writer: str

    @property
    def size_bytes(self) -> int:
        """Bytes of the array itself."""
        return prod(self.shape) * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class SegmentLayout:
    """The arrays of one segment, in order, each aligned to a cache line."""

    arrays: tuple[SharedArray, ...]

    def offsets(self) -> dict[str, int]:
        """Returns the byte offset of each array by name."""
        offset, result = 0, {}
        for array in self.arrays:
            result[array.name] = offset
            offset += -(-array.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES
        return result

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole segment."""
        return sum(-(-array.size_bytes // ALIGNMENT_BYTES) * ALIGNMENT_BYTES for array in self.arrays)


class RingWord(IntEnum):
    """Words of the ring's `header`, times WORDS_PER_LINE. All grow for ever."""

    CLAIMED_ROWS = 0
    """Absolute row after the newest claim; row r lives at r % R. Written under the claim lock."""
    CLAIMED_TRAJECTORIES = 1
    """Sequence number of the next trajectory. Written under the claim lock, last."""
    OLDEST_SEQUENCE = 2
    """Trajectories before it may be overwritten at any time. Written under the claim lock, before anything is."""
    PUBLISHED_ROWS = 3
    """Rows of published trajectories. Written under the claim lock."""


def ring_layout(
    spec: GameSpec, *, capacity_steps: int, max_trajectories: int, policy_entries: int, is_reanalyzed: bool = False
) -> SegmentLayout:
    """Returns the replay log: a header, an index ring of trajectories and the step arrays.

    Trajectory number q has its index entry at q % M; its rows lie together at start % R. Fresh targets of a row lie beside the
    originals, which stay; without reanalysis those arrays, and the legal actions, have no entries.
    """
    rows, index, entries = capacity_steps, max_trajectories, policy_entries
    fresh_rows = rows if is_reanalyzed else 0
    legal_bytes = legal_bytes_for(spec.num_actions, is_reanalyzed=is_reanalyzed)
    reanalyzer = "a reanalyzer, under the claim lock, while the trajectory is not overwritten"
    return SegmentLayout(
        (
            SharedArray("header", (len(RingWord) * WORDS_PER_LINE,), "int64", "actors, under the claim lock"),
            SharedArray("entry_stamp", (index,), "int64", "the claiming actor: -(q+1) while written, q+1 once published"),
            SharedArray("entry_start", (index,), "int64", "the claiming actor: absolute first row"),
            SharedArray("entry_length", (index,), "int64", "the claiming actor: rows"),
            SharedArray("entry_is_terminal", (index,), "int64", "the claiming actor: 1 if the episode ended by its rules"),
            SharedArray("entry_actor", (index,), "int64", "the claiming actor: its index, also the number of its write lock"),
            SharedArray("entry_game", (index,), "int64", "the claiming actor: its game number"),
            SharedArray("entry_first_move", (index,), "int64", "the claiming actor: move number of the first row"),
            SharedArray("frame", (rows, *spec.frame_shape), spec.frame_dtype, "the claiming actor"),
            SharedArray("to_play", (rows,), "int8", "the claiming actor"),
            SharedArray("action", (rows,), "int32", "the claiming actor"),
            SharedArray("reward", (rows,), "float32", "the claiming actor"),
            SharedArray("root_value", (rows,), "float32", "the claiming actor"),
            SharedArray("policy_action", (rows, entries), "int32", "the claiming actor"),
            SharedArray("policy_weight", (rows, entries), "float32", "the claiming actor"),
            SharedArray("version", (rows,), "int64", "the claiming actor"),
            SharedArray("surprise", (rows,), "float32", "the claiming actor"),
            SharedArray("legal_bits", (rows, legal_bytes), "uint8", "the claiming actor"),
            SharedArray("fresh_policy_action", (fresh_rows, entries), "int32", reanalyzer),
            SharedArray("fresh_policy_weight", (fresh_rows, entries), "float32", reanalyzer),
            SharedArray("fresh_value", (fresh_rows,), "float32", f"{reanalyzer}; root_value by the claiming actor"),
            SharedArray("fresh_version", (fresh_rows,), "int64", f"{reanalyzer}; NO_VERSION by the claiming actor"),
        )
    )


def legal_bytes_for(num_actions: int, *, is_reanalyzed: bool) -> int:
    """Returns L, the bytes of a row's packed legal actions."""
    return -(-num_actions // 8) if is_reanalyzed else 0


def policy_entries_for(num_actions: int, configured: int) -> int:
    """Returns P, the stored policy entries per step."""
    return min(num_actions, configured)


def max_trajectories_for(replay: ReplayConfig) -> int:
    """Returns M: replay.capacity_games, or, without it, generous for games of four moves and more."""
    return replay.capacity_games or max(256, replay.capacity_steps // 4)


def ring_layout_of(config: RunConfig, spec: GameSpec) -> SegmentLayout:
    """Returns the layout of a run's replay log."""
    return ring_layout(
        spec,
        capacity_steps=config.replay.capacity_steps,
        max_trajectories=max_trajectories_for(config.replay),
        policy_entries=policy_entries_for(spec.num_actions, config.replay.policy_entries),
        is_reanalyzed=config.reanalyze.is_enabled,
    )


class WeightsWord(IntEnum):
    """Words of the weights' `header`, times WORDS_PER_LINE."""

    VERSION = 0
    """Newest complete version; it lies in half VERSION % 2. 0 before the first."""
    HALF_0_VERSION = 1
    """Version that half 0 holds, -1 while it is written."""
    HALF_1_VERSION = 2
    """Version that half 1 holds, -1 while it is written."""


def weights_layout(num_floats: int) -> SegmentLayout:
    """Returns the double buffer of the network's parameters and batch-norm statistics, as one flat float32 vector a half."""
    return SegmentLayout(
        (
            SharedArray("header", (len(WeightsWord) * WORDS_PER_LINE,), "int64", "learner"),
            SharedArray("values", (2, num_floats), "float32", "learner"),
        )
    )


class Control(IntEnum):
    """Control words of the run, times WORDS_PER_LINE."""

    STOP_REQUESTED = 0
    """1: everybody ends. Written by the supervisor."""
    ENV_STEP_LIMIT = 1
    """The governor: actors pause while the run's environment steps exceed it. Written by the learner."""
    LEARNER_STEPS = 2
    """Learner steps done in the whole run, resumed parts included. Written by the learner."""
    ENV_STEPS_BASE = 3
    """Environment steps of the resumed run that no actor's counter holds. Written by the supervisor."""
    CLOCK_ZERO_NANOSECONDS = 4
    """Monotonic time at which the run would have begun, had all its starts been one piece. Written by the supervisor."""
    REANALYSIS_LIMIT = 5
    """The governor: reanalyzers pause while the run's reanalyzed positions reach it. Written by the learner."""
    REANALYZED_BASE = 6
    """Reanalyzed positions of the resumed run, which no reanalyzer's counter holds. Written by the supervisor."""
    RECORD_UNTIL_NANOSECONDS = 7
    """Monotonic time until which spans are recorded, 0 for never. Written by the supervisor."""
    TRAINING_ENDED = 8
    """1: those who train end; server and evaluator go on until STOP_REQUESTED, for the evaluation of the last weights. Written by the
    supervisor, or by the learner after its last step."""


class State(IntEnum):
    """What a process says of itself in telemetry."""

    ABSENT = 0
    STARTING = 1
    READY = 2
    STOPPED = 3
    FAILED = 4


class Counter(IntEnum):
    """Counters of one process, monotonic since the run's start; a restarted process goes on counting."""

    ENV_STEPS = 0
    """Moves played (actor, evaluator)."""
    GAMES = 1
    """Games finished (actor, evaluator)."""
    NEXT_GAME = 2
    """Games started, which is also the number of the next one (actor)."""
    SIMULATIONS = 3
    """Simulations done (actor, reanalyzer), leaves evaluated (server)."""
    BATCHES = 4
    """Batches of requests answered together (server), of positions searched together (reanalyzer)."""
    REQUESTS = 5
    """Requests answered (server)."""
    THROTTLED_NANOSECONDS = 6
    """Time paused by the governor (actor, learner, reanalyzer)."""
    WAIT_NANOSECONDS = 7
    """Time waiting for the other side: replies (actor), requests or its device (server), batches (learner)."""
    BUSY_NANOSECONDS = 8
    """Time at work: in training steps (learner), in batches (reanalyzer), in anything but waiting (server)."""
    BAD_MESSAGES = 9
    """Messages that are not what was declared (server)."""
    RESTARTED_SEARCHES = 10
    """Searches begun again because the server restarted (actor)."""
    SAMPLES = 11
    """Samples trained on (learner)."""
    NON_FINITE_STEPS = 12
    """Training steps skipped because loss or gradient was not finite (learner)."""
    PUBLISHED_VERSION = 13
    """Version last published (learner) or in use (server)."""
    EVALUATIONS = 14
    """Evaluations finished (evaluator)."""
    LAG_VERSIONS = 15
    """Sum over SAMPLES of the versions between search and training (learner)."""
    SKIPPED_READS = 16
    """Rows drawn but overwritten meanwhile (learner, reanalyzer)."""
    PROGRESS = 17
    """Grows with every unit of useful work: live but stuck shows here."""
    FAILED_GAMES = 18
    """Games that an exception of the environment ended (actor, evaluator)."""
    REANALYZED_POSITIONS = 19
    """Stored positions that got fresh targets (reanalyzer)."""
    FRESH_SAMPLES = 20
    """Those of SAMPLES whose policy targets were fresh (learner)."""
    POLICY_TARGETS = 21
    """Policy targets trained on, several a sample (learner)."""
    FRESH_POLICY_TARGETS = 22
    """Those of them that were fresh (learner)."""
    FRESH_AGE_VERSIONS = 23
    """Sum over FRESH_POLICY_TARGETS of the versions between reanalysis and training (learner)."""
    FRESH_WAIT_NANOSECONDS = 24
    """The part of THROTTLED_NANOSECONDS for which fresh positions were missing (learner)."""
    DEVICE_BUSY_NANOSECONDS = 25
    """Time in which at least one batch was in the device (server)."""
    EPOCH = 26
    """Starts of this process; hidden states of older ones are gone (server). Written by the supervisor before each."""


class Gauge(IntEnum):
    """Last values of one process."""

    TOTAL_LOSS = 0
    VALUE_LOSS = 1
    REWARD_LOSS = 2
    POLICY_LOSS = 3
    GRAD_NORM = 4
    LEARNING_RATE = 5
    RETURN_MEAN = 6
    """Mean return of the latest finished games, first player's for two (actor)."""
    LENGTH_MEAN = 7
    """Mean length of the latest finished games, in moves (actor)."""
    SCORE = 8
    """Score of the latest evaluation (evaluator)."""
    LOSING_LINES = 9
    """Losing lines of the latest exhaustive evaluation, else -1 (evaluator)."""
    BATCH_FILL = 10
    """Mean leaves per forward pass over leaves in flight (server)."""
    RING_STEPS = 11
    """Steps that can be drawn now (learner)."""
    EVALUATED_STEP = 12
    """Learner step when the latest evaluation began (evaluator)."""
    CONSISTENCY_LOSS = 13
    """0 where it is not trained (learner)."""
    EVALUATED_GAMES = 14
    """Games of the latest evaluation (evaluator)."""
    POLICY_DIVERGENCE = 16
    """Running mean of the divergence of fresh policies from those of self-play, in nats (reanalyzer)."""


class SpanKind(IntEnum):
    """What a process was doing; a span has the argument named here, or 0."""

    TREE = 0
    """Expand, back up and select in all trees of a group, from one reply to the next request, which is sent (actor). The number of that
    request, see `engine.trace.request_number`; 0 in one process."""
    BEGIN_MOVE = 1
    """Observations and root noise of a group, up to its first request (actor). The same."""
    GAME_STEP = 2
    """The end of a move: last backup, choice of the actions, one step of each game (actor). Trees."""
    WRITE_TRAJECTORY = 3
    """A finished trajectory goes into the ring (actor). Rows."""
    THROTTLED = 4
    """Paused by a governor (actor, learner, reanalyzer)."""
    SEND = 5
    """A request is made and sent (reanalyzer, evaluator). Its request number."""
    WAIT_REPLY = 6
    """Waiting for a reply, and reading it (clients of the server). Its request number, NO_REQUEST without a reply."""
    GATHER = 7
    """Requests are received and checked (server). Requests."""
    IDLE = 8
    """Waiting for requests, or for the device (server)."""
    ASSEMBLE = 9
    """Requests become the arrays of one batch (server). Leaves."""
    FORWARD = 10
    """The network runs for one batch (the server's device, learner). Leaves, or 0."""
    REPLY = 11
    """Replies are made and sent (server). Leaves."""
    SWAP_WEIGHTS = 12
    """A new version is taken over (server). The version."""
    QUEUED = 13
    """A request, from its receipt until its batch goes to the device (server); these overlap one another. Its request number."""
    WAIT_DATA = 14
    """Waiting for a batch (learner)."""
    INGEST = 15
    """New trajectories and priorities are taken in (learner, prefetching thread)."""
    SAMPLE = 16
    """A batch is drawn and assembled (learner, prefetching thread). Samples."""
    HOST_TO_DEVICE = 17
    """A batch goes to the device (learner)."""
    BACKWARD = 18
    """The gradient (learner)."""
    READ_LOSS = 19
    """Gradient norm and losses come to the host; on a GPU the host waits here for forward and backward (learner)."""
    OPTIMIZER = 20
    """The optimiser's step, and what follows the weights (learner)."""
    PUBLISH = 21
    """Weights are published (learner)."""
    CHECKPOINT = 22
    """A checkpoint or a milestone is written (learner)."""
    DRAW = 23
    """Stored positions are drawn and read (reanalyzer)."""
    SEARCH = 24
    """Stored positions are searched; SEND and WAIT_REPLY lie within (reanalyzer). Trees."""
    WRITE_FRESH = 25
    """Fresh targets go into the ring (reanalyzer)."""
    MATCH = 26
    """An evaluation; SEND and WAIT_REPLY lie within (evaluator)."""


class ThreadTrack(IntEnum):
    """Span rings of threads beside the main thread of each process; they follow those of the processes."""

    PREFETCH = 0
    """The prefetching thread of the learner."""
    DEVICE = 1
    """The device of a server, whose forward passes the server's main thread records; one ring a server, hence the last."""


SPAN_CAPACITY = 1 << 16
"""Spans a ring holds (2 MiB); older ones are overwritten."""
SPAN_WORDS = 4
"""int64 begin and end in monotonic nanoseconds, SpanKind, argument."""
NO_REQUEST = -1


NUM_AGE_BINS = 16
"""Bins of the ages of fresh targets: 0, 1, 2 to 3, 4 to 7, and so on; the last one has no end."""


def telemetry_layout(num_processes: int, num_servers: int = 1) -> SegmentLayout:
    """Returns the run's control words, one block of numbers per process, and one ring of spans per process and further thread."""
    num_tracks = num_processes + ThreadTrack.DEVICE + num_servers
    return SegmentLayout(
        (
            SharedArray("control", (len(Control) * WORDS_PER_LINE,), "int64", "see Control"),
            SharedArray("state", (num_processes, WORDS_PER_LINE), "int64", "the process itself; word 0 is its State"),
            SharedArray("heartbeat", (num_processes, WORDS_PER_LINE), "int64", "the process itself; word 0 in monotonic ns"),
            SharedArray("counters", (num_processes, 32), "int64", "the process itself"),
            SharedArray("gauges", (num_processes, 32), "float64", "the process itself"),
            SharedArray("fresh_ages", (NUM_AGE_BINS,), "int64", "learner: fresh policy targets trained on, by their age in versions"),
            SharedArray("span_count", (num_tracks, WORDS_PER_LINE), "int64", "the recording process; word 0 is how many it ever recorded"),
            SharedArray("spans", (num_tracks, SPAN_CAPACITY, SPAN_WORDS), "int64", "the recording process"),
        )
    )
