"""Units of a network that never answer: channels behind a ReLU that are 0 on everything they were shown. No training.

A unit is one output of a linear layer or one channel of a convolution.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import torch
from torch import Tensor, nn

from muzero.networks.heads import Heads
from muzero.networks.residual import HeadPlanes, PointPolicy, ResidualBlock


@dataclass(frozen=True)
class LayerUnits:
    """The units of one layer.

    Attributes:
        layer: its name in the network.
        units: how many it has.
        dead: how many of them were 0 throughout.
    """

    layer: str
    units: int
    dead: int

    @property
    def dead_share(self) -> float:
        """Dead over all, in [0, 1]."""
        return self.dead / self.units


class UnitWatch:
    """Remembers the highest answer of each rectified unit while the network is used in its `with` block."""

    def __init__(self, network: nn.Module) -> None:
        """Prepares to watch a network; one without known rectified layers shows none."""
        self._layers = dict(rectified_layers(network))
        self._highest: dict[str, Tensor] = {}
        self._hooks: list[torch.utils.hooks.RemovableHandle] = []

    def __enter__(self) -> Self:
        self._hooks = [layer.register_forward_hook(self._note(name)) for name, layer in self._layers.items()]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for hook in self._hooks:
            hook.remove()

    def layers(self) -> list[LayerUnits]:
        """Returns the layers that were used, in the network's order."""
        highest = ((name, self._highest[name]) for name in self._layers if name in self._highest)
        return [LayerUnits(name, len(values), int((values <= 0.0).sum())) for name, values in highest]

    def _note(self, name: str) -> Any:
        def hook(layer: nn.Module, inputs: Any, output: Tensor) -> None:
            highest = output.detach().transpose(0, 1).flatten(1).amax(1)
            earlier = self._highest.get(name)
            self._highest[name] = highest if earlier is None else torch.maximum(earlier, highest)

        return hook


def rectified_layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yields the layers whose output has passed a ReLU or is about to: either way a unit is dead where it never exceeds 0."""
    for name, module in network.named_modules():
        if isinstance(module, ResidualBlock):
            yield f"{name}.first", module.first
        if isinstance(module, nn.ReLU | ResidualBlock):
            yield name, module
        elif isinstance(module, HeadPlanes | PointPolicy):
            yield f"{name}.entry", module.entry
        elif isinstance(module, Heads):
            yield f"{name}.hidden", module.hidden
