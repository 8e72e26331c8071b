"""How a run ends: when the learner could not do its last duty, when the environment raises."""

import json
import signal
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engine.checkpoint_manifest import checkpoint_folder, newest_checkpoint
from engine.config import EvaluationConfig, RunConfig
from engine.environment_failures import latest_traceback
from engine.errors import NotEnoughMemory, RunFailed
from engine.inference_core import InferenceCore
from engine.layout import Control, telemetry_layout
from engine.load_network import load_for_evaluation
from engine.shared_memory import Segment
from engine.stop_signals import StopSignals
from engine.telemetry import Telemetry
from engine.training import _supervise, train
from engine.warm_up import WarmUp
from muzero.errors import MuZeroError
from tests.engine.run_examples import RememberingDisplay, tiny_config
from tests.muzero.counting_game import counting_config


class EndingRun:
    """Stands for supervisor, segments and watch of a run that was asked to stop and whose learner ended in this state."""

    def __init__(self, learner_state: str, evaluator_state: str = "FAILED") -> None:
        self.telemetry = Telemetry(Segment.private(telemetry_layout(1)).arrays)
        self.telemetry.set_control(Control.TRAINING_ENDED, 1)
        self.telemetry.set_control(Control.LEARNER_STEPS, 9)
        self.states, self.restarts = {"learner": learner_state, "evaluator": evaluator_state}, 0

    def start(self) -> None:
        """Nothing runs."""

    def poll(self, seconds: float) -> None:
        time.sleep(seconds / 10)

    def look(self, *_: Any) -> bool:
        return False

    def drain(self, *_: Any) -> bool:
        return False

    def look_now(self, *_: Any) -> None:
        """Nobody looks."""

    def end(self) -> None:
        """Nothing was recorded."""

    def look_after_training(self) -> None:
        """Nobody asks."""

    def finish(self, *_: Any) -> None:
        """Nothing is written."""


def end(learner_state: str, num_signals: int, evaluator_state: str = "FAILED", run_dir: Path = Path("no-such-run")) -> list[str]:
    """Returns what is said."""
    run, signals, display = EndingRun(learner_state, evaluator_state), StopSignals(), RememberingDisplay()
    signals.count = num_signals
    config = RunConfig(evaluation=EvaluationConfig(last_seconds=0.05))
    _supervise(run, run, run, run, display, signals, config, run_dir)  # type: ignore[arg-type]
    assert run.telemetry.control(Control.STOP_REQUESTED) == 1
    return display.messages


@pytest.mark.parametrize("num_signals", [0, 1])
def test_a_run_whose_last_checkpoint_failed_did_not_end_well(num_signals: int, tmp_path: Path) -> None:
    with pytest.raises(RunFailed, match="no checkpoint was written, see logs/learner.log .*--resume starts it from the beginning"):
        end("FAILED", num_signals, run_dir=tmp_path)
    (checkpoint_folder(tmp_path) / "step_000000009").mkdir(parents=True)
    with pytest.raises(RunFailed, match="the last checkpoint was not written, see logs/learner.log .*--resume goes on at the one before"):
        end("FAILED", num_signals, run_dir=tmp_path)


def test_only_the_learner_matters_and_who_forces_the_end_knows() -> None:
    end("STOPPED", 1)
    end("FAILED", 2)


def test_an_evaluation_of_the_last_weights_that_takes_too_long_does_not_hold_up_the_end() -> None:
    first, last = end("STOPPED", 0, evaluator_state="READY")
    assert first == "evaluating the last weights (0.05 s at most, Ctrl-C skips it)"
    assert last == "the evaluation took more than 0.05 s (evaluation.last_seconds) and was left"


@pytest.mark.parametrize("event", ["signal", "death"])
def test_a_signal_or_the_evaluators_death_ends_the_wait_and_the_run_ended_well(event: str) -> None:
    run, signals, display = EndingRun("STOPPED", "READY"), StopSignals(), RememberingDisplay()

    def happen(seconds: float) -> None:
        if event == "signal":
            signals.handle(signal.SIGINT, None)
        else:
            run.states["evaluator"] = "FAILED"

    run.poll = happen  # type: ignore[method-assign]
    _supervise(run, run, run, run, display, signals, RunConfig(), Path("no-such-run"))  # type: ignore[arg-type]
    assert signals.exit_code == 0
    assert display.messages == ["evaluating the last weights (60 s at most, Ctrl-C skips it)"]


def test_after_a_signal_or_without_an_evaluator_the_last_weights_are_not_evaluated() -> None:
    assert end("STOPPED", 1, evaluator_state="READY") == ["stopping: draining and saving a checkpoint (again to force)"]
    assert end("STOPPED", 0) == []


EVALUATED = {"evaluation": {"is_enabled": True, "interval_seconds": 1000, "episodes": 2}}


