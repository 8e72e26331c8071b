"""Tests of how head outputs mean numbers."""

import math

import pytest
import torch

from muzero.config import NetworkConfig
from muzero.networks.value_codec import ValueCodec


def codec(bounds: tuple[float, float] | None = None, **settings: object) -> ValueCodec:
    """Returns a codec of these network settings."""
    return ValueCodec(NetworkConfig(**settings), bounds)  # type: ignore[arg-type]


def test_categorical_loss_is_the_cross_entropy_with_the_two_nearest_bins() -> None:
    logits = torch.log(torch.tensor([[0.2, 0.3, 0.5]]))
    loss = codec(support_size=1).loss(logits, torch.tensor([0.25]))
    assert float(loss) == pytest.approx(-(0.75 * math.log(0.3) + 0.25 * math.log(0.5)))


def test_scalar_loss_is_the_squared_error_on_the_transformed_scale() -> None:
    loss = codec(value_head="scalar", transform_values=True).loss(torch.tensor([[2.0]]), torch.tensor([3.0]))
    assert float(loss) == pytest.approx((2.0 - 1.003) ** 2)


def test_bounded_scalar_is_squashed_into_its_bounds() -> None:
    squashed = codec((0.0, 10.0), value_head="scalar").decode(torch.tensor([[0.0], [1.0], [-50.0]]))
    torch.testing.assert_close(squashed, torch.tensor([5.0, 5.0 + 5.0 * math.tanh(1.0), 0.0]))


def test_decoded_values_never_leave_the_bounds() -> None:
    logits = torch.tensor([[0.0] * 10 + [50.0]])
    assert float(codec((-1.0, 1.0), support_size=5).decode(logits)) == 1.0
    assert float(codec(None, support_size=5).decode(logits)) == pytest.approx(5.0)


def test_the_limit_is_the_value_of_the_last_bin() -> None:
    assert codec(support_size=5).limit == 5.0
    assert codec(support_size=2, transform_values=True).limit == pytest.approx(7.952, abs=1e-3)  # sqrt(8.952) - 1 + 0.00795 = 2
    assert codec((-1.0, 1.0)).limit is None
    assert codec(value_head="scalar").limit is None


@pytest.mark.parametrize("head", ["categorical", "scalar"])
@pytest.mark.parametrize("is_transformed", [True, False])
def test_minimising_the_loss_makes_the_decoded_value_the_target(head: str, is_transformed: bool) -> None:
    coder = codec(value_head=head, transform_values=is_transformed, support_size=8)
    logits = torch.zeros(1, coder.num_outputs, requires_grad=True)
    optimizer = torch.optim.Adam([logits], lr=0.1)
    for _ in range(300):
        optimizer.zero_grad()
        coder.loss(logits, torch.tensor([6.5])).sum().backward()
        optimizer.step()
    assert coder.decode(logits).item() == pytest.approx(6.5, abs=0.1)
