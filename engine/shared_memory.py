"""Blocks of memory that processes share by an inherited file descriptor. What lies in them is declared in `engine/layout.py`.

A segment is a memfd: it has no name, so nothing can stay behind in /dev/shm, and the kernel frees it with its last user.
"""

import mmap
import os
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from engine.errors import NotEnoughMemory, RunFailed
from engine.layout import POISON_BYTE, SegmentLayout

USABLE_SHARE = 0.8
"""A segment may take this share of the available memory. A memfd is bounded by nothing else: a larger one wakes the kernel's
out-of-memory killer, which may end any process of the machine."""
DEFAULT_REMEDY = "free some memory or lower replay.capacity_steps"
BOOKKEEPING_ARRAYS = ("header", "entry_")
"""Arrays whose name starts like this begin as zeros, poisoned segments included: zero there means "never written"."""
UNLIMITED_BYTES = 1 << 60
"""A cgroup limit beyond this means none."""


class Segment:
    """One block of memory and the arrays in it.

    Attributes:
        arrays: each array of the layout by name, as views of the block.
        size_bytes: bytes of the block.
    """

    def __init__(self, memory: mmap.mmap, layout: SegmentLayout, fd: int | None) -> None:
        """Lays the arrays over mapped memory; use `create`, `attach` or `private` instead."""
        self.size_bytes = layout.size_bytes
        self.arrays = _views(memory, layout)
        self._fd = fd

    @property
    def fd(self) -> int:
        """The descriptor to pass to children (`pass_fds`); a private segment has none."""
        if self._fd is None:
            raise ValueError("a private or closed segment has no file descriptor: make it with Segment.create.")
        return self._fd

    @classmethod
    def create(cls, name: str, layout: SegmentLayout, *, remedy: str = DEFAULT_REMEDY, poison: bool = False) -> Self:
        """Makes a new segment of zeros, all of its memory really there.

        Args:
            name: what it holds; seen in messages and in /proc/PID/maps.
            layout: its arrays.
            remedy: what the user can do when it does not fit, as the end of a sentence.
            poison: fill all but headers and index entries with POISON_BYTE instead of zeros.

        Raises:
            NotEnoughMemory: it needs more than 80 % of the available memory.
        """
        _require_memory(name, layout.size_bytes, remedy)
        fd = os.memfd_create(f"muzero-{name}", os.MFD_CLOEXEC)
        try:
            os.posix_fallocate(fd, 0, layout.size_bytes)
            segment = cls(mmap.mmap(fd, layout.size_bytes), layout, fd)
        except OSError as error:
            os.close(fd)
            raise NotEnoughMemory(f"{name} needs {layout.size_bytes:,} bytes of memory, but {error.strerror}: {remedy}.") from error
        if poison:
            _poison(segment.arrays)
        return segment

    @classmethod
    def attach(cls, fd: int, layout: SegmentLayout) -> Self:
        """Maps a segment that another process made; the segment owns the descriptor from now on.

        Args:
            fd: the inherited descriptor.
            layout: its arrays, the same as its maker's.

        Raises:
            RunFailed: the segment is not as large as the layout.
        """
        size_bytes = os.fstat(fd).st_size
        if size_bytes != layout.size_bytes:
            raise RunFailed(
                f"a shared segment holds {size_bytes:,} bytes, but this process expects {layout.size_bytes:,}: "
                "its maker reads another configuration or version; start all processes from one."
            )
        return cls(mmap.mmap(fd, size_bytes), layout, fd)

    @classmethod
    def private(cls, layout: SegmentLayout, *, remedy: str = DEFAULT_REMEDY) -> Self:
        """Makes the same arrays in plain memory of this process, for one-process mode.

        Raises:
            NotEnoughMemory: it needs more than 80 % of the available memory.
        """
        _require_memory("private segment", layout.size_bytes, remedy)
        return cls(mmap.mmap(-1, layout.size_bytes), layout, None)

    def close(self) -> None:
        """Closes the descriptor and drops the arrays; the memory is unmapped when nobody holds a view of it any more."""
        self.arrays = {}
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None


def available_memory_bytes() -> int:
    """Returns the bytes this process may still allocate: the machine's MemAvailable, or less inside a limited cgroup."""
    return min(_machine_available_bytes(), *_cgroup_headrooms())


def _require_memory(name: str, size_bytes: int, remedy: str) -> None:
    available = available_memory_bytes()
    if size_bytes > USABLE_SHARE * available:
        usable = int(USABLE_SHARE * available)
        raise NotEnoughMemory(
            f"{name} needs {size_bytes:,} bytes of memory, but of {available:,} available it may take {usable:,}: {remedy}."
        )


def _views(memory: mmap.mmap, layout: SegmentLayout) -> dict[str, NDArray[Any]]:
    """Returns the arrays of the layout as views of the memory."""
    offsets = layout.offsets()
    return {array.name: np.ndarray(array.shape, dtype=array.dtype, buffer=memory, offset=offsets[array.name]) for array in layout.arrays}


def _poison(arrays: dict[str, NDArray[Any]]) -> None:
    for name, array in arrays.items():
        if not name.startswith(BOOKKEEPING_ARRAYS):
            array.reshape(-1).view(np.uint8).fill(POISON_BYTE)


def _machine_available_bytes() -> int:
    for line in Path("/proc/meminfo").read_text().splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return UNLIMITED_BYTES


def _cgroup_headrooms() -> list[int]:
    """Returns what is left under each memory limit of this process's cgroups, their parents included."""
    headrooms = [UNLIMITED_BYTES]
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "":
            root, limit, usage, inactive = "/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"
        elif "memory" in controllers.split(","):
            root, limit, usage, inactive = (
                "/sys/fs/cgroup/memory",
                "memory.limit_in_bytes",
                "memory.usage_in_bytes",
                "total_inactive_file",
            )
        else:
            continue
        group = Path(path.lstrip("/"))
        for folder in (group, *group.parents):
            headrooms.append(_headroom(Path(root) / folder, limit, usage, inactive))
    return headrooms


def _headroom(folder: Path, limit_file: str, usage_file: str, inactive_name: str) -> int:
    """Returns limit - usage of one cgroup; cached file pages that the kernel drops on demand count as free."""
    try:
        limit = (folder / limit_file).read_text().strip()
        usage = int((folder / usage_file).read_text())
        statistics = dict(line.split() for line in (folder / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):  # no such group here (a container sees another root), or it has no limit
        return UNLIMITED_BYTES
    if limit == "max" or int(limit) >= UNLIMITED_BYTES:
        return UNLIMITED_BYTES
    return max(0, int(limit) - usage + int(statistics.get(inactive_name, "0")))
