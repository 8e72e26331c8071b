"""Arrays by name as the bytes of a safetensors file; the one place where they are made."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save


def array_bytes(arrays: dict[str, NDArray[Any]]) -> bytes:
    """Returns the content of a file, which `safetensors.numpy.load` reads.

    safetensors writes an array as it lies in memory and its shape beside it. What lies otherwise, as a convolution's weights that are
    channels-last, would come back with its numbers in other places, so such arrays are copied into the order of their indices.

    Args:
        arrays: by name.

    Raises:
        SafetensorError: an array is of a kind that such files do not hold.
    """
    # ascontiguousarray would make a vector of a single number.
    return save({name: np.asarray(array, order="C") for name, array in arrays.items()})