def test_the_last_evaluation_is_of_the_weights_that_are_saved(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[Any] = []
    load = InferenceCore.load
    monkeypatch.setattr(InferenceCore, "load", lambda core, values, version: (loaded.append(values.copy()), load(core, values, version)))
    config = tiny_config(steps=10, **EVALUATED)  # publishes at every 7th
    assert train(config, run_dir=tmp_path, mode="new", display=RememberingDisplay(), command_line=["test"]) == 0
    assert json.loads((tmp_path / "evaluations.jsonl").read_text().splitlines()[-1])["learner_steps"] == 10
    np.testing.assert_array_equal(loaded[-1], load_for_evaluation(tmp_path)[1])


def test_a_signal_to_a_run_that_is_done_skips_its_evaluation_and_it_ended_well(tmp_path: Path) -> None:
    class Impatient(RememberingDisplay):
        def message(self, text: str) -> None:
            if text.startswith("evaluating the last weights"):
                signal.raise_signal(signal.SIGINT)

    config = tiny_config(steps=5, **EVALUATED)
    assert train(config, run_dir=tmp_path, mode="new", display=Impatient(), command_line=["test"]) == 0
    assert not (tmp_path / "evaluations.jsonl").exists()


def test_an_exception_of_the_environment_is_shown_once_and_the_run_goes_on(tmp_path: Path) -> None:
    display = RememberingDisplay()
    env = counting_config(num_moves=8, failing_move=3, healthy_games=2, fails_once=True)
    assert train(tiny_config(env=env), run_dir=tmp_path / "run", mode="new", display=display, command_line=["test"]) == 0
    shown = [message for message in display.messages if "ValueError: move 3 is broken" in message]
    assert len(shown) == 1 and "Traceback" in shown[0]
    assert display.statuses[-1].failed_games == 4


def test_an_environment_that_keeps_raising_ends_the_run(tmp_path: Path) -> None:
    env = counting_config(num_moves=8, failing_move=3, healthy_games=2)
    config = tiny_config(env=env, actors={"num_actors": 1, "groups": 1})
    with pytest.raises(MuZeroError, match="raised an exception in 3 games in a row(.|\n)*ValueError: move 3 is broken") as failure:
        train(config, run_dir=tmp_path / "run", mode="new", display=RememberingDisplay(), command_line=["test"])
    assert failure.value.exit_code == 1
    assert latest_traceback(tmp_path / "run").endswith("ValueError: move 3 is broken\n")
    checkpoint = newest_checkpoint(tmp_path / "run")
    assert checkpoint is not None and checkpoint.manifest["counters"][0]["FAILED_GAMES"] == 3


def test_a_run_of_one_process_saves_before_its_environment_ends_it_and_can_go_on(tmp_path: Path) -> None:
    display, run_dir = RememberingDisplay(), tmp_path / "run"
    broken = tiny_config(steps=10**6, actors={"groups": 1}, env=counting_config(num_moves=8, failing_move=3, healthy_games=20))
    with pytest.raises(MuZeroError, match="raised an exception in 3 games in a row"):
        train(broken, run_dir=run_dir, mode="new", display=display, command_line=["test"])
    checkpoint = newest_checkpoint(run_dir)
    assert checkpoint is not None and "saving what there is" in display.messages
    assert checkpoint.manifest["counters"][0]["FAILED_GAMES"] == 3 and latest_traceback(run_dir)
    mended = tiny_config(steps=checkpoint.learner_steps + 5, env=counting_config(num_moves=8))
    assert train(mended, run_dir=run_dir, mode="resume", display=display, command_line=["test"]) == 0
    assert display.statuses[-1].env_steps > checkpoint.manifest["env_steps"]


def test_a_failed_evaluation_costs_a_run_of_one_process_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluations: list[int] = []

    def fail_once(model: object, search: object, config: object, learner_steps: int, should_stop: object) -> None:
        evaluations.append(learner_steps)
        if len(evaluations) == 1:
            raise ValueError("the evaluation is broken")

    monkeypatch.setattr("engine.one_process.hold_evaluation", fail_once)
    display = RememberingDisplay()
    config = tiny_config(evaluation={"is_enabled": True, "interval_seconds": 1e-6, "episodes": 2})
    assert train(config, run_dir=tmp_path / "run", mode="new", display=display, command_line=["test"]) == 0
    assert display.statuses[-1].failed_games == 1
    assert len(evaluations) > 1
    (shown,) = (message for message in display.messages if "ValueError: the evaluation is broken" in message)
    assert shown.startswith("an exception ended a game or an evaluation")


def test_a_run_that_does_not_fit_its_gpu_is_refused_before_it_begins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = WarmUp(num_floats=1000, device="cuda:0", learner_device="cpu", device_bytes=100_000_000)
    monkeypatch.setattr("engine.training.warm_up", lambda *_: found)
    config = tiny_config(learner={"device": "cpu"})
    with pytest.raises(NotEnoughMemory, match="of memory on the cuda:0"):
        train(config, run_dir=tmp_path / "run", mode="new", display=RememberingDisplay(), command_line=["test"])
    assert not (tmp_path / "run").exists()
