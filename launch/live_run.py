"""A real training run that a benchmark watches: started with all its processes, looked at, paused, ended. No figures are made of it."""

import os
import signal
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Self

from engine.config import RunConfig
from engine.governor import CATCH_UP_SECONDS, governor_of
from engine.machine_load import process_tree
from launch.bench_child import BenchChild
from launch.bench_run import Look, RunTask
from launch.config import resolve
from launch.settings import choose
from muzero.errors import MuZeroError

Setting = bool | int | float | str
Show = Callable[[Callable[[], str]], None]
"""Shows the text that a function returns, see `progress_line`."""
NEVER_ENDING: Mapping[str, Setting] = {"evaluation.stop_score": "none", "training.training_steps": 1_000_000}
"""A benchmark ends the run, nothing in it does."""
START_SECONDS = 600.0
"""Longest start of a run: kernels are compiled."""
FIRST_STEP_SECONDS = 600.0
"""Longest wait for the first learner step: games are played until there is enough to learn from."""
SETTLE_SECONDS = 2.0
"""After a pause: whoever waited when it began counts it as waiting a moment after it has ended."""
END_SECONDS = 30.0


def run_config(env: str, settings: Mapping[str, Setting], preset: str = "default") -> RunConfig:
    """Returns the configuration of a run that goes on until it is ended.

    Args:
        env: the world, as for `--env`.
        settings: dotted key -> value, as for `--set`.
        preset: the preset's name.

    Raises:
        UserError: something does not exist or fit.
    """
    chosen = {**NEVER_ENDING, **settings, "env.name": env}
    return resolve({key: choose(key, value, "the benchmark") for key, value in chosen.items()}, file=None, preset=preset)[0]


class LiveRun:
    """The run; use it as a context.

    Args:
        config: what is run.
        name: of the run, for whoever waits.
        show: told how far it is.
    """

    def __init__(self, config: RunConfig, name: str, show: Show) -> None:
        self._config, self._name, self._show = config, name, show
        self._folder = tempfile.TemporaryDirectory(prefix="muzero-bench-", ignore_cleanup_errors=True)
        task = RunTask(config=config, run_dir=str(Path(self._folder.name, "run")), parent_pid=os.getpid())
        self._child = BenchChild("launch.bench_run", task)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._child.close(END_SECONDS)
        self._folder.cleanup()

    def look(self) -> Look:
        """Returns where the run is at its next status, at most a second from now.

        Raises:
            PeerDied: it ended, or said nothing for long.
        """
        self._child.ask("look")
        return self._child.answer(Look)

    def wait_until_steady(self) -> None:
        """Waits until learning has begun and caught up with the moves that were stored before it.

        Raises:
            PeerDied: the run ended.
            MuZeroError: learning did not begin.
        """
        self._show(lambda: f"{self._name}: starting the run")
        self._child.wait_until_ready(START_SECONDS)
        self._show(lambda: f"{self._name}: waiting until learning is steady")
        self._wait_for_first_step()
        deadline = time.monotonic() + CATCH_UP_SECONDS
        while not self._has_caught_up(self.look()) and time.monotonic() < deadline:
            pass

    def measure(self, seconds: float) -> Look:
        """Returns the growth of the run's numbers in so many seconds, up to one more."""
        before = after = self.look()
        while after.elapsed_seconds - before.elapsed_seconds < seconds:
            after = self.look()
        return after.since(before)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stops all processes of the run while the block runs, and lets them settle afterwards.

        The supervisor stops first and goes on last, so that it never sees the others stand still.
        """
        pids = process_tree(self._child.pid)
        _signal(pids, signal.SIGSTOP)
        try:
            yield
        finally:
            _signal(pids[::-1], signal.SIGCONT)
        self.measure(SETTLE_SECONDS)

    def _wait_for_first_step(self) -> None:
        deadline = time.monotonic() + FIRST_STEP_SECONDS
        while self.look().learner_steps == 0:
            if time.monotonic() > deadline:
                raise MuZeroError(f"the run of {self._name} took no learner step within {FIRST_STEP_SECONDS:.0f} seconds.")

    def _has_caught_up(self, look: Look) -> bool:
        return governor_of(self._config).has_caught_up(look.learner_steps * self._config.training.batch_size, look.env_steps)


def _signal(pids: list[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
