"""Atomic loads, stores and fences on int64 words of shared memory, for Numba kernels and for Python. No protocol lives here.

Numba hoists a plain load out of a loop, so that a waiting kernel hangs, and ARM reorders plain stores. Every flag, stamp and
counter that crosses a process is therefore read and written through this file.
"""

from collections.abc import Callable
from typing import Any, cast

from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

from muzero.jit import njit
from muzero.types import Int64Array

WORD_BYTES = 8


def _word_pointer(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Returns the address of one word of a 1-D array."""
    view = context.make_array(array_type)(context, builder, array)
    item_pointer = cast(Callable[..., Any], cgutils.get_item_pointer)
    return item_pointer(context, builder, array_type, view, [index])


def _is_word_array(array: Any) -> bool:
    return isinstance(array, types.Array) and array.ndim == 1 and array.dtype == types.int64


def _load_acquire(typing_context: Any, array: Any, index: Any) -> Any:
    """Returns array[index]; nothing after it is read before it."""
    if not _is_word_array(array):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _word_pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        return builder.load_atomic(pointer, ordering="acquire", align=WORD_BYTES)

    return types.int64(array, types.intp), generate


def _store_release(typing_context: Any, array: Any, index: Any, value: Any) -> Any:
    """Sets array[index]; everything written before it is seen before it."""
    if not _is_word_array(array):
        return None

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = _word_pointer(context, builder, signature.args[0], arguments[0], arguments[1])
        builder.store_atomic(arguments[2], pointer, ordering="release", align=WORD_BYTES)
        return context.get_dummy_value()

    return types.void(array, types.intp, types.int64), generate


def _fence(ordering: str) -> Callable[[Any], Any]:
    """Returns the implementation of a fence of this ordering."""

    def declare(typing_context: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.fence(ordering=ordering)
            return context.get_dummy_value()

        return types.void(), generate

    declare.__name__ = f"fence_{ordering}"
    return declare


load_acquire = cast(Callable[[Int64Array, int], int], intrinsic(_load_acquire))
"""Kernels only: array[index] of a 1-D int64 array; nothing after it is read before it."""
store_release = cast(Callable[[Int64Array, int, int], None], intrinsic(_store_release))
"""Kernels only: sets array[index] of a 1-D int64 array; everything written before it is seen before it."""
fence_acquire = cast(Callable[[], None], intrinsic(_fence("acquire")))
"""Kernels only: loads after it are not done before loads that stand ahead of it."""
fence_release = cast(Callable[[], None], intrinsic(_fence("release")))
"""Kernels only: stores after it are not seen before stores that stand ahead of it."""


@njit
def load(array: Int64Array, index: int) -> int:
    """Returns array[index] with acquire order; the caller keeps index in range.

    Args:
        array: int64 [N].
        index: in [0, N).
    """
    return load_acquire(array, index)


@njit
def store(array: Int64Array, index: int, value: int) -> None:
    """Sets array[index] with release order; the caller keeps index in range.

    Args:
        array: int64 [N].
        index: in [0, N).
        value: int64.
    """
    store_release(array, index, value)


@njit
def finish_reads() -> None:
    """Orders what was read before against what is read next: call it between copying data and validating its stamp."""
    fence_acquire()


@njit
def order_writes() -> None:
    """Orders what was stored before against what is stored next: call it between withdrawing a stamp and changing its data."""
    fence_release()
