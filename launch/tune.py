"""The command `muzero tune`: from flags to a search over settings, its record and its file. What is printed is `tune_report.py`'s."""

import platform
import shlex
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.config import RunConfig
from engine.config_text import toml_value
from engine.device_parts import has_gpu
from engine.errors import RunFailed
from engine.machine_load import usable_cores
from engine.processor_name import processor_name
from engine.stop_signals import StopSignals
from launch.config import DEFAULT_PRESET, resolve, set_choices
from launch.file_names import file_stem
from launch.progress_line import progress_line
from launch.settings import NONE_TEXT, Choices, choose
from launch.tune_file import require_writable, write_tuned
from launch.tune_report import FEW_MOVES, verdict
from launch.tune_search import Figures, Search, Trial
from launch.tune_trial import TrialStopped, measure_trial
from launch.tune_values import SETTINGS, value_of
from muzero.config import require

FLAGS = {"actors.num_actors": "--actors", "actors.games_per_actor": "--games-per-actor"}
"""Settings that `muzero-launch` has a flag for; the others go behind --set."""


def tune(*, env: str | None, preset: str, assignments: Sequence[str], seconds: float, out: Path | None) -> tuple[dict[str, Any], int]:
    """Searches for fast settings, writes them to a file, and returns the record of the search and the exit code of the command.

    Args:
        env: the world, as for `muzero-launch --env`.
        preset: where the search begins.
        assignments: changes to it, as for `--set`.
        seconds: how long a trial measures.
        out: the file; `tuned-<env>.toml` in the working directory if None.

    Raises:
        MuZeroError: a wrong flag, or what the user has cannot run.
        RunFailed: stopped before anything was measured.
    """
    choices: Choices = set_choices(assignments, "flag --set")
    config, _ = resolve(({"env.name": choose("env.name", env, "flag --env")} if env else {}) | choices, file=None, preset=preset)
    require(config.actors.num_actors > 0, "actors.num_actors is 0, which is one process for everything: set 1 or more to tune.")
    out = out or Path(f"tuned-{file_stem(config.env.name)}.toml")
    require_writable(out)
    search, exit_code = _search(config, seconds)
    record = _record(search, preset, seconds, is_complete=exit_code == 0)
    record |= {"command": _launch_command(config, preset, choices, out), "out": str(out)}
    write_tuned(out, record["settings"], _comments(record))
    return record, exit_code


def _search(config: RunConfig, seconds: float) -> tuple[Search, int]:
    """Searches until it is done or a signal comes; returns what was found and the exit code."""
    signals = StopSignals()
    with signals.installed(), progress_line() as show:

        def measure(config: RunConfig, name: str) -> Figures:
            return measure_trial(config, seconds, signals, name, show)

        search = Search(config, measure, num_cores=max(1, int(usable_cores())), has_gpu=has_gpu())
        try:
            search.run()
        except TrialStopped:
            if not search.trials:
                raise _nothing_found(signals.exit_code) from None
            return search, signals.exit_code
    return search, 0


def _nothing_found(exit_code: int) -> RunFailed:
    """Returns the error of a command that was stopped too early."""
    error = RunFailed("stopped before the first trial ended, so nothing was found and no file is written.")
    error.exit_code = exit_code
    return error


def _record(search: Search, preset: str, seconds: float, *, is_complete: bool) -> dict[str, Any]:
    """Returns what was found as JSON can hold it, but for where it is written."""
    settings = {setting: value_of(search.best, setting) for setting in SETTINGS}
    return {
        "environment": search.original.env.name,
        "preset": preset,
        "cores": usable_cores(),
        "seconds": seconds,
        "replay_ratio": search.original.replay.replay_ratio,
        "is_complete": is_complete,
        "trials": [_row(trial, is_original=trial.config == search.original) for trial in search.trials],
        "is_rough": any(_is_rough(trial, seconds) for trial in search.trials),
        "moves_per_second_before": round(search.moves_per_second(search.original), 2),
        "moves_per_second_after": round(search.moves_per_second(search.best), 2),
        "settings": settings,
        "changed": [setting for setting in SETTINGS if settings[setting] != value_of(search.original, setting)],
        "flags": " ".join(f"{FLAGS[key]} {value}" if key in FLAGS else f"--set {key}={value}" for key, value in settings.items()),
    }


def _row(trial: Trial, *, is_original: bool) -> dict[str, Any]:
    """Returns one trial as JSON can hold it."""
    figures = trial.figures._asdict() if trial.figures else dict.fromkeys(Figures._fields)
    state = {"is_original": is_original, "is_kept": trial.is_kept, "problem": trial.problem or None}
    return {"setting": trial.setting, "value": trial.value, **figures, **state}


def _is_rough(trial: Trial, seconds: float) -> bool:
    """Returns whether a trial was too short for so slow a world."""
    games = trial.config.actors.num_actors * trial.config.actors.games_per_actor
    return trial.figures is not None and trial.figures.moves_per_second * seconds < FEW_MOVES * games


def _launch_command(config: RunConfig, preset: str, choices: Choices, out: Path) -> str:
    """Returns the command that trains with the file: what the user chose besides the settings in it is chosen again."""
    words = ["muzero-launch", "--env", config.env.name]
    if preset != DEFAULT_PRESET:
        words += ["--preset", preset]
    for key, choice in choices.items():
        if key not in (*SETTINGS, "env.name"):
            words += ["--set", f"{key}={NONE_TEXT if choice.value is None else toml_value(choice.value)}"]
    return shlex.join([*words, "--config", str(out)])


def _comments(record: Mapping[str, Any]) -> list[str]:
    """Returns how the settings were found, in lines."""
    return [
        f"for {record['environment']}; to train with it: {record['command']}",
        f"machine: {platform.node()}, {processor_name()}, {record['cores']:g} cores; date: {time.strftime('%Y-%m-%d %H:%M')}",
        f"command: {shlex.join(['muzero', *sys.argv[1:]])}",
        f"{verdict(record)} Trials of {record['seconds']:g} s, with learning, at a replay ratio of {record['replay_ratio']:g}.",
    ]
