"""Tests of the training targets against numbers computed by hand and a naive reference."""

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from muzero.targets import assemble_targets, fill_targets, gather_frames, nstep_value
from muzero.types import NO_ACTION


@dataclass
class Rows:
    """The rows of one trajectory inside longer arrays, surrounded by numbers that must never be used."""

    reward: NDArray[np.float32]
    root_value: NDArray[np.float32]
    to_play: NDArray[np.int8]
    length: int
    is_terminal: int
    start: int = 2

    def value(self, position: int, td_steps: int, discount: float) -> float:
        """Returns the n-step value of one position."""
        arrays = (self.reward, self.root_value, self.to_play)
        return nstep_value(*arrays, self.start, self.length, self.is_terminal, position, td_steps, discount)


def rows(reward: list[float], root_value: list[float], to_play: list[int], is_terminal: bool) -> Rows:
    """Returns a trajectory that starts at row 2 of its arrays."""

    def padded(values: list[float]) -> NDArray[np.float32]:
        return np.array([999.0, 999.0, *values, 999.0, 999.0], dtype=np.float32)

    players = np.array([0, 0, *to_play, 0, 0], dtype=np.int8)
    return Rows(padded(reward), padded(root_value), players, len(reward), int(is_terminal))


def filled(trajectory: Rows, position: int, unroll_steps: int, td_steps: int, discount: float) -> list[list[float]]:
    """Returns value, reward, value_mask, reward_mask, policy_mask of one sample."""
    sizes = (unroll_steps + 1, unroll_steps, unroll_steps + 1, unroll_steps, unroll_steps + 1)
    out = [np.full(size, 777.0, np.float32) for size in sizes]
    arrays = (trajectory.reward, trajectory.root_value, trajectory.to_play, trajectory.start, trajectory.length)
    fill_targets(*arrays, trajectory.is_terminal, position, td_steps, discount, *out)
    return [array.tolist() for array in out]


def test_value_discounts_rewards_and_bootstraps_after_n_steps() -> None:
    trajectory = rows([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0], [0, 0, 0, 0], is_terminal=True)
    assert trajectory.value(0, td_steps=2, discount=0.5) == 1.0 + 0.5 * 2.0 + 0.25 * 30.0


def test_value_of_a_finished_episode_has_nothing_to_bootstrap_from() -> None:
    trajectory = rows([1.0, 2.0, 3.0, 4.0], [10.0, 20.0, 30.0, 40.0], [0, 0, 0, 0], is_terminal=True)
    assert trajectory.value(2, td_steps=2, discount=0.5) == 3.0 + 0.5 * 4.0
    assert trajectory.value(1, td_steps=1000, discount=1.0) == 9.0


def test_value_of_a_cut_trajectory_bootstraps_from_its_last_row() -> None:
    trajectory = rows([1.0, 2.0, 3.0, 0.0], [10.0, 20.0, 30.0, 40.0], [0, 0, 0, 0], is_terminal=False)
    assert trajectory.value(1, td_steps=10, discount=0.5) == 2.0 + 0.5 * 3.0 + 0.25 * 40.0
    assert trajectory.value(3, td_steps=10, discount=0.5) == 40.0


def test_value_flips_sign_for_two_players() -> None:
    trajectory = rows([0.0, 0.0, 1.0], [0.1, 0.2, 0.3], [0, 1, 0], is_terminal=True)
    assert [trajectory.value(t, 100, 1.0) for t in range(3)] == [1.0, -1.0, 1.0]
    assert trajectory.value(0, td_steps=1, discount=1.0) == pytest.approx(-0.2)
    assert trajectory.value(0, td_steps=2, discount=0.5) == pytest.approx(0.25 * 0.3)


def test_states_past_the_end_of_an_episode_are_absorbing_and_trained() -> None:
    trajectory = rows([0.0, 1.0], [0.5, 0.5], [0, 1], is_terminal=True)
    value, reward, value_mask, reward_mask, policy_mask = filled(trajectory, 0, 3, 100, 1.0)
    assert value == [-1.0, 1.0, 0.0, 0.0]
    assert reward == [0.0, 1.0, 0.0]
    assert value_mask == [1.0] * 4 and reward_mask == [1.0] * 3
    assert policy_mask == [1.0, 1.0, 0.0, 0.0]


def test_nothing_is_trained_past_a_cut() -> None:
    trajectory = rows([1.0, 1.0, 0.0], [5.0, 6.0, 7.0], [0, 0, 0], is_terminal=False)
    value, reward, value_mask, reward_mask, policy_mask = filled(trajectory, 1, 3, 100, 1.0)
    assert value == [8.0, 7.0, 0.0, 0.0]
    assert reward == [1.0, 0.0, 0.0]
    assert value_mask == [1.0, 1.0, 0.0, 0.0]
    assert reward_mask == [1.0, 0.0, 0.0]
    assert policy_mask == [1.0, 1.0, 0.0, 0.0]


