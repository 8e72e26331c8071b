"""Tests of the sum tree."""

import numpy as np
import pytest
from numpy.typing import NDArray

from muzero.priorities import SumTree, draw_rows, set_priorities


def naive_rows(priorities: NDArray[np.float64], uniform: NDArray[np.float64]) -> NDArray[np.int64]:
    """Returns what a linear scan would draw."""
    edges = np.cumsum(priorities)
    return np.searchsorted(edges, uniform * edges[-1], side="right")


@pytest.mark.parametrize("capacity", [1, 2, 5, 64, 100])
def test_draws_equal_a_linear_scan(capacity: int) -> None:
    rng = np.random.default_rng(capacity)
    tree, priorities = SumTree(capacity), rng.integers(1, 9, capacity).astype(np.float64)
    tree.set(np.arange(capacity), priorities)
    uniform = rng.random(500)

    row, probability = tree.sample(uniform)

    np.testing.assert_array_equal(row, naive_rows(priorities, uniform))
    np.testing.assert_allclose(probability, priorities[row] / priorities.sum())
    assert tree.total == priorities.sum()


def test_kernels_and_their_python_sources_agree() -> None:
    rng = np.random.default_rng(0)
    rows, priorities, uniform = rng.integers(0, 8, 20), rng.random(20), rng.random(50)
    results = []
    for write, draw in ((set_priorities, draw_rows), (set_priorities.py_func, draw_rows.py_func)):  # type: ignore[attr-defined]
        nodes, row, probability = np.zeros(16), np.zeros(50, np.int64), np.zeros(50)
        write(rows, priorities, nodes)
        draw(nodes, uniform, row, probability)
        results.append((nodes, row, probability))
    for compiled, plain in zip(*results, strict=True):
        np.testing.assert_array_equal(compiled, plain)


def test_stratified_draws_follow_the_priorities_exactly() -> None:
    tree = SumTree(4)
    tree.set(np.array([0, 1, 2, 3]), np.array([1.0, 0.0, 2.0, 5.0]))
    row, _ = tree.sample((np.arange(800) + 0.5) / 800)
    np.testing.assert_array_equal(np.bincount(row, minlength=4), [100, 0, 200, 500])


def test_rows_of_priority_zero_are_never_drawn() -> None:
    rng = np.random.default_rng(1)
    tree, priorities = SumTree(1000), rng.random(1000) * (rng.random(1000) < 0.1)
    tree.set(np.arange(1000), priorities)
    row, _ = tree.sample(np.append(rng.random(20_000), [0.0, np.nextafter(1.0, 0.0)]))
    assert (priorities[row] > 0).all()


def test_the_last_of_two_priorities_of_a_row_holds() -> None:
    tree = SumTree(3)
    tree.set(np.array([1, 1, 2]), np.array([4.0, 2.0, 1.0]))
    np.testing.assert_array_equal(tree.priorities, [0.0, 2.0, 1.0])
    assert tree.total == 3.0


def test_rounding_does_not_accumulate_over_updates() -> None:
    rng = np.random.default_rng(2)
    tree = SumTree(64)
    for _ in range(2000):
        tree.set(rng.integers(0, 64, 32), rng.random(32) * 10.0 ** rng.integers(-8, 8))
    assert tree.total == pytest.approx(tree.priorities.sum(), rel=1e-12)


@pytest.mark.parametrize(("row", "priority"), [(-1, 1.0), (4, 1.0), (0, -1.0), (0, np.nan), (0, np.inf)])
def test_rows_and_priorities_out_of_range_are_refused(row: int, priority: float) -> None:
    tree = SumTree(4)
    with pytest.raises(ValueError, match="must"):
        tree.set(np.array([row]), np.array([priority]))
    assert tree.total == 0.0


def test_nothing_is_drawn_from_an_empty_tree() -> None:
    with pytest.raises(ValueError, match="nothing to draw"):
        SumTree(4).sample(np.array([0.5]))
