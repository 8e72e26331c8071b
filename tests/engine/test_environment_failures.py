"""Exceptions of environments: counted, their traceback kept, too many failed evaluations end the run."""

import threading
from pathlib import Path
from typing import NoReturn

import pytest

from engine.durable_files import write_atomically
from engine.environment_failures import EnvironmentFailures, latest_traceback
from engine.layout import Counter, telemetry_layout
from engine.shared_memory import Segment
from engine.telemetry import ProcessBlock, Telemetry
from muzero.errors import EnvironmentFailed, UserError
from muzero.match_result import MatchResult

GOOD_RESULT = MatchResult(opponent="none", games=1, wins=0, draws=0, losses=0, score=1.0, losing_lines=-1, mean_return=1.0)


@pytest.fixture
def block() -> ProcessBlock:
    return Telemetry(Segment.private(telemetry_layout(1)).arrays).block(0)


def fail_an_evaluation(failures: EnvironmentFailures, text: str) -> None:
    def evaluate() -> NoReturn:
        raise ValueError(text)

    assert failures.evaluation(evaluate) is None


def test_failed_games_are_counted_and_the_latest_traceback_is_kept(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path)
    failures.report([])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (0, "")
    failures.report(["first", "second"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (2, "second")


def test_the_third_failed_evaluation_in_a_row_ends_the_run(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path)
    fail_an_evaluation(failures, "one")
    assert failures.evaluation(lambda: GOOD_RESULT) is GOOD_RESULT
    fail_an_evaluation(failures, "two")
    fail_an_evaluation(failures, "three")
    with pytest.raises(EnvironmentFailed, match="ValueError: four"):
        fail_an_evaluation(failures, "four")
    assert block.get(Counter.FAILED_GAMES) == 4


def test_an_evaluation_that_was_stopped_says_nothing_of_the_environment(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path)
    for text in ("one", "two"):
        fail_an_evaluation(failures, text)
        assert failures.evaluation(lambda: None) is None
    with pytest.raises(EnvironmentFailed):
        fail_an_evaluation(failures, "three")


def test_a_mistake_of_the_users_ends_an_evaluation_and_is_no_failure_of_the_environment(block: ProcessBlock, tmp_path: Path) -> None:
    def evaluate() -> NoReturn:
        raise UserError("no such opponent")

    with pytest.raises(UserError):
        EnvironmentFailures(block, tmp_path).evaluation(evaluate)
    assert block.get(Counter.FAILED_GAMES) == 0


def test_failures_that_nobody_was_told_of_are_stored_before_the_end(block: ProcessBlock, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed), EnvironmentFailures(block, tmp_path).reported_before_the_end():
        raise EnvironmentFailed("three in a row", ["second", "third"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (2, "third")


def test_a_failure_that_cannot_be_written_is_counted(block: ProcessBlock, tmp_path: Path) -> None:
    (tmp_path / "crash").write_text("a file where the folder should be")
    EnvironmentFailures(block, tmp_path).report(["first"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (1, "")


def test_many_may_write_the_same_file_at_once(tmp_path: Path) -> None:
    problems: list[OSError] = []

    def write_often(text: str) -> None:
        try:
            for _ in range(100):
                write_atomically(tmp_path / "environment.txt", text)
        except OSError as problem:
            problems.append(problem)

    threads = [threading.Thread(target=write_often, args=(name * 1000,)) for name in "abcd"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert problems == []
    assert [path.name for path in tmp_path.iterdir()] == ["environment.txt"]
    assert (tmp_path / "environment.txt").read_text() in {name * 1000 for name in "abcd"}
