"""Drawing weights by policy surprise, against numbers computed by hand."""

import numpy as np

from engine.first_priorities import MIN_PRIORITY, fill_surprise_weights
from engine.replay import Replay
from muzero.config import ReplayConfig, TrainingConfig
from muzero.types import HISTORY_ONLY, NO_ACTION
from tests.engine.ring_examples import SPEC, make_ring, make_trajectory


def weights(surprise: list[float], action: list[int], fraction: float) -> list[float]:
    out = np.full(len(surprise), 777.0)
    fill_surprise_weights(np.array(surprise, np.float32), np.array(action, np.int32), fraction, out)
    return out.tolist()


def test_a_share_of_the_weight_follows_surprise_among_rows_that_are_drawn() -> None:
    # 3 drawable rows with surprises 1, 3, 0: w = 0.5 + 0.5 * 3 * (1/4, 3/4, 0)
    found = weights([9.0, 1.0, 3.0, 0.0, 9.0], [HISTORY_ONLY, 0, 0, 0, NO_ACTION], 0.5)
    assert found == [0.0, 0.875, 1.625, 0.5, 0.0]


def test_where_nothing_surprised_all_rows_are_alike() -> None:
    assert weights([0.0, 0.0], [0, 0], 0.5) == [1.0, 1.0]


def test_a_row_without_surprise_can_still_be_drawn() -> None:
    assert weights([0.0, 2.0], [0, 0], 1.0) == [MIN_PRIORITY, 2.0]


def test_surprising_rows_are_drawn_more_often_and_nothing_is_corrected() -> None:
    ring, trajectory = make_ring(), make_trajectory(length=2)
    trajectory.surprise[:] = [0.0, 2.0]
    ring.append(trajectory)
    config = ReplayConfig(min_steps=1, policy_surprise_fraction=0.5)
    replay = Replay(ring, SPEC, config, TrainingConfig(batch_size=32, unroll_steps=3), 1.0, np.random.default_rng(0))
    assert replay.ingest() == 2
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    assert np.bincount(batch.row).tolist() == [8, 24]  # weights 0.5 and 1.5
    assert (batch.sample_weight == 1.0).all()
