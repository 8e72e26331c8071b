"""A whole run with every process: it ends by itself, leaves what it should, and goes on where it was."""

import json
import signal
from pathlib import Path

import pytest

from engine.checkpoint_manifest import newest_checkpoint
from tests.end_to_end.launched_run import LaunchedRun

pytestmark = pytest.mark.timeout(240)


def test_a_run_ends_by_itself_and_resumes_with_its_ring_until_it_is_told_to_stop(tmp_path: Path) -> None:
    run_dir = tmp_path / "run"
    with LaunchedRun.new(run_dir, "--steps", "40") as run:
        assert run.exit_code() == 0, run.output
        assert_all_is_there(run)
        last = run.newest()
    assert last["learner_steps"] == last["evaluated_step"] == 40
    assert json.loads((run_dir / "evaluations.jsonl").read_text().splitlines()[-1])["learner_steps"] == 40

    checkpoint = newest_checkpoint(run_dir, with_replay=True)
    assert checkpoint is not None
    env_steps, trajectories = checkpoint.manifest["env_steps"], checkpoint.manifest["replay"]["claimed_trajectories"]
    assert (checkpoint.learner_steps, env_steps) == (40, last["env_steps"])

    with LaunchedRun.resumed(run_dir, "--steps", "100000") as resumed:
        resumed.wait_for_steps(45)
        resumed.interrupt(signal.SIGTERM)
        assert resumed.exit_code() == 143, resumed.output
        records = resumed.metrics()
    said = " ".join(resumed.messages)
    assert f"resume: step_000000040 with weights, optimizer, schedule, random states, counters ({env_steps} environment steps)" in said
    assert f"replay ring ({trajectories} trajectories so far)" in said
    assert min(record["learner_steps"] for record in records) == 40
    assert min(record["env_steps"] for record in records) == env_steps
    first_with_ring = next(record for record in records if record["ring_steps"] > 0)
    assert first_with_ring["ring_steps"] >= last["ring_steps"]
    later = newest_checkpoint(run_dir, with_replay=True)
    assert later is not None
    assert later.learner_steps >= 45
    assert later.manifest["env_steps"] > env_steps
    assert later.manifest["replay"]["claimed_trajectories"] > trajectories


def assert_all_is_there(run: LaunchedRun) -> None:
    """Asserts that the folder of a finished run holds what it is said to hold, and that every line printed is JSON."""
    folder = run.run_dir
    events = [json.loads(line) for line in run.lines]
    assert events[0]["event"] == "start"
    assert {event["event"] for event in events} == {"start", "message", "status"}
    assert run.messages[-1].startswith("done")
    assert 'name = "tictactoe"' in (folder / "config.toml").read_text()
    assert json.loads((folder / "meta.json").read_text())["seed"] == 3
    assert all(record["training_steps"] == 40 for record in run.metrics())
    assert list((folder / "tb").glob("events.out.tfevents.*"))
    assert (folder / "checkpoints" / "latest").read_text().strip() == "step_000000040"
    roles = {"actor-0", "actor-1", "server", "learner", "evaluator"}
    assert {log.stem for log in (folder / "logs").iterdir()} == roles
    assert all("stopped" in log.read_text() for log in (folder / "logs").iterdir())
    assert not list((folder / "crash").iterdir())
    assert set(run.newest()["roles"].values()) == {"STOPPED"}