def naive_value(trajectory: Rows, position: int, td_steps: int, discount: float) -> float:
    """Returns the n-step value by its recursion, one step at a time."""
    row = trajectory.start + position
    if not trajectory.is_terminal and position == trajectory.length - 1:
        return float(trajectory.root_value[row])
    if position == trajectory.length:
        return 0.0
    if td_steps == 0:
        return float(trajectory.root_value[row])
    sign = 1.0 if trajectory.to_play[row + 1] == trajectory.to_play[row] else -1.0
    return float(trajectory.reward[row]) + discount * sign * naive_value(trajectory, position + 1, td_steps - 1, discount)


@pytest.mark.parametrize("seed", range(20))
def test_kernel_source_and_recursion_agree_on_random_trajectories(seed: int) -> None:
    rng = np.random.default_rng(seed)
    length, td_steps, discount = int(rng.integers(1, 12)), int(rng.integers(1, 8)), float(rng.uniform(0.5, 1.0))
    reward, root_value = rng.normal(size=(2, length)).tolist()
    trajectory = rows(reward, root_value, (rng.random(length) < 0.5).astype(int).tolist(), bool(rng.random() < 0.5))
    for position in range(length):
        arguments = (trajectory.start, length, trajectory.is_terminal, position, td_steps, discount)
        arrays = (trajectory.reward, trajectory.root_value, trajectory.to_play)
        expected = naive_value(trajectory, position, td_steps, discount)
        assert nstep_value(*arrays, *arguments) == pytest.approx(expected, abs=1e-5)
        assert nstep_value.py_func(*arrays, *arguments) == pytest.approx(expected, abs=1e-5)  # type: ignore[attr-defined]


def test_assembled_batch_takes_every_field_from_the_right_rows() -> None:
    num_rows, num_samples, unroll_steps = 6, 2, 2
    action = np.array([7, 8, NO_ACTION, 3, 4, 5], np.int32)
    policy_action = np.arange(num_rows * 2, dtype=np.int32).reshape(num_rows, 2)
    policy_weight = np.full((num_rows, 2), 0.5, np.float32)
    zeros, players = np.zeros(num_rows, np.float32), np.array([0, 1, 0, 1, 0, 1], np.int8)
    out_action = np.zeros((num_samples, unroll_steps), np.int32)
    steps = (num_samples, unroll_steps + 1)
    out_policy_action, out_policy_weight = np.full((*steps, 2), 9, np.int32), np.full((*steps, 2), 9, np.float32)
    floats = [np.zeros(shape, np.float32) for shape in (steps, (2, 2), steps, (2, 2), steps)]
    out_to_play, out_version, out_policy_version = np.zeros(2, np.int8), np.zeros(2, np.int64), np.zeros(steps, np.int64)

    assemble_targets(
        zeros, zeros, players, action, policy_action, policy_weight, np.arange(10, 16),
        np.array([0, 3]), np.array([3, 3]), np.array([0, 1]), np.array([1, 1]), np.full((2, 2), 6, np.int32), 5, 1.0,
        out_action, floats[0], floats[1], out_policy_action, out_policy_weight, floats[2], floats[3], floats[4],
        out_to_play, out_version, out_policy_version,
    )  # fmt: skip

    assert out_action.tolist() == [[8, 6], [4, 5]]
    assert out_policy_action[0].tolist() == [[2, 3], [4, 5], [0, 0]]
    assert out_policy_weight[1].tolist() == [[0.5, 0.5], [0.5, 0.5], [0.0, 0.0]]
    assert floats[2].tolist() == [[1, 1, 0], [1, 1, 1]] and floats[3].tolist() == [[1, 0], [1, 1]]
    assert out_to_play.tolist() == [1, 0] and out_version.tolist() == [11, 14]
    assert out_policy_version.tolist() == [[11, 12, 11], [14, 15, 14]]


def test_frames_before_the_first_row_are_zeros() -> None:
    frame = np.arange(1, 13, dtype=np.int8).reshape(6, 2)
    out = np.full((2, 3, 2), 99, np.int8)
    gather_frames(frame, np.array([2, 1]), np.array([1, 3]), 3, out)
    assert out[0].tolist() == [[0, 0], [5, 6], [7, 8]]
    assert out[1].tolist() == [[5, 6], [7, 8], [9, 10]]
