"""Keeps hidden states in [0, 1]: the range of the action planes they are put beside."""

from torch import Tensor

SMALLEST_RANGE = 1e-5
"""A constant hidden state would divide by zero."""


def scale_hidden_state(hidden_state: Tensor) -> Tensor:
    """Returns (s - min s) / (max s - min s), minimum and maximum over the whole hidden state of each sample.

    Args:
        hidden_state: [B, ...], in any memory format, which is kept.

    Source: arXiv:1911.08265, appendix G.
    """
    axes = tuple(range(1, hidden_state.dim()))
    smallest = hidden_state.amin(axes, keepdim=True)
    width = (hidden_state.amax(axes, keepdim=True) - smallest).clamp_min(SMALLEST_RANGE)
    return (hidden_state - smallest) / width
