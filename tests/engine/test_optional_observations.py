"""The observations that only the consistency loss and a target network ask for, against rows looked up by hand."""

import numpy as np

from engine.replay import Replay
from engine.ring import Ring
from muzero.config import ReplayConfig, TrainingConfig
from muzero.types import Batch
from tests.engine.ring_examples import SPEC, make_ring, make_trajectory

LENGTH = 4


def ring_with(*, is_terminal: bool) -> Ring:
    """A ring whose second trajectory, rows 3 to 6, has frames 101 to 104 modulo 100, rewards 1 to 4 and alternating players."""
    ring = make_ring()
    ring.append(make_trajectory(game=0, length=3))
    second = make_trajectory(game=1, length=LENGTH, is_terminal=is_terminal)
    second.reward[:] = [1.0, 2.0, 3.0, 4.0]
    second.root_value[:] = [10.0, 20.0, 30.0, 40.0]
    ring.append(second)
    return ring


def sample(ring: Ring, **training: float | None) -> Batch:
    config = TrainingConfig(batch_size=32, unroll_steps=3, td_steps=2, **training)  # type: ignore[arg-type]
    replay = Replay(ring, SPEC, ReplayConfig(min_steps=1), config, 0.5, np.random.default_rng(0))
    replay.ingest()
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    return batch


def shown(frames: np.ndarray) -> list[list[int]]:  # type: ignore[type-arg]
    """Returns the first cell of each frame of consecutive observations, [n, num_frames]."""
    result: list[list[int]] = frames[..., 0, 0].tolist()
    return result


def test_they_are_not_there_unless_they_are_asked_for() -> None:
    batch = sample(ring_with(is_terminal=True))
    assert batch.next_frames is None and batch.next_mask is None and batch.next_to_play is None
    assert batch.bootstrap_frames is None and batch.bootstrap_to_play is None and batch.bootstrap_factor is None


def test_next_observations_are_those_after_each_action_and_zeros_past_the_end() -> None:
    batch = sample(ring_with(is_terminal=True), consistency_loss_weight=2.0)
    assert batch.next_frames is not None and batch.next_mask is not None and batch.next_to_play is not None
    first, third = (np.flatnonzero(batch.row == row)[0] for row in (3, 5))
    assert shown(batch.next_frames[first]) == [[1, 2], [2, 3], [3, 4]]
    assert shown(batch.next_frames[third]) == [[3, 4], [0, 0], [0, 0]]
    assert batch.next_to_play[first].tolist() == [1, 0, 1]
    assert batch.next_to_play[third].tolist() == [1, 0, 0]
    assert batch.next_mask[third].tolist() == [1.0, 0.0, 0.0]
    assert batch.bootstrap_frames is None


def test_the_consistency_loss_also_looks_at_positions_without_a_policy_target() -> None:
    ring = ring_with(is_terminal=True)
    ring.arrays["policy_weight"][4] = 0.0  # as after a fast search
    batch = sample(ring, consistency_loss_weight=2.0)
    first = np.flatnonzero(batch.row == 3)[0]
    assert batch.policy_mask[first].tolist() == [1.0, 0.0, 1.0, 1.0]
    assert batch.next_mask is not None and batch.next_mask[first].tolist() == [1.0, 1.0, 1.0]


def test_bootstrap_positions_and_factors_of_a_finished_episode() -> None:
    batch = sample(ring_with(is_terminal=True), target_network_steps=100)
    assert batch.bootstrap_frames is not None and batch.bootstrap_to_play is not None and batch.bootstrap_factor is not None
    index = np.flatnonzero(batch.row == 3)[0]
    # From t = 0 and 1 two moves on, the same player's turn: 0.5^2; from t = 2 and 3 the episode ends before.
    assert batch.bootstrap_factor[index].tolist() == [0.25, 0.25, 0.0, 0.0]
    assert shown(batch.bootstrap_frames[index]) == [[2, 3], [3, 4], [0, 0], [0, 0]]
    assert batch.bootstrap_to_play[index].tolist() == [0, 1, 0, 0]
    # 1 - 0.5 * 2, 2 - 0.5 * 3, 3 - 0.5 * 4, 4
    assert batch.target_value[index].tolist() == [0.0, 0.5, 1.0, 4.0]


def test_a_cut_trajectory_bootstraps_from_its_last_row() -> None:
    batch = sample(ring_with(is_terminal=False), target_network_steps=100)
    assert batch.bootstrap_frames is not None and batch.bootstrap_factor is not None
    index = np.flatnonzero(batch.row == 4)[0]  # t = 1
    assert batch.bootstrap_factor[index].tolist() == [0.25, -0.5, 1.0, 0.0]
    assert shown(batch.bootstrap_frames[index]) == [[3, 4], [3, 4], [3, 4], [0, 0]]
    # 2 - 0.5 * 3, 3, nothing, past the end
    assert batch.target_value[index].tolist() == [0.5, 3.0, 0.0, 0.0]


def test_rewards_and_bootstrapped_value_add_up_to_the_target_without_a_target_network() -> None:
    ring = ring_with(is_terminal=False)
    plain, split = sample(ring), sample(ring, target_network_steps=100)
    np.testing.assert_array_equal(plain.row, split.row)
    assert split.bootstrap_frames is not None and split.bootstrap_factor is not None
    value = np.zeros(128, np.float32)
    frames = ring.arrays["frame"][:7, 0, 0]
    value[frames] = ring.arrays["root_value"][:7]
    bootstrapped = split.bootstrap_factor * value[split.bootstrap_frames[:, :, -1, 0, 0]]
    is_second = plain.row >= 3
    np.testing.assert_allclose((split.target_value + bootstrapped)[is_second], plain.target_value[is_second], rtol=1e-6)
