"""When a run is profiled, what is left of it, and that nothing which goes wrong there costs the run."""

import json
import os
import re
import time
from pathlib import Path

import pytest

from engine.layout import Control, Counter, SpanKind, telemetry_layout
from engine.profile_files import TRACE_FOLDER, clear_requests
from engine.profiler import Profiler
from engine.shared_memory import Segment
from engine.telemetry import ProcessIndices, Telemetry
from engine.training import train
from tests.engine.run_examples import RememberingDisplay, tiny_config
from tests.engine.test_chrome_trace import assert_is_sound, read_trace

CONFIG = tiny_config(actors={"num_actors": 2})
INDICES = ProcessIndices.of(2, has_evaluator=False)


class Profiled:
    """A profiler of a run whose numbers a test sets by hand."""

    def __init__(self, run_dir: Path, seconds: float | None) -> None:
        self.messages: list[str] = []
        self.run_dir = run_dir
        clear_requests(run_dir)
        self.telemetry = Telemetry(Segment.private(telemetry_layout(INDICES.num_processes)).arrays)
        pids = {"actor-0": os.getpid()}
        self.profiler = Profiler(CONFIG, run_dir, self.telemetry, INDICES, lambda: pids, self.messages.append, seconds)

    @property
    def is_recording(self) -> bool:
        return self.telemetry.control(Control.RECORD_UNTIL_NANOSECONDS) > time.monotonic_ns()

    def learn(self, steps: int, samples: int, env_steps: int) -> None:
        self.telemetry.set_control(Control.LEARNER_STEPS, steps)
        self.telemetry.block(INDICES.learner).set(Counter.SAMPLES, samples)
        self.telemetry.block(0).set(Counter.ENV_STEPS, env_steps)

    def look_until_told(self, count: int) -> None:
        deadline = time.monotonic() + 20
        while len(self.messages) < count and time.monotonic() < deadline:
            self.profiler.look()
            time.sleep(0.01)


def test_recording_begins_once_the_learner_has_caught_up(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=5.0)
    run.profiler.look()
    assert not run.is_recording
    run.learn(steps=1, samples=16, env_steps=100)  # of the 200 samples that a ratio of 2 allows
    run.profiler.look()
    assert not run.is_recording
    run.learn(steps=10, samples=150, env_steps=100)
    run.profiler.look()
    assert run.is_recording
    assert run.messages == ["profile: recording for 5 s"]


def test_recording_ends_in_time_and_tells_verdict_and_files(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=0.05)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    spans = run.telemetry.block(0).spans
    spans.end(SpanKind.TREE, spans.begin(), 4)
    run.look_until_told(3)
    assert not run.is_recording
    assert "profile.md, and " in run.messages[2] and len(run.messages) == 3
    assert {"profile.md", "profile.json.gz"} == {path.name for path in (tmp_path / TRACE_FOLDER).iterdir()}
    run.profiler.look()
    assert not run.is_recording and len(run.messages) == 3


def test_a_disk_that_takes_no_profile_costs_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("engine.profiler.write_trace", fail)
    run = Profiled(tmp_path, seconds=0.01)
    run.learn(steps=1, samples=16, env_steps=8)
    run.look_until_told(2)
    assert "could not be written (OSError: [Errno 28] No space left on device)" in run.messages[1]


def test_a_run_that_ends_early_is_profiled_as_far_as_it_came(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=100.0)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    run.profiler.finish(lambda: False)
    assert not run.is_recording
    assert (tmp_path / TRACE_FOLDER / "profile.md").is_file()


def test_who_asks_during_a_recording_is_told_at_once_to_wait(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=100.0)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    folder, identity = tmp_path / TRACE_FOLDER, "0" * 32
    (folder / "request.json").write_text(json.dumps({"identity": identity, "seconds": 1}))
    run.profiler.look()
    answer = json.loads((folder / f"answer-{identity}.json").read_text())
    assert answer == {"error": "the run records another profile: ask again in 100 seconds."}
    assert run.is_recording and not (folder / "request.json").exists()


def test_a_recording_ends_with_the_training_and_is_told_at_the_end_of_the_run(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=100.0)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    run.profiler.end()
    assert not run.is_recording
    time.sleep(0.5)  # the evaluation of the last weights
    run.profiler.finish(lambda: False)
    assert run.messages[-1].startswith("profile: ") and len(run.messages) == 3
    seconds = re.search(r"tictactoe, (.*) s$", (tmp_path / TRACE_FOLDER / "profile.md").read_text(), re.M)
    assert seconds is not None and float(seconds[1]) < 0.5


def test_a_recording_that_is_ended_late_counts_until_it_ended_by_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.profiler.LATE_SECONDS", 0.0)
    run = Profiled(tmp_path, seconds=0.2)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    for actor in INDICES.actors:
        spans = run.telemetry.block(actor).spans
        spans.record(SpanKind.TREE, spans.begin(), time.monotonic_ns() + int(2e8))
    time.sleep(1.0)
    run.look_until_told(3)
    report = (tmp_path / TRACE_FOLDER / "profile.md").read_text()
    share = re.search(r"actors \| tree \| (.*)%", report)
    assert share is not None and float(share[1]) > 60.0


def test_a_run_that_ends_before_it_is_steady_says_so(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=1.0)
    run.profiler.finish(lambda: False)
    assert run.messages == ["profile: the run ended before its learning was in a steady state, so nothing was recorded"]


def test_a_run_of_one_process_is_profiled_too(tmp_path: Path) -> None:
    display = RememberingDisplay()
    config = tiny_config(steps=60)
    train(config, run_dir=tmp_path / "run", mode="new", display=display, command_line=["test"], profile_seconds=0.3)
    assert any("One process does everything in turn (" in message for message in display.messages)
    events = read_trace(tmp_path / "run" / "trace" / "profile.json.gz")
    assert_is_sound(events)
    assert {"tree", "game step", "forward", "backward", "sample"} <= {event["name"] for event in events}


def test_after_the_training_who_asks_is_refused_and_what_was_recorded_is_told(tmp_path: Path) -> None:
    run = Profiled(tmp_path, seconds=100.0)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    run.profiler.end()
    identity = "0" * 32
    (tmp_path / TRACE_FOLDER / "request.json").write_text(json.dumps({"identity": identity, "seconds": 1.0}))
    deadline = time.monotonic() + 20
    while len(run.messages) < 3 and time.monotonic() < deadline:
        run.profiler.look_after_training()
        time.sleep(0.01)
    assert "profile.md" in run.messages[2] and not run.is_recording
    assert "training has ended" in json.loads((tmp_path / TRACE_FOLDER / f"answer-{identity}.json").read_text())["error"]


def test_who_is_in_a_hurry_does_not_wait_for_the_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.profiler.write_trace", lambda *_: time.sleep(3.0))
    run = Profiled(tmp_path, seconds=100.0)
    run.learn(steps=1, samples=16, env_steps=8)
    run.profiler.look()
    began = time.monotonic()
    run.profiler.finish(lambda: True)
    assert time.monotonic() - began < 2.0
    assert run.messages[-1] == "profile: the run ended before the profile was written."
