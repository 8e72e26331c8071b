"""Measures the learner in a live run: its steps per second and its waits, beside the same step on a batch in memory while the whole run
stands still. The run is `live_run.py`, the step alone is `bench_trainer.py`.
"""

import statistics
from contextlib import closing
from typing import Any, NamedTuple, TypedDict

from engine.config import RunConfig
from launch.bench_child import BenchChild
from launch.bench_run import Look
from launch.bench_trainer import TrainerTask
from launch.live_run import LiveRun, Show, run_config
from launch.progress_line import progress_line

SHORTEST_SECONDS = 1e-9

HEADINGS = {
    "task": "task",
    "steps_per_second": "steps/s",
    "steps_per_second_min": "min",
    "steps_per_second_max": "max",
    "bare_steps_per_second": "limit/s",
    "bare_steps_per_second_min": "min",
    "bare_steps_per_second_max": "max",
    "share_of_bare": "ratio",
    "data_wait_share": "waits",
    "throttled_share": "throttled",
}
"""What is shown of a row, and how."""


class LearnerRow(TypedDict):
    """One task: the learner's speed in the time in which no governor paused it, the bare step's, and their quotient."""

    task: str
    batch_size: int
    threads: int
    steps_per_second: float
    steps_per_second_min: float
    steps_per_second_max: float
    bare_steps_per_second: float
    bare_steps_per_second_min: float
    bare_steps_per_second_max: float
    share_of_bare: float
    data_wait_share: float
    throttled_share: float


class Turn(NamedTuple):
    """One measurement of both: the growth of the live run's numbers, and the steps per second of the bare step."""

    live: Look
    bare_steps_per_second: float

    @property
    def free_seconds(self) -> float:
        """Time in which no governor paused the learner."""
        return max(SHORTEST_SECONDS, self.live.elapsed_seconds - self.live.learner_throttled_seconds)

    @property
    def steps_per_second(self) -> float:
        """The learner's speed in that time."""
        return self.live.learner_steps / self.free_seconds

    @property
    def data_wait_share(self) -> float:
        """Part of that time in which it waited for a batch; a wait counts when it ends, so that a bit of the time before may be in it."""
        return min(1.0, self.live.data_wait_seconds / self.free_seconds)

    @property
    def throttled_share(self) -> float:
        """Part of all time in which a governor paused it."""
        return min(1.0, self.live.learner_throttled_seconds / self.live.elapsed_seconds)


def bench_learner(
    *, config: RunConfig | None = None, task: str = "connect4 small", seconds: float = 10.0, rounds: int = 5
) -> dict[str, Any]:
    """Returns how much of the bare step's speed the learner reaches in a live run.

    Args:
        config: the run, which must not end by itself; connect four with the preset `small` by default.
        task: what the row calls it.
        seconds: length of one measurement.
        rounds: measurements of each side, taken in turns; medians, the least and the greatest are reported.

    Returns:
        {"bench": "learner", "rows": [...]}, see LearnerRow.

    Raises:
        PeerDied: a process failed.
    """
    config = config or run_config("connect4", {}, preset="small")
    with progress_line() as show:
        turns = _turns(config, task, seconds, rounds, show)
    return {"bench": "learner", "rows": [_row(task, config, turns)]}


def _turns(config: RunConfig, task: str, seconds: float, rounds: int, show: Show) -> list[Turn]:
    """Measures the live run and, while it stands still, the bare step."""
    with closing(BenchChild("launch.bench_trainer", TrainerTask(config=config))) as trainer, LiveRun(config, task, show) as run:
        trainer.wait_until_ready()
        run.wait_until_steady()
        turns = []
        for number in range(1, rounds + 1):
            show(lambda number=number: f"{task}: measurement {number} of {rounds}")  # type: ignore[misc]
            live = run.measure(seconds)
            with run.paused():
                trainer.ask(str(seconds))
                turns.append(Turn(live, trainer.answer(float)))
    return turns


def _row(task: str, config: RunConfig, turns: list[Turn]) -> LearnerRow:
    here, there = [turn.steps_per_second for turn in turns], [turn.bare_steps_per_second for turn in turns]
    return LearnerRow(
        task=task,
        batch_size=config.training.batch_size,
        threads=config.learner.num_threads,
        steps_per_second=round(statistics.median(here), 2),
        steps_per_second_min=round(min(here), 2),
        steps_per_second_max=round(max(here), 2),
        bare_steps_per_second=round(statistics.median(there), 2),
        bare_steps_per_second_min=round(min(there), 2),
        bare_steps_per_second_max=round(max(there), 2),
        share_of_bare=round(statistics.median(one / other for one, other in zip(here, there, strict=True)), 4),
        data_wait_share=round(statistics.median(turn.data_wait_share for turn in turns), 4),
        throttled_share=round(statistics.median(turn.throttled_share for turn in turns), 4),
    )
