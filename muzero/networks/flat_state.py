"""A network's weights as one flat float32 vector, the form in which they travel between processes. No sharing, no files.

The vector holds parameters and float buffers (batch-norm statistics) in the order of state_dict. Integer buffers and tables
that are not part of the state are left out.
"""

import numpy as np
import torch
from torch import Tensor, nn

from muzero.errors import UserError
from muzero.types import Float32Array


def num_floats(network: nn.Module) -> int:
    """Returns W, the floats of the network's state."""
    return sum(tensor.numel() for tensor in _float_tensors(network))


def flatten_state(network: nn.Module, out: Tensor | Float32Array) -> None:
    """Writes the network's state to `out`, float32 [W], with one copy from the device.

    Raises:
        ValueError: if `out` has another size.
    """
    flat = torch.cat([tensor.detach().reshape(-1) for tensor in _float_tensors(network)])
    target = torch.from_numpy(out) if isinstance(out, np.ndarray) else out
    _require_size(target, flat.numel())
    target.copy_(flat)


def load_flat_state(network: nn.Module, values: Float32Array) -> None:
    """Sets the network's state, in place, from a vector that flatten_state wrote.

    Args:
        network: a network of the same shape.
        values: float32 [W].

    Raises:
        ValueError: if `values` has another size.
    """
    tensors = _float_tensors(network)
    flat = torch.from_numpy(values)
    _require_size(flat, sum(tensor.numel() for tensor in tensors))
    flat = flat.to(tensors[0].device)
    with torch.no_grad():
        for tensor, piece in zip(tensors, torch.split(flat, [tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(piece.view_as(tensor))


def _float_tensors(network: nn.Module) -> list[Tensor]:
    return [tensor for tensor in network.state_dict().values() if tensor.is_floating_point()]


def _require_size(values: Tensor, num_values: int) -> None:
    if values.shape != (num_values,):
        raise ValueError(f"the flat state has shape {tuple(values.shape)}, the network needs ({num_values},)")


def load_named_state(network: nn.Module, state: dict[str, Tensor]) -> None:
    """Copies a saved state by name into a network.

    Args:
        network: changed in place.
        state: from the state_dict of a network with the same layers.

    Raises:
        UserError: the layers are others.
    """
    try:
        network.load_state_dict(state)
    except RuntimeError as error:
        raise UserError(
            "the saved network has other layers than game and settings ask for now, because the game's spec or this program changed since: "
            f"start a new run, or use what it was saved with ({str(error).splitlines()[-1].strip().rstrip('.')})."
        ) from None
