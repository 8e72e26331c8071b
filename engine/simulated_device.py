"""A simulated accelerator: it answers after the time that a real one would take, and uses no processor time while it "computes".

What it says comes from a table, so that searches grow real trees, the same for the same nodes and actions. It keeps a schedule of
its own: a batch begins when the one before is done, however late anybody notices, so that lateness does not add up.
"""

import ctypes
import time
from collections import deque
from math import inf

import numpy as np

from engine.device_names import SimulatedTiming
from engine.inference_device import MAX_IN_FLIGHT, Answer, Batch, Finished
from muzero.types import Float32Array, GameSpec, InitialReply, Int64Array, RecurrentReply

NUM_ANSWERS = 256
"""Different answers about leaves; a power of two."""
NUM_ROOTS = 64
"""Different answers about roots."""
ROW_MULTIPLIER, ACTION_MULTIPLIER = 40503, 30011
"""Odd numbers that spread rows and actions over the answers."""
PR_SET_TIMERSLACK = 29
TIMER_SLACK_NANOSECONDS = 1_000
"""By default the kernel may end a wait 50 us late."""


class SimulatedDevice:
    """A device that takes time and no work.

    Args:
        timing: how long it takes.
        spec: the game.
        num_priors: k, priors per new node.
    """

    def __init__(self, timing: SimulatedTiming, spec: GameSpec, num_priors: int) -> None:
        self.version, self.max_in_flight = 0, MAX_IN_FLIGHT
        self.descriptors: tuple[int, ...] = ()
        self._timing = timing
        self._roots, self._answers = _root_table(spec), _answer_table(spec, num_priors)
        self._free_at = 0.0
        self._in_flight: deque[Finished] = deque()
        ctypes.CDLL(None, use_errno=True).prctl(PR_SET_TIMERSLACK, TIMER_SLACK_NANOSECONDS, 0, 0, 0)

    def load(self, values: Float32Array, version: int) -> None:
        """See InferenceDevice."""
        self.version = version

    def submit(self, batch: Batch) -> None:
        """See InferenceDevice."""
        begins = max(time.monotonic(), self._free_at)
        self._free_at = begins + self._timing.seconds(int(batch.slot.size + batch.rows.shape[1]))
        self._in_flight.append(Finished(self._answer(batch), self._free_at))

    def seconds_left(self, now: float) -> float:
        """See InferenceDevice."""
        return max(0.0, self._in_flight[0].moment - now) if self._in_flight else inf

    def take(self) -> Finished | None:
        """See InferenceDevice."""
        is_done = self._in_flight and self._in_flight[0].moment <= time.monotonic()
        return self._in_flight.popleft() if is_done else None

    def close(self) -> None:
        """See InferenceDevice."""

    def _answer(self, batch: Batch) -> Answer:
        initial = recurrent = None
        if batch.observation is not None:
            value, policy_logits = (table[batch.slot % NUM_ROOTS] for table in self._roots)
            initial = InitialReply(value, policy_logits, self.version)
        if batch.rows.shape[1]:
            index = _answer_index(batch.rows)
            table = self._answers
            recurrent = RecurrentReply(
                table.reward.take(index), table.value.take(index), table.prior.take(index, axis=0), table.prior_action.take(index, axis=0)
            )
        return Answer(initial, recurrent)


def _answer_index(rows: Int64Array) -> Int64Array:
    """Returns which answer each leaf gets, int64 [N]."""
    index: Int64Array = (rows[1] * ROW_MULTIPLIER + rows[2] * ACTION_MULTIPLIER) & (NUM_ANSWERS - 1)
    return index


def _root_table(spec: GameSpec) -> tuple[Float32Array, Float32Array]:
    """Returns values float32 [NUM_ROOTS] in [-1, 1) and policy logits float32 [NUM_ROOTS, A]."""
    random = np.random.default_rng(0)
    value = random.uniform(-1.0, 1.0, NUM_ROOTS).astype(np.float32)
    return value, random.standard_normal((NUM_ROOTS, spec.num_actions), dtype=np.float32)


def _answer_table(spec: GameSpec, num_priors: int) -> RecurrentReply:
    """Returns the answers about NUM_ANSWERS leaves."""
    random = np.random.default_rng(1)
    logits = random.standard_normal((NUM_ANSWERS, spec.num_actions), dtype=np.float32)
    probability = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    prior_action = np.argsort(-probability, axis=1)[:, :num_priors].astype(np.int32)
    prior = np.take_along_axis(probability, prior_action, axis=1).astype(np.float32)
    value = random.uniform(-1.0, 1.0, NUM_ANSWERS).astype(np.float32)
    return RecurrentReply(np.zeros(NUM_ANSWERS, np.float32), value, prior, prior_action)
