"""A tiny run that several tests share: configuration, display that remembers, starting it as a real process. No assertions."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from engine.config import RunConfig
from engine.status import Status

PROJECT = Path(__file__).parents[2]
TINY = {
    "seed": 7,
    "steps": 20,
    "search": {"num_simulations": 8},
    "network": {"kind": "mlp", "hidden_size": 16, "num_layers": 1, "head_size": 16},
    "training": {"batch_size": 16, "unroll_steps": 2, "lr_warmup_steps": 5},
    "replay": {"capacity_steps": 2000, "min_steps": 60, "replay_ratio": 2.0},
    "actors": {"num_actors": 0, "games_per_actor": 4, "groups": 2},
    "inference": {"precision": "float32"},  # on every machine
    "learner": {"publish_every_steps": 7},
    "evaluation": {"is_enabled": False},
}


def tiny_config(**changes: Any) -> RunConfig:
    """Returns the tiny run's configuration; a change replaces or updates a top-level key."""
    tree: dict[str, Any] = {key: dict(value) if isinstance(value, dict) else value for key, value in TINY.items()}
    for key, value in changes.items():
        tree[key] = {**tree.get(key, {}), **value} if isinstance(value, dict) else value
    return msgspec.convert(tree, RunConfig)


class RememberingDisplay:
    """A Display that keeps what it was told."""

    def __init__(self) -> None:
        self.statuses: list[Status] = []
        self.messages: list[str] = []
        self.is_closed = False

    def start(self, config: RunConfig, run_dir: Path) -> None:
        self.run_dir = run_dir

    def update(self, status: Status) -> None:
        self.statuses.append(status)

    def message(self, text: str) -> None:
        self.messages.append(text)

    def close(self) -> None:
        self.is_closed = True


def start_launch(*arguments: str, environment: dict[str, str] | None = None) -> "subprocess.Popen[str]":
    """Starts the real command line, with plain output."""
    return subprocess.Popen(
        [sys.executable, "-m", "launch.cli", *arguments],
        cwd=PROJECT,
        env={**os.environ, "PYTHONPATH": str(PROJECT), **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def tiny_flags(run_dir: Path, *more: str) -> Sequence[str]:
    """Returns the flags of a tiny run with real processes."""
    sets = {
        "search.num_simulations": 8,
        "network.hidden_size": 16,
        "training.batch_size": 16,
        "replay.capacity_steps": 5000,
        "replay.min_steps": 60,
        "replay.replay_ratio": 1.0,
        "actors.games_per_actor": 8,
        "evaluation.interval_seconds": 1,
        "checkpoint.interval_seconds": 2,
        "learner.publish_every_steps": 10,
    }
    flags = ["--env", "tictactoe", "--run-dir", str(run_dir), "--seed", "3"]
    for key, value in sets.items():
        flags += ["--set", f"{key}={value}"]
    return [*flags, *more]
