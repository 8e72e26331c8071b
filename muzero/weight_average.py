"""The exponential moving average of a network's weights: what is published and played where it is on. It is never trained itself."""

import copy

import torch
from torch import Tensor, nn

from muzero.networks.network import MuZeroNetwork


class WeightAverage:
    """The average of parameters and batch-norm statistics over training steps, in a network of its own.

    Integers of the state, which only count, stay as they were copied.

    Attributes:
        network: holds the average, without gradients.
    """

    def __init__(self, network: MuZeroNetwork, decay: float) -> None:
        """Begins with the network as it is.

        Args:
            network: on the device it stays on; its tensors are changed in place from now on.
            decay: in (0, 1).
        """
        self.network = copy.deepcopy(network).eval().requires_grad_(False)
        self._decay = decay
        self._sources, self._averages = _float_tensors(network), _float_tensors(self.network)

    @torch.no_grad()
    def update(self, steps: int) -> None:
        """Moves the average towards the network.

        Args:
            steps: training steps done before this one, at least 0.
        """
        torch._foreach_lerp_(self._averages, self._sources, 1.0 - decay_at(steps, self._decay))


def decay_at(steps: int, decay: float) -> float:
    """Returns the decay of a step: min(decay, (1 + steps) / (10 + steps)), so that the first, random weights are soon forgotten.

    Args:
        steps: training steps done before, at least 0.
        decay: in (0, 1).
    """
    return min(decay, (1 + steps) / (10 + steps))


def _float_tensors(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]
