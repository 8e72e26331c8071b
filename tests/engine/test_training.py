"""How a run ends: when the learner could not do its last duty, when the environment raises."""

from pathlib import Path
from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.layout import Control, telemetry_layout
from engine.shared_memory import Segment
from engine.stop_signals import StopSignals
from engine.telemetry import Telemetry
from engine.training import _supervise, train
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


def end(learner_state: str, num_signals: int) -> None:
    run, signals = EndingRun(learner_state), StopSignals()
    signals.count = num_signals
    _supervise(run, run, run, RememberingDisplay(), signals, RunConfig())  # type: ignore[arg-type]


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
    config = tiny_config(env=env, actors={"num_actors": 1})
    with pytest.raises(MuZeroError, match="raised an exception in 3 games in a row(.|\n)*ValueError: move 3 is broken") as failure:
        train(config, run_dir=tmp_path / "run", mode="new", display=RememberingDisplay(), command_line=["test"])
    assert failure.value.exit_code == 1
