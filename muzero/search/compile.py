"""How the kernels of a search are compiled: as everywhere (muzero/jit.py), but without reference counts."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba

OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "error_model": "numpy", "_nrt": False}
Function = TypeVar("Function", bound=Callable[..., Any])


def kernel(function: Function) -> Function:
    """Compiles a kernel that creates no array.

    Such a kernel needs no reference counts; with them every call of a callee takes and drops one on each of the arrays of a
    tree, which made a simulation cost 1,160 ns instead of 220 (Gumbel, 18 actions, 64 trees). Dividing by zero gives
    infinity as in numpy, so that a division needs no branch. The original stays reachable as `.py_func` for tests.
    """
    return cast(Function, numba.njit(**OPTIONS)(function))
