"""How a run ends: when the learner could not do its last duty, when the environment raises."""

from pathlib import Path
from typing import Any

import pytest

from engine.checkpoint_manifest import newest_checkpoint
from engine.config import RunConfig
from engine.environment_failures import latest_traceback
from engine.errors import NotEnoughMemory, RunFailed
from engine.layout import Control, telemetry_layout
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

    def __init__(self, learner_state: str) -> None:
        self.telemetry = Telemetry(Segment.private(telemetry_layout(1)).arrays)
        self.telemetry.set_control(Control.STOP_REQUESTED, 1)
        self.states, self.restarts = {"learner": learner_state, "evaluator": "FAILED"}, 0

    def start(self) -> None:
        """Nothing runs."""

    def drain(self, *_: Any) -> bool:
        return False

    def look_now(self, *_: Any) -> None:
        """Nobody looks."""

    def finish(self) -> None:
        """Nothing was recorded."""


def end(learner_state: str, num_signals: int) -> None:
    run, signals = EndingRun(learner_state), StopSignals()
    signals.count = num_signals
    _supervise(run, run, run, run, RememberingDisplay(), signals, RunConfig())  # type: ignore[arg-type]


@pytest.mark.parametrize("num_signals", [0, 1])
def test_a_run_whose_last_checkpoint_failed_did_not_end_well(num_signals: int) -> None:
    with pytest.raises(RunFailed, match="the last checkpoint was not written, see logs/learner.log .*--resume"):
        end("FAILED", num_signals)


def test_only_the_learner_matters_and_who_forces_the_end_knows() -> None:
    end("STOPPED", 1)
    end("FAILED", 2)


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

    def fail_once(model: object, search: object, config: object, learner_steps: int) -> None:
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
