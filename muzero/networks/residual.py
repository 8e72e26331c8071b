"""Representation, dynamics and head features as residual convolutions with batch normalisation. No heads.

Legend: B batch, I input planes, C channels of the hidden state, E planes of an action, H W board.
Source: arXiv:1911.08265, appendix F.
"""

import torch
from torch import Tensor, nn

from muzero.networks.hidden_scaling import scale_hidden_state

NUM_HEAD_PLANES = 8
"""Planes that all heads share, after a 1x1 convolution."""


class NormalizedConv(nn.Module):
    """A convolution without bias, then batch normalisation; one affine map once training is over."""

    def __init__(self, num_inputs: int, num_outputs: int, kernel_size: int) -> None:
        """Makes the pair; the output keeps the board's size."""
        super().__init__()
        self.conv = nn.Conv2d(num_inputs, num_outputs, kernel_size, padding=kernel_size // 2, bias=False)
        self.norm = nn.BatchNorm2d(num_outputs)

    def forward(self, planes: Tensor) -> Tensor:
        """Returns [B, num_outputs, H, W]."""
        normalized: Tensor = self.norm(self.conv(planes))
        return normalized


class ResidualBlock(nn.Module):
    """Two convolutions around a shortcut."""

    def __init__(self, num_channels: int) -> None:
        """Makes a block of this many channels."""
        super().__init__()
        self.first = NormalizedConv(num_channels, num_channels, 3)
        self.second = NormalizedConv(num_channels, num_channels, 3)

    def forward(self, planes: Tensor) -> Tensor:
        """Returns [B, C, H, W]."""
        return torch.relu(planes + self.second(torch.relu(self.first(planes))))


class ResidualRepresentation(nn.Module):
    """h: from observation planes to a hidden state."""

    def __init__(self, num_planes: int, num_channels: int, num_blocks: int) -> None:
        """Makes one convolution and num_blocks blocks."""
        super().__init__()
        self.entry = NormalizedConv(num_planes, num_channels, 3)
        self.blocks = nn.Sequential(*(ResidualBlock(num_channels) for _ in range(num_blocks)))

    def forward(self, observation: Tensor) -> Tensor:
        """Returns the hidden state, [B, C, H, W] in [0, 1].

        Args:
            observation: float [B, I, H, W].
        """
        return scale_hidden_state(self.blocks(torch.relu(self.entry(observation))))


class ResidualDynamics(nn.Module):
    """g: from a hidden state and an action's planes to the next hidden state."""

    def __init__(self, num_action_planes: int, num_channels: int, num_blocks: int) -> None:
        """Makes one convolution with a shortcut and num_blocks blocks."""
        super().__init__()
        self.entry = NormalizedConv(num_channels + num_action_planes, num_channels, 3)
        self.blocks = nn.Sequential(*(ResidualBlock(num_channels) for _ in range(num_blocks)))

    def forward(self, hidden_state: Tensor, action_code: Tensor) -> Tensor:
        """Returns the next hidden state, [B, C, H, W] in [0, 1].

        Args:
            hidden_state: [B, C, H, W].
            action_code: [B, E, H, W].
        """
        entry = self.entry(torch.cat((hidden_state, action_code), dim=1))
        return scale_hidden_state(self.blocks(torch.relu(entry + hidden_state)))


class HeadPlanes(nn.Module):
    """A 1x1 convolution whose few planes, in a row, are what the heads see."""

    def __init__(self, num_channels: int) -> None:
        """Makes NUM_HEAD_PLANES planes out of num_channels channels."""
        super().__init__()
        self.entry = NormalizedConv(num_channels, NUM_HEAD_PLANES, 1)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """Returns [B, NUM_HEAD_PLANES * H * W].

        Args:
            hidden_state: [B, C, H, W].
        """
        return torch.relu(self.entry(hidden_state)).flatten(1)
