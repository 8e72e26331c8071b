"""Exceptions of environments: counted, their traceback kept, too many failed evaluations end the run."""

from pathlib import Path

import pytest

from engine.environment_failures import EnvironmentFailures, latest_traceback
from engine.layout import Counter, telemetry_layout
from engine.shared_memory import Segment
from engine.telemetry import ProcessBlock, Telemetry
from muzero.errors import EnvironmentFailed


@pytest.fixture
def block() -> ProcessBlock:
    return Telemetry(Segment.private(telemetry_layout(1)).arrays).block(0)


def fail_an_evaluation(failures: EnvironmentFailures, text: str) -> None:
    try:
        raise ValueError(text)
    except ValueError:
        failures.report_evaluation()


def test_failed_games_are_counted_and_the_latest_traceback_is_kept(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path)
    failures.report([])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (0, "")
    failures.report(["first", "second"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (2, "second")


def test_the_third_failed_evaluation_in_a_row_ends_the_run(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path)
    fail_an_evaluation(failures, "one")
    failures.end_of_row()
    fail_an_evaluation(failures, "two")
    fail_an_evaluation(failures, "three")
    with pytest.raises(EnvironmentFailed, match="ValueError: four"):
        fail_an_evaluation(failures, "four")
    assert block.get(Counter.FAILED_GAMES) == 4
