"""A real run is profiled while it goes on: by another process and by itself; its trace is sound and its verdict the right one."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.launched_run import PATIENCE_SECONDS, LaunchedRun
from tests.engine.run_examples import PROJECT
from tests.engine.test_chrome_trace import assert_is_sound, read_trace

pytestmark = pytest.mark.timeout(300)
SLOW_GAME = "tests.muzero.slow_game:SlowGame"


def slow_run(run_dir: Path, *flags: str, **settings: object) -> LaunchedRun:
    """Starts a run whose games take time but no processor."""
    sets = {"evaluation.is_enabled": "false", "training.batch_size": 64, **settings}
    words = [word for key, value in sets.items() for word in ("--set", f"{key.replace('__', '.')}={value}")]
    return LaunchedRun.new(run_dir, "--env", SLOW_GAME, *flags, *words)


def profile(run_dir: Path, seconds: float) -> dict[str, Any]:
    """Returns what `muzero profile` says of a run."""
    program = [
        sys.executable,
        "-c",
        "from launch.cli import muzero; muzero()",
        "profile",
        str(run_dir),
        "--seconds",
        str(seconds),
        "--json",
    ]
    done = subprocess.run(program, cwd=PROJECT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False)
    assert done.returncode == 0, done.stderr
    record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return record


def test_too_few_actors_are_found_to_be_the_limit(tmp_path: Path) -> None:
    settings = {"env.kwargs.step_seconds": 0.02, "replay.replay_ratio": 32, "network.hidden_size": 64}
    with slow_run(tmp_path / "run", "--actors", "1", **settings) as run:
        run.wait_for_steps(150)
        record = profile(tmp_path / "run", 1.5)
        steps = run.newest()["learner_steps"]
        run.wait_for_steps(steps + 10)
    load = record["load"]
    assert load["learner_paused"] > 0.2 and load["actors_paused"] < 0.1
    expected = ["actors"] if load["idle_cores"] >= 0.5 else ["cores", "replay ratio"]  # whoever else uses the machine of this test
    assert record["limit"] in expected, record["verdict"]


def test_the_replay_ratio_is_found_to_be_reached_and_the_trace_is_sound(tmp_path: Path) -> None:
    settings = {"env.kwargs.step_seconds": 0.001, "replay.replay_ratio": 0.01, "training.batch_size": 4}
    with slow_run(tmp_path / "run", "--actors", "2", "--profile", "1", **settings) as run:
        run.wait_for("the profile", lambda: len([text for text in run.messages if text.startswith("profile: ")]) == 3)
        steps = run.newest()["learner_steps"]
        run.wait_for_steps(steps + 1)
    assert "profile: The replay ratio of 0.01 is reached: the learner pauses" in run.output
    events = read_trace(tmp_path / "run" / "trace" / "profile.json.gz")
    assert_is_sound(events)
    names = {event["args"]["name"] for event in events if event["name"] == "process_name"}
    assert names == {"actor-0", "actor-1", "server", "learner"}
    assert len([event for event in events if event["ph"] == "f"]) > 10
    assert "| actors | game step |" in (tmp_path / "run" / "trace" / "profile.md").read_text()


def test_too_slow_a_device_is_found_to_be_the_limit(tmp_path: Path) -> None:
    settings = {"search.num_simulations": 2, "evaluation.is_enabled": "false"}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with LaunchedRun.new(tmp_path / "run", "--device", "simulated:30000+0", *words) as run:
        run.wait_for_steps(1)
        record = profile(tmp_path / "run", 1.5)
    assert record["limit"] == "device", record["verdict"]
    assert "(simulated:30000+0) is the limit" in record["verdict"] and "--games-per-actor" in record["verdict"]
    assert record["load"]["device_busy"] >= 0.9 and record["forward_milliseconds"]["p50"] == pytest.approx(30.0, rel=0.2)
    assert_is_sound(read_trace(Path(record["trace"])))


def test_too_slow_a_learner_is_found_to_be_the_limit(tmp_path: Path) -> None:
    settings = {"training.batch_size": 256, "network.hidden_size": 256, "replay.replay_ratio": 64, "evaluation.is_enabled": "false"}
    words = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
    with LaunchedRun.new(tmp_path / "run", "--device", "simulated:0+0", *words) as run:
        run.wait_for_steps(5)
        record = profile(tmp_path / "run", 1.5)
    load = record["load"]
    assert load["actors_paused"] > 0.5 and load["learner_busy"] > 0.8
    others = load["num_cores"] - load["idle_cores"] - sum(load["cores_of"].values())
    expected = ("learner",) if others < 0.5 else ("learner", "cores")  # whoever else uses the machine of this test
    assert record["limit"] in expected, record["verdict"]
