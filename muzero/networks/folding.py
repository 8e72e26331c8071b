"""Turns a trained network into the fewest tensors that compute the same: what the serving copy holds. No forward passes.

Batch normalisation disappears into its convolution, the three heads become one, and what an action adds to the first layer of
the dynamics is computed once per action, not once per leaf.

Legend: A actions, H width of an MLP, C channels, E planes of an action, Y X board.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from muzero.networks.heads import Heads
from muzero.networks.mlp import MlpDynamics, MlpRepresentation
from muzero.networks.network import MuZeroNetwork
from muzero.networks.residual import (
    HeadPlanes,
    NormalizedConv,
    PointPolicy,
    ResidualBlock,
    ResidualDynamics,
    ResidualRepresentation,
)

Layer = tuple[Tensor, Tensor]
"""Weight and bias."""

Step = Literal["convolve", "halve", "block", "pool"]
"""What a residual h does next: a convolution, one with a stride of 2, two around a shortcut, or average pooling, without weights."""

MAX_ACTION_TABLE_BYTES = 256 * 2**20
"""Above it, as in chess and shogi with 256 channels, the planes of an action are convolved with each leaf instead."""
MAX_TABLED_ACTIONS = 1024
"""Above it too: a leaf takes as long either way, but on one CPU core loading weights took 478 ms with shogi's table for 32 channels,
10 ms without it."""


@dataclass(frozen=True)
class FoldedWeights:
    """The tensors of the serving copy, float32.

    Attributes:
        representation: layers of h: convolutions, or linear layers and layer norms alternately.
        representation_steps: what a residual h does with them, in order; empty for an MLP.
        action_table: what each action adds to the first layer of g, its bias included, [A, H] or [A, Y * X * C]; or
            each action's planes, [A, Y * X * E], when has_action_planes.
        has_action_planes: see action_table.
        dynamics_entry: the first layer of g; takes the hidden state alone unless has_action_planes.
        dynamics: the other layers of g.
        heads: layers of f; the last gives [reward, value, policy] outputs in a row, of the policy only what `moves` leaves.
        moves: where a policy is said point by point, the convolution that does, over all planes of the first of `heads`; else empty.
    """

    representation: tuple[Layer, ...]
    representation_steps: tuple[Step, ...]
    action_table: Tensor
    has_action_planes: bool
    dynamics_entry: Layer
    dynamics: tuple[Layer, ...]
    heads: tuple[Layer, ...]
    moves: tuple[Layer, ...] = ()

    def tensors(self) -> list[Tensor]:
        """Returns all tensors, always in the same order."""
        return [self.action_table, *chain(*self.representation, self.dynamics_entry, *self.dynamics, *self.heads, *self.moves)]


def fold_network(network: MuZeroNetwork) -> FoldedWeights:
    """Returns tensors that compute what the network computes in evaluation."""
    return _fold_mlp(network) if isinstance(network.dynamics_trunk, MlpDynamics) else _fold_residual(network)


def _fold_mlp(network: MuZeroNetwork) -> FoldedWeights:
    representation, dynamics = network.representation, network.dynamics_trunk
    assert isinstance(representation, MlpRepresentation) and isinstance(dynamics, MlpDynamics)
    (weight, bias), *rest = _affine_layers(dynamics.layers)
    (hidden_size,) = network.latent_shape
    return FoldedWeights(
        representation=tuple(_affine_layers(representation.layers)),
        representation_steps=(),
        action_table=functional.linear(network.action_code.table, weight[:, hidden_size:], bias),
        has_action_planes=False,
        dynamics_entry=(weight[:, :hidden_size], torch.zeros_like(bias)),
        dynamics=tuple(rest),
        heads=_fold_heads(network.heads),
    )


def _fold_residual(network: MuZeroNetwork) -> FoldedWeights:
    representation, dynamics, head_planes = network.representation, network.dynamics_trunk, network.head_features
    assert isinstance(representation, ResidualRepresentation) and isinstance(dynamics, ResidualDynamics)
    assert isinstance(head_planes, HeadPlanes)
    table, entry, has_action_planes = _fold_dynamics_entry(network, dynamics.entry)
    head_entry, moves = _fold_head_entry(head_planes, network.point_policy)
    return FoldedWeights(
        representation=tuple(_fold_convolutions(representation.layers)),
        representation_steps=_steps(representation.layers),
        action_table=table.permute(0, 2, 3, 1).flatten(1),
        has_action_planes=has_action_planes,
        dynamics_entry=entry,
        dynamics=tuple(_fold_convolutions(dynamics.blocks)),
        heads=(head_entry, *_fold_heads(network.heads)),
        moves=moves,
    )


def _fold_head_entry(head_planes: HeadPlanes, point_policy: PointPolicy | None) -> tuple[Layer, tuple[Layer, ...]]:
    """Returns the first convolution of all heads, and the second one of a policy that is said point by point.

    The planes of both kinds of heads come from one convolution; the second has zeros for those that are not its own.
    """
    if point_policy is None:
        return _fold_convolution(head_planes.entry), ()
    dense, points = _fold_convolution(head_planes.entry), _fold_convolution(point_policy.entry)
    moves, bias = point_policy.moves.weight, point_policy.moves.bias
    assert bias is not None
    entry = (torch.cat((dense[0], points[0])), torch.cat((dense[1], points[1])))
    return entry, ((torch.cat((moves.new_zeros(len(moves), len(dense[0]), 1, 1), moves), dim=1), bias),)


def _fold_dynamics_entry(network: MuZeroNetwork, entry: NormalizedConv) -> tuple[Tensor, Layer, bool]:
    """Returns the action table [A, C or E, Y, X], the first layer of g, and whether the table holds planes."""
    weight, bias = _fold_convolution(entry)
    num_channels, height, width = network.latent_shape
    planes = network.action_code.table
    table_bytes = planes.shape[0] * num_channels * height * width * weight.element_size()
    if planes.shape[0] > MAX_TABLED_ACTIONS or table_bytes > MAX_ACTION_TABLE_BYTES:
        return planes, (weight, bias), True
    table = functional.conv2d(planes, weight[:, num_channels:], bias, padding=1)
    return table, (weight[:, :num_channels], torch.zeros_like(bias)), False


def _fold_convolution(layer: NormalizedConv) -> Layer:
    """Returns the convolution that equals convolution and batch normalisation in evaluation."""
    norm = layer.norm
    assert norm.running_mean is not None and norm.running_var is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return layer.conv.weight * scale.view(-1, 1, 1, 1), norm.bias - norm.running_mean * scale


def _fold_convolutions(layers: nn.Module) -> list[Layer]:
    """Returns the convolutions of convolutional layers and residual blocks, in order."""
    return [_fold_convolution(layer) for layer in layers.modules() if isinstance(layer, NormalizedConv)]


def _steps(layers: nn.Module) -> tuple[Step, ...]:
    """Returns what each layer of a residual h does; ReLUs follow every convolution and are not named."""
    steps: list[Step] = []
    for layer in layers.children():
        if isinstance(layer, NormalizedConv):
            steps.append("convolve" if layer.conv.stride == (1, 1) else "halve")
        elif isinstance(layer, ResidualBlock):
            steps.append("block")
        elif isinstance(layer, nn.AvgPool2d):
            steps.append("pool")
    return tuple(steps)


def _fold_heads(heads: Heads) -> tuple[Layer, Layer]:
    """Returns two linear layers for all heads; the second is block-diagonal, its zeros cost less than two more calls."""
    last = [layer for layer in (heads.reward, heads.value, heads.policy) if layer is not None]
    bias = torch.cat([layer.bias for layer in last])
    weight = bias.new_zeros(len(bias), heads.hidden.out_features)
    row = column = 0
    for layer in last:
        weight[row : row + layer.out_features, column : column + layer.in_features] = layer.weight
        row, column = row + layer.out_features, column + layer.in_features
    return (heads.hidden.weight, heads.hidden.bias), (weight, bias)


def _affine_layers(layers: nn.Module) -> list[Layer]:
    """Returns linear layers and layer norms, alternately, in order."""
    return [(layer.weight, layer.bias) for layer in layers.children() if isinstance(layer, nn.Linear | nn.LayerNorm)]
