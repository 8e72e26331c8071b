"""How a run ends: what its exit says when the learner could not do its last duty."""

from typing import Any

import pytest

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.layout import Control, telemetry_layout
from engine.shared_memory import Segment
from engine.stop_signals import StopSignals
from engine.telemetry import Telemetry
from engine.training import _supervise
from tests.engine.run_examples import RememberingDisplay


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
