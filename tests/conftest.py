"""Settings of every test: one thread per process, and tests marked `gpu` skipped without a CUDA device. No fixtures."""

import os
from collections.abc import Iterable
from functools import cache

import pytest

os.environ["OMP_NUM_THREADS"] = "1"

import muzero  # noqa: E402, F401 - names the folder of compiled kernels, which must happen before numba is imported


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Skips what needs a GPU where there is none."""
    for item in items:
        if item.get_closest_marker("gpu") and not cuda_is_available():
            item.add_marker(pytest.mark.skip(reason="no CUDA device"))


@cache
def cuda_is_available() -> bool:
    """Returns whether torch sees a CUDA device; torch is only imported when a GPU test is collected."""
    import torch

    return torch.cuda.is_available()
