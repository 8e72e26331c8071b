"""Measures whole runs on the tasks that other engines were measured on, beside what those reached and what is aimed at: moves, learner
steps, simulations and processor time per second, with all processes at work. The tasks are `end_to_end_tasks.py`, the run is
`live_run.py`.
"""

import statistics
from collections.abc import Sequence
from typing import Any, TypedDict

from engine.config import RunConfig
from engine.learning import head_size, network_size
from launch.bench_run import Look
from launch.end_to_end_tasks import TASKS, PeerTask
from launch.live_run import LiveRun, Show, run_config
from launch.progress_line import progress_line

WINDOWS = 6

HEADINGS = {
    "task": "task",
    "parameters": "parameters",
    "moves_per_second": "moves/s",
    "peer_moves_per_second": "peer",
    "target_moves_per_second": "target",
    "moves_ratio": "ratio",
    "updates_per_second": "updates/s",
    "peer_updates_per_second": "peer",
    "target_updates_per_second": "target",
    "updates_ratio": "ratio",
    "simulations_per_second": "sims/s",
    "cpu_seconds_per_wall_second": "CPU s/s",
}
"""What is shown of a row, and how."""


class EndToEndRow(TypedDict):
    """One task: what the whole loop does in a second of wall clock, and the same of the peer whose task it is.

    The two ratios of rates are of the medians to the targets; whatever begins with `peer` is the peer's.
    """

    task: str
    parameters: int
    searched_parameters: int
    simulations: int
    batch_size: int
    unroll_steps: int
    games: int
    replay_ratio: float
    moves_per_second: float
    moves_per_second_min: float
    moves_per_second_max: float
    target_moves_per_second: float
    moves_ratio: float
    updates_per_second: float
    updates_per_second_min: float
    updates_per_second_max: float
    target_updates_per_second: float
    updates_ratio: float
    simulations_per_second: float
    cpu_seconds_per_wall_second: float
    peer: str
    peer_parameters: int
    peer_searched_parameters: int
    peer_replay_ratio: float
    peer_moves_per_second: float
    peer_updates_per_second: float
    peer_cpu_seconds_per_wall_second: float


def bench_end_to_end(*, tasks: Sequence[PeerTask] = TASKS, seconds: float = 60.0, windows: int = WINDOWS) -> dict[str, Any]:
    """Returns what whole runs do in a second once learning is steady.

    Args:
        tasks: what is run, one after the other.
        seconds: how long each is measured.
        windows: parts of that time, one right after the other; medians, and of moves and updates the least and the greatest are reported.

    Returns:
        {"bench": "end-to-end", "rows": [...]}, see EndToEndRow.

    Raises:
        PeerDied: a run failed.
    """
    with progress_line() as show:
        return {"bench": "end-to-end", "rows": [_measure(task, seconds / windows, windows, show) for task in tasks]}


def task_config(task: PeerTask) -> RunConfig:
    """Returns the run of a task."""
    return run_config(task.env, {**task.settings, "replay.replay_ratio": task.replay_ratio})


def _measure(task: PeerTask, seconds: float, windows: int, show: Show) -> EndToEndRow:
    config, grown = task_config(task), []
    with LiveRun(config, task.name, show) as run:
        run.wait_until_steady()
        for number in range(1, windows + 1):
            show(lambda number=number: f"{task.name}: measurement {number} of {windows}")  # type: ignore[misc]
            grown.append(run.measure(seconds))
    return _row(task, config, grown)


def _row(task: PeerTask, config: RunConfig, windows: list[Look]) -> EndToEndRow:
    def rates(name: str) -> list[float]:
        return [getattr(grown, name) / grown.elapsed_seconds for grown in windows]

    moves, updates = rates("env_steps"), rates("learner_steps")
    return EndToEndRow(
        task=task.name,
        parameters=network_size(config) + head_size(config),
        searched_parameters=network_size(config),
        simulations=config.search.num_simulations,
        batch_size=config.training.batch_size,
        unroll_steps=config.training.unroll_steps,
        games=config.actors.num_actors * config.actors.games_per_actor,
        replay_ratio=round(config.replay.replay_ratio, 3),
        moves_per_second=round(statistics.median(moves), 1),
        moves_per_second_min=round(min(moves), 1),
        moves_per_second_max=round(max(moves), 1),
        target_moves_per_second=task.target.moves_per_second,
        moves_ratio=round(statistics.median(moves) / task.target.moves_per_second, 3),
        updates_per_second=round(statistics.median(updates), 2),
        updates_per_second_min=round(min(updates), 2),
        updates_per_second_max=round(max(updates), 2),
        target_updates_per_second=task.target.updates_per_second,
        updates_ratio=round(statistics.median(updates) / task.target.updates_per_second, 3),
        simulations_per_second=round(statistics.median(rates("simulations")), 1),
        cpu_seconds_per_wall_second=round(statistics.median(rates("cpu_seconds")), 3),
        peer=task.peer,
        peer_parameters=task.peer_parameters,
        peer_searched_parameters=task.peer_searched_parameters,
        peer_replay_ratio=round(task.peer_replay_ratio, 3),
        peer_moves_per_second=task.peer_rates.moves_per_second,
        peer_updates_per_second=task.peer_rates.updates_per_second,
        peer_cpu_seconds_per_wall_second=task.peer_cpu,
    )
