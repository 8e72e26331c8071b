"""The learner's counts of fresh targets, by hand-computed numbers."""

import numpy as np

from engine.fresh_counts import FreshCounts
from engine.layout import Counter, telemetry_layout
from engine.replay import Replay
from engine.shared_memory import Segment
from engine.telemetry import Telemetry
from muzero.config import ReplayConfig, TrainingConfig
from muzero.types import Batch
from tests.engine.ring_examples import SPEC, make_ring


def batch_of_three() -> Batch:
    """Returns a batch of three samples of two targets: one stale, one fresh, one fresh that ends after its first position."""
    training = TrainingConfig(batch_size=3, unroll_steps=1)
    batch = Replay(make_ring(), SPEC, ReplayConfig(), training, 1.0, np.random.default_rng(0)).make_batch_buffers()
    batch.is_fresh[:] = [False, True, True]
    batch.policy_mask[:] = [[1, 1], [1, 1], [1, 0]]
    batch.policy_version[:] = [[2, 2], [10, 7], [9, 9]]
    return batch


def counted() -> FreshCounts:
    counts = FreshCounts()
    counts.count(batch_of_three(), version=10)
    return counts


def test_samples_targets_and_ages_are_counted_where_a_target_is_trained() -> None:
    counts = counted()
    assert (counts.samples, counts.policy_targets, counts.fresh_policy_targets, counts.age_versions) == (2, 5, 3, 0 + 3 + 1)
    assert list(counts.ages[:4]) == [1, 1, 1, 0]  # ages 0, 1, and 3 in the bin of 2 to 3


def test_the_bins_begin_at_powers_of_two_and_the_last_takes_the_rest() -> None:
    counts, batch = FreshCounts(), batch_of_three()
    batch.policy_version[:] = 0
    for version in (4, 7, 8, 10**9):
        counts.count(batch, version)
    assert (counts.ages[3], counts.ages[4], counts.ages[-1]) == (6, 3, 3)


def test_counts_are_reported_and_survive_a_resume() -> None:
    counts, restored = counted(), FreshCounts()
    restored.load_state(counts.state())
    telemetry = Telemetry(Segment.private(telemetry_layout(1)).arrays)
    restored.report(telemetry.block(0), telemetry.fresh_ages)
    names = (Counter.FRESH_SAMPLES, Counter.POLICY_TARGETS, Counter.FRESH_POLICY_TARGETS, Counter.FRESH_AGE_VERSIONS)
    assert [telemetry.block(0).get(name) for name in names] == [2, 5, 3, 4]
    np.testing.assert_array_equal(telemetry.fresh_ages, counts.ages)
