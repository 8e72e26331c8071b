"""How busy the machine's cores are and how much of them processes take, as the kernel counts it in /proc. Nothing is decided here."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")
CGROUP = Path("/sys/fs/cgroup")
"""The own group of this process where it is in a container."""


def cpu_seconds(pid: int) -> float | None:
    """Returns the processor time, user and system, that a process and its threads have taken, or None if it is gone."""
    fields = _stat_fields(pid)
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND if fields else None


def process_tree(root: int) -> list[int]:
    """Returns the process ids of a process and its descendants, each after its parent."""
    facts = {int(path.name): _stat_fields(int(path.name)) for path in Path("/proc").glob("[0-9]*")}
    tree = [root]
    for pid in tree:
        tree += [child for child, fields in facts.items() if fields and int(fields[1]) == pid]
    return tree


def tree_cpu_seconds(root: int) -> float:
    """Returns the processor time, user and system, that a process and its descendants have taken, those that ended included."""
    ticks = (int(field) for pid in process_tree(root) for field in _stat_fields(pid)[11:15])  # the last two: of children that ended
    return sum(ticks) / TICKS_PER_SECOND


def idle_core_seconds(cores: Iterable[int]) -> float:
    """Returns how long these cores have been idle since the machine started, added up."""
    wanted, ticks = {f"cpu{core}" for core in cores}, 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *fields = line.split()
        if name in wanted:
            ticks += int(fields[3]) + int(fields[4])  # idle, and idle while a disk is waited for
    return ticks / TICKS_PER_SECOND


def usable_cores() -> float:
    """Returns how many cores this process may use: those it is bound to, or less under a container's quota."""
    count = float(len(os.sched_getaffinity(0)))
    with suppress(OSError, ValueError):
        quota, period = (CGROUP / "cpu.max").read_text().split()
        count = min(count, int(quota) / int(period))
    return count


def quota_core_seconds() -> float:
    """Returns the processor time that was taken out of a container's quota so far; 0 where none binds this process."""
    if usable_cores() < len(os.sched_getaffinity(0)):
        with suppress(OSError, ValueError):
            facts = dict(line.split() for line in (CGROUP / "cpu.stat").read_text().splitlines())
            return int(facts.get("usage_usec", 0)) * 1e-6
    return 0.0


def _stat_fields(pid: int) -> list[str]:
    """Returns what the kernel says of a process after its name: state, parent, ...; nothing if it is gone."""
    try:
        return Path("/proc", str(pid), "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
