"""Numba's `njit` as this project uses it: cached on disk, without the GIL, with types that mypy can read."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

Function = TypeVar("Function", bound=Callable[..., Any])


def njit(function: Function) -> Function:
    """Compiles a kernel; the original stays reachable as `.py_func` for tests."""
    return cast(Function, numba.njit(cache=True, nogil=True)(function))
