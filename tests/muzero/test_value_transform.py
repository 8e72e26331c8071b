"""Tests of the value transform and of numbers as distributions."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from muzero.value_transform import from_support, inverse_transform, support, transform, two_hot


def test_transform_has_the_hand_computed_values() -> None:
    value = torch.tensor([0.0, 3.0, -8.0, 99.0])
    expected = torch.tensor([0.0, 1.003, -2.008, 9.099])
    torch.testing.assert_close(transform(value), expected)


def test_inverse_transform_has_the_hand_computed_values() -> None:
    torch.testing.assert_close(inverse_transform(torch.tensor([1.003, -2.008])), torch.tensor([3.0, -8.0]))


@given(st.floats(-1e6, 1e6, width=32))
def test_inverse_undoes_the_transform_in_float32(value: float) -> None:
    restored = float(inverse_transform(transform(torch.tensor(value, dtype=torch.float32))))
    assert restored == pytest.approx(value, rel=1e-5, abs=1e-5)


def test_transform_rises_everywhere() -> None:
    values = transform(torch.linspace(-500, 500, 2001))
    assert bool((values.diff() > 0).all())


def test_two_hot_splits_a_number_between_its_neighbours() -> None:
    distribution = two_hot(torch.tensor([0.25, -2.0, 1.0]), support(2))
    expected = torch.tensor([[0, 0, 0.75, 0.25, 0], [1, 0, 0, 0, 0], [0, 0, 0, 1, 0]], dtype=torch.float32)
    torch.testing.assert_close(distribution, expected)


def test_two_hot_clamps_what_lies_outside_the_bins() -> None:
    distribution = two_hot(torch.tensor([7.5, -9.0]), support(1))
    torch.testing.assert_close(distribution, torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]))


@given(st.floats(-20, 20, width=32))
def test_two_hot_keeps_the_mean(value: float) -> None:
    distribution = two_hot(torch.tensor(value), support(20))
    assert float(distribution.sum()) == pytest.approx(1.0, abs=1e-5)
    assert float(distribution @ support(20)) == pytest.approx(value, abs=1e-4)


def test_from_support_is_the_mean_of_the_softmax() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5]]))
    torch.testing.assert_close(from_support(logits, support(1)), torch.tensor([0.3]))
