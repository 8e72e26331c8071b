"""The parts of `muzero bench` by name: how each is run and printed. What is measured is imported when it is needed."""

from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any, TypedDict

PARTS = ("search", "inference", "transport", "engine", "replay", "games", "learner", "end-to-end")
"""In the order of `all`; a part lies in `bench_<part>.py`, in a function of that name."""
TIMED_PARTS = ("inference", "transport", "engine", "games", "learner", "end-to-end")
"""Parts that measure for a given time."""
ALL = "all"
Record = dict[str, Any]


class Timing(TypedDict, total=False):
    """How long a benchmark measures, its own default if that is not given."""

    seconds: float


def bench_part(part: str, names: Sequence[str], timing: Timing) -> Record:
    """Runs a benchmark and returns its record.

    Args:
        part: one of PARTS.
        names: for `games`, which ones; none for a dozen of each kind.
        timing: for one of TIMED_PARTS.

    Raises:
        MuZeroError: what the user or the machine must change, or a process failed.
    """
    run = getattr(_module(part), f"bench_{_python_name(part)}")
    record: Record = run(names, **timing) if part == "games" else run(**timing)
    return record


def bench_simulated_device(device: str, actors: int | None, games: int | None, timing: Timing) -> Record:
    """Runs the benchmark of the engine on a simulated device and returns its record."""
    from launch.bench_engine import bench_simulated

    return bench_simulated(device, actors=actors or 1, games=games or 64, **timing)


def bench_all(show: Callable[[Mapping[str, Any]], None]) -> Record:
    """Runs all benchmarks, one after the other, and returns their records.

    Args:
        show: given each record as soon as it is there.
    """
    records = []
    for part in PARTS:
        records.append(bench_part(part, (), Timing()))
        show(records[-1])
    return {"bench": ALL, "parts": records}


def print_part(record: Mapping[str, Any]) -> None:
    """Prints the record of a part as a table: the keys that its file has headings for, all where there are none."""
    from launch.tables import print_rows

    part = record["bench"]
    print_rows(record["rows"], title=f"bench {part}", headings=getattr(_module(part), "HEADINGS", None))


def _module(part: str) -> Any:
    return import_module(f"launch.bench_{_python_name(part)}")


def _python_name(part: str) -> str:
    return part.replace("-", "_")
