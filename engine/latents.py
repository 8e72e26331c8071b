"""The pool of hidden states on the device: one row per (slot, node), never copied to the host.

Convolutional states are stored channels-last, the layout the convolutions want; reading gives the channels-first view of it.
"""

import torch
from torch import Tensor


class LatentPool:
    """Hidden states of all trees in flight.

    Args:
        num_slots: trees.
        num_nodes: nodes a tree.
        latent_shape: shape of one hidden state, (hidden,) or (C, H, W).
        device, dtype: where and as what they are kept.

    Row `slot * num_nodes + node` holds a node; one row more, `scratch_row`, is for padding.
    """

    def __init__(self, num_slots: int, num_nodes: int, latent_shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> None:
        self.num_nodes = num_nodes
        self.scratch_row = num_slots * num_nodes
        self._is_convolutional = len(latent_shape) == 3
        stored = (*latent_shape[1:], latent_shape[0]) if self._is_convolutional else latent_shape
        self._storage = torch.zeros((self.scratch_row + 1, *stored), device=device, dtype=dtype)

    @property
    def size_bytes(self) -> int:
        """Bytes on the device."""
        return self._storage.numel() * self._storage.element_size()

    def read(self, row: Tensor) -> Tensor:
        """Returns the hidden states [B, *latent_shape] of these rows (int64 [B])."""
        hidden_state = self._storage.index_select(0, row)
        return hidden_state.permute(0, 3, 1, 2) if self._is_convolutional else hidden_state

    def write(self, row: Tensor, hidden_state: Tensor) -> None:
        """Stores hidden states [B, *latent_shape] in these rows (int64 [B])."""
        stored = hidden_state.permute(0, 2, 3, 1) if self._is_convolutional else hidden_state
        self._storage.index_copy_(0, row, stored.to(self._storage.dtype))
