"""The value transform h with its exact inverse, and numbers as distributions over integer bins (torch). No network, no loss.

Legend: S = 2 * support_size + 1 bins, at the integers -support_size .. support_size.
"""

import torch
from torch import Tensor

EPSILON = 0.001
"""The slope that keeps h invertible for large values."""


def transform(value: Tensor) -> Tensor:
    """Returns h(x) = sign(x) (sqrt(|x| + 1) - 1) + 0.001 x, which shrinks large values.

    Args:
        value: float, any shape.

    Source: arXiv:1805.11593, proposition A.2; arXiv:1911.08265, appendix F.
    """
    return torch.sign(value) * (torch.sqrt(value.abs() + 1.0) - 1.0) + EPSILON * value


def inverse_transform(value: Tensor) -> Tensor:
    """Returns the x with h(x) = value.

    With e = 0.001 it is sign(y) (((sqrt(1 + 4 e (|y| + 1 + e)) - 1) / (2 e))^2 - 1). The root minus 1 is formed as
    a quotient, because subtracting two numbers near 1 would cost float32 four digits here.

    Args:
        value: float, any shape.

    Source: arXiv:1805.11593, proposition A.2 (iii).
    """
    inner = 4.0 * EPSILON * (value.abs() + 1.0 + EPSILON)
    root = 2.0 * (value.abs() + 1.0 + EPSILON) / (torch.sqrt(1.0 + inner) + 1.0)
    return torch.sign(value) * (root * root - 1.0)


def support(support_size: int) -> Tensor:
    """Returns the values of the bins, float32 [S]."""
    return torch.arange(-support_size, support_size + 1, dtype=torch.float32)


def two_hot(value: Tensor, bins: Tensor) -> Tensor:
    """Returns the distribution over the two nearest bins whose mean is the value.

    Args:
        value: float [...]; clamped to the range of the bins.
        bins: float [S], from `support`.

    Returns:
        float [..., S], each row sums to 1.

    Source: arXiv:1911.08265, appendix F.
    """
    inside = value.clamp(min=-(bins.shape[0] // 2), max=bins.shape[0] // 2)
    return (1.0 - (inside.unsqueeze(-1) - bins).abs()).clamp_min(0.0)


def from_support(logits: Tensor, bins: Tensor) -> Tensor:
    """Returns the mean of the distribution given by logits, float32 [...].

    Args:
        logits: [..., S].
        bins: float32 [S], from `support`.
    """
    return torch.softmax(logits.float(), dim=-1) @ bins
