"""Arrays come back from a file's bytes with every number in its place, however they lay in memory."""

import numpy as np
import pytest
import torch
from safetensors.numpy import load

from engine.array_file import array_bytes

NUMBERS = np.arange(120.0, dtype=np.float32).reshape(2, 3, 4, 5)


@pytest.mark.parametrize(
    "array",
    [
        torch.from_numpy(NUMBERS).to(memory_format=torch.channels_last).numpy(),
        NUMBERS.transpose(3, 0, 2, 1),
        np.asfortranarray(NUMBERS),
        NUMBERS[:, ::2],
        NUMBERS[..., ::-1],
        np.array(3.0, np.float32),
        np.zeros((0, 4), np.float32),
    ],
    ids=["channels last", "transposed", "fortran", "strided", "reversed", "scalar", "empty"],
)
def test_an_array_survives_whatever_its_layout(array: np.ndarray) -> None:
    loaded = load(array_bytes({"array": array}))["array"]
    assert (loaded.shape, loaded.dtype) == (array.shape, array.dtype)
    np.testing.assert_array_equal(loaded, array)
