"""How an action is shown to the dynamics: a table with one entry per action, read by index on the device. No layers of g.

Legend: A actions, B batch, E size or planes of an entry, H W sides of the hidden state.
Source: arXiv:1911.08265, appendix F: planes as the rules have them for boards, one-hot tiled into planes for Atari.
"""

import numpy as np
import torch
from torch import Tensor, nn

from muzero.networks.shape import MAX_TILED_ACTIONS, NUM_LEARNED_PLANES
from muzero.types import Float32Array, GameSpec

LEARNED_PLANES_SCALE = 0.35
"""Standard deviation of new learned planes: the 8 x 9 of them under a 3 x 3 kernel then weigh as much as one plane of ones,
because sqrt(72) * 0.35 = sqrt(9)."""


class ActionCode(nn.Module):
    """The entries of all actions, either fixed or learned with the network.

    Attributes:
        table: float32 [A, E, H, W], or [A, E] for an MLP.
    """

    table: Tensor

    def __init__(self, table: Tensor | nn.Parameter) -> None:
        """Keeps a table; a fixed one is not part of the network's state, because the game gives it again."""
        super().__init__()
        if isinstance(table, nn.Parameter):
            self.table = table
        else:
            self.register_buffer("table", table, persistent=False)

    def forward(self, action: Tensor) -> Tensor:
        """Returns the entries of actions, [B, E, H, W] or [B, E].

        Args:
            action: int64 [B], in [0, A).
        """
        return self.table.index_select(0, action)


def make_action_code(spec: GameSpec, action_planes: Float32Array, latent_shape: tuple[int, ...]) -> ActionCode:
    """Returns the code that suits the game and the hidden state.

    Args:
        spec: the game.
        action_planes: float32 [A, *spec.action_shape], or the unit matrix [A, A].
        latent_shape: from `muzero.networks.shape`, which has checked that planes of actions fit it.
    """
    is_residual = len(latent_shape) == 3
    if is_residual and not spec.action_shape:
        return _planes_for_numbers(spec.num_actions, latent_shape[1:])
    table = torch.from_numpy(np.array(action_planes, dtype=np.float32))
    return ActionCode(table if is_residual else table.flatten(1))


def _planes_for_numbers(num_actions: int, board_shape: tuple[int, ...]) -> ActionCode:
    """Returns planes for actions that are mere numbers."""
    if num_actions <= MAX_TILED_ACTIONS:
        return ActionCode(torch.eye(num_actions)[:, :, None, None].repeat(1, 1, *board_shape))
    return ActionCode(nn.Parameter(LEARNED_PLANES_SCALE * torch.randn(num_actions, NUM_LEARNED_PLANES, *board_shape)))
