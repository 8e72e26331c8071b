"""A whole training run as a child of a benchmark: it says where the run is at its next status whenever a line on stdin asks, and ends
with its stdin or its parent. What is asked for and what is made of it is `live_run.py`'s and the benchmarks' matter.
"""

import os
import signal
import sys
from pathlib import Path

import msgspec

from engine.config import RunConfig
from engine.machine_load import tree_cpu_seconds
from engine.process_life import die_with
from engine.status import Status
from engine.training import train
from launch.bench_child import next_question, print_answer
from launch.totals import Totals
from muzero.errors import MuZeroError


class RunTask(msgspec.Struct, frozen=True, kw_only=True):
    """What is run.

    Attributes:
        config: the run.
        run_dir: its folder.
        parent_pid: process id of the benchmark, with which the run ends.
    """

    config: RunConfig
    run_dir: str
    parent_pid: int


class Look(Totals, frozen=True, kw_only=True):
    """Where a run is.

    Attributes:
        elapsed_seconds, learner_steps, env_steps, simulations, learner_throttled_seconds, data_wait_seconds: as in `engine.status.Status`.
        cpu_seconds: processor time of all its processes so far.
    """

    elapsed_seconds: float
    learner_steps: int
    env_steps: int
    simulations: int
    learner_throttled_seconds: float
    data_wait_seconds: float
    cpu_seconds: float


def main() -> None:
    """Does the work of the process."""
    task = msgspec.json.decode(sys.argv[1], type=RunTask)
    die_with(task.parent_pid)
    try:
        train(task.config, run_dir=Path(task.run_dir), mode="new", display=AskedDisplay(), command_line=sys.argv)
    except MuZeroError as error:
        sys.exit(str(error))


class AskedDisplay:
    """A Display that speaks when it is asked, and once by itself: when the processes of the run are started."""

    def __init__(self) -> None:
        self._is_ready = False

    def start(self, config: RunConfig, run_dir: Path) -> None:
        """See Display."""

    def update(self, status: Status) -> None:
        """See Display; once there will be no more questions, it ends the run as the second Ctrl-C does."""
        if not self._is_ready:
            print_answer("ready")
            self._is_ready = True
        question = next_question(0.0)
        if question:
            print_answer(look_of(status))
        elif question == "":
            for _ in range(2):
                signal.raise_signal(signal.SIGTERM)

    def message(self, text: str) -> None:
        """See Display."""

    def close(self) -> None:
        """See Display."""


def look_of(status: Status) -> Look:
    """Returns what a benchmark wants to know of a status, and the processor time of this process and its children."""
    numbers = {name: getattr(status, name) for name in Look.__struct_fields__ if name != "cpu_seconds"}
    return Look(**numbers, cpu_seconds=tree_cpu_seconds(os.getpid()))


if __name__ == "__main__":
    main()
