"""Recording spans into shared memory and reading them back: when a thread did what, at the cost of nanoseconds while nobody asks.

What the spans of a run amount to is `engine/profile_figures.py`; how they are drawn is `engine/chrome_trace.py`.

Each ring has one writer, a thread. A record is complete before it is counted, so a writer that is killed leaves no half of one; a
reader comes when no new span begins. Where the ring was full the oldest spans are gone, and counted.
"""

import struct
import time
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from engine.layout import SPAN_CAPACITY, SPAN_WORDS, SpanKind
from muzero.types import BoolArray, Int64Array

RECORD = struct.Struct(f"={SPAN_WORDS}q")
WRITTEN_MEANWHILE = 16
"""So many of the oldest spans of a full ring are not read: a thread may just be writing over them the last spans it had begun."""
CLIENT_SHIFT = 40
"""A request number is the client above this bit and below it the end of the request id, see `engine.inference_client.START_SHIFT`: the
numbers of 256 starts of a process differ."""


def request_number(client: int, request_id: int) -> int:
    """Returns the number of a request, which no other one has in a recording.

    Args:
        client: number of the client, at least 0.
        request_id: as in the request's header.
    """
    return client << CLIENT_SHIFT | request_id & ((1 << CLIENT_SHIFT) - 1)


class SpanRecorder:
    """What one thread records of itself.

    A span begins with `begin` and ends with `end`. While nothing is recorded the first is one load and the second one comparison;
    a span that began before recording did is not kept.
    """

    def __init__(self, until: Int64Array, count: Int64Array, records: Int64Array) -> None:
        """Takes the thread's ring.

        Args:
            until: int64 [1], monotonic nanoseconds until which spans are recorded, 0 for never.
            count: int64 [1], spans ever recorded here.
            records: int64 [SPAN_CAPACITY, SPAN_WORDS].
        """
        # Single words of a memoryview cost a third of numpy's.
        self._until, self._count = until.data, count.data
        self._records, self._pack_into = records.data.cast("B"), RECORD.pack_into

    def begin(self) -> int:
        """Returns the time now in monotonic nanoseconds while spans are recorded, else 0."""
        until = self._until[0]
        if not until:
            return 0
        now = time.monotonic_ns()
        return now if now < until else 0

    def end(self, kind: SpanKind, begin: int, argument: int = 0) -> int:
        """Records a span that ends now, unless `begin` is 0; returns its end, where a next span may begin, or 0.

        Args:
            kind: what it was.
            begin: what `begin` returned.
            argument: see SpanKind.
        """
        if not begin:
            return 0
        now, count = time.monotonic_ns(), self._count
        number = count[0]
        self._pack_into(self._records, number % SPAN_CAPACITY * RECORD.size, begin, now, kind, argument)
        count[0] = number + 1
        return now

    def record(self, kind: SpanKind, begin: int, end: int, argument: int = 0) -> None:
        """Records a span with a given end, unless `begin` is 0.

        Args:
            kind: what it was.
            begin, end: monotonic nanoseconds.
            argument: see SpanKind.
        """
        if begin:
            number = self._count[0]
            self._pack_into(self._records, number % SPAN_CAPACITY * RECORD.size, begin, end, kind, argument)
            self._count[0] = number + 1


def silent_recorder() -> SpanRecorder:
    """Returns a recorder whose spans nobody asks for, for parts that run outside a run."""
    never = np.zeros(1, np.int64)
    return SpanRecorder(never, never.copy(), np.zeros((SPAN_CAPACITY, SPAN_WORDS), np.int64))


@dataclass(frozen=True)
class Spans:
    """What one thread did in an interval, ordered by begin, what encloses before what is enclosed.

    Attributes:
        begin, end: int64 [N], monotonic nanoseconds.
        kind: int64 [N], SpanKind.
        argument: int64 [N].
        num_lost: spans of the interval that were overwritten.
        since: monotonic nanoseconds from which on none is lost.
    """

    begin: Int64Array
    end: Int64Array
    kind: Int64Array
    argument: Int64Array
    num_lost: int
    since: int

    def __len__(self) -> int:
        return len(self.begin)

    def chosen(self, is_chosen: BoolArray) -> Self:
        """Returns some of the spans; bool [N]."""
        begin, end, kind, argument = (column[is_chosen] for column in (self.begin, self.end, self.kind, self.argument))
        return type(self)(begin, end, kind, argument, self.num_lost, self.since)

    def of(self, *kinds: SpanKind) -> Self:
        """Returns the spans of some kinds."""
        return self.chosen(np.isin(self.kind, kinds))

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Duration of each, float64 [N]."""
        return np.asarray((self.end - self.begin) * 1e-9, np.float64)


def read_spans(records: Int64Array, count: int, count_before: int, start: int, stop: int) -> Spans:
    """Returns the spans of an interval that are still there, cut off at its end.

    Args:
        records: int64 [SPAN_CAPACITY, SPAN_WORDS], a ring.
        count: spans ever recorded in it.
        count_before: the same when the interval began.
        start, stop: the interval, in monotonic nanoseconds.
    """
    num_new = max(0, count - count_before)
    kept = min(num_new, SPAN_CAPACITY - WRITTEN_MEANWHILE)
    rows = records[np.arange(count - kept, count) % SPAN_CAPACITY]
    num_lost = num_new - kept
    since = int(rows[0, 1]) if num_lost else start
    rows = rows[(rows[:, 0] >= start) & (rows[:, 0] < stop)]
    begin, end = rows[:, 0], np.minimum(rows[:, 1], stop)
    order = np.lexsort((-end, begin))
    return Spans(begin[order], end[order], rows[order, 2], rows[order, 3], num_lost, since)
