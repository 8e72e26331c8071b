"""The example of docs/adding_a_game.md learns: a real run of a user's own class, measured by a real `muzero eval`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.engine.run_examples import PROJECT, start_launch

pytestmark = pytest.mark.timeout(300)
PATIENCE_SECONDS = 240.0
GAME = "examples.custom_game:Chomp"
STEPS = 400
SETTINGS = {
    "env.kwargs.rows": 3,
    "env.kwargs.columns": 4,
    "search.num_simulations": 16,
    "network.kind": "mlp",
    "network.hidden_size": 64,
    "training.batch_size": 64,
    "replay.min_steps": 200,
    "replay.replay_ratio": 2.0,
    "evaluation.is_enabled": "false",
}


def train(run_dir: Path) -> dict[str, Any]:
    """Trains in one process, which the seed decides to the last bit, and returns the run's last metrics."""
    sets = [word for key, value in SETTINGS.items() for word in ("--set", f"{key}={value}")]
    flags = ["--env", GAME, "--preset", "small", "--actors", "0", "--seed", "3", "--steps", str(STEPS), "--run-dir", str(run_dir)]
    process = start_launch(*flags, *sets)
    output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    assert process.returncode == 0, output
    metrics: dict[str, Any] = json.loads((run_dir / "metrics.jsonl").read_text().splitlines()[-1])
    return metrics


def evaluate(run_dir: Path) -> dict[str, Any]:
    """Returns what `muzero eval` says of a run."""
    program = [sys.executable, "-c", "from launch.cli import muzero; muzero()", "eval", str(run_dir), "--games", "100", "--json"]
    done = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


def test_the_example_game_is_learned_until_it_beats_random_play(tmp_path: Path) -> None:
    metrics = train(tmp_path / "run")
    result = evaluate(tmp_path / "run")
    assert metrics["learner_steps"] == STEPS and metrics["games"] > 0
    assert result["learner_steps"] == STEPS
    assert result["score"] >= 0.85  # random play scores 0.5; seen: 0.98
