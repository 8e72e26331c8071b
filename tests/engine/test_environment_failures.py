"""Exceptions of environments: counted, their traceback kept, too many failed evaluations end the run."""

import threading
from pathlib import Path
from typing import NoReturn

import pytest

from engine.environment_failures import EnvironmentFailures, latest_traceback
from engine.layout import Counter, telemetry_layout
from engine.shared_memory import Segment
from engine.telemetry import ProcessBlock, Telemetry
from muzero.errors import EnvironmentFailed, OpponentFailed, UserError
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
    failures = EnvironmentFailures(block, tmp_path, "actor-0")
    failures.report([])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (0, "")
    failures.report(["first", "second"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (2, "second")


def test_the_third_failed_evaluation_in_a_row_ends_the_run(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path, "actor-0")
    fail_an_evaluation(failures, "one")
    assert failures.evaluation(lambda: GOOD_RESULT) is GOOD_RESULT
    fail_an_evaluation(failures, "two")
    fail_an_evaluation(failures, "three")
    with pytest.raises(EnvironmentFailed, match="ValueError: four"):
        fail_an_evaluation(failures, "four")
    assert block.get(Counter.FAILED_GAMES) == 4


def test_an_evaluation_that_was_stopped_says_nothing_of_the_environment(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path, "actor-0")
    for text in ("one", "two"):
        fail_an_evaluation(failures, text)
        assert failures.evaluation(lambda: None) is None
    with pytest.raises(EnvironmentFailed):
        fail_an_evaluation(failures, "three")


def test_a_mistake_of_the_users_ends_an_evaluation_and_is_no_failure_of_the_environment(block: ProcessBlock, tmp_path: Path) -> None:
    def evaluate() -> NoReturn:
        raise UserError("no such opponent")

    with pytest.raises(UserError):
        EnvironmentFailures(block, tmp_path, "actor-0").evaluation(evaluate)
    assert block.get(Counter.FAILED_GAMES) == 0


def test_the_third_opponent_in_a_row_that_cannot_go_on_ends_the_run_with_its_sentence(block: ProcessBlock, tmp_path: Path) -> None:
    failures = EnvironmentFailures(block, tmp_path, "evaluator")

    def evaluate() -> NoReturn:
        raise OpponentFailed("opponent 'gtp:x' cannot go on: it ended.")

    assert [failures.evaluation(evaluate), failures.evaluation(evaluate)] == [None, None]
    with pytest.raises(EnvironmentFailed, match="of the last one: opponent 'gtp:x' cannot go on: it ended.$"):
        failures.evaluation(evaluate)


def test_failures_that_nobody_was_told_of_are_stored_before_the_end(block: ProcessBlock, tmp_path: Path) -> None:
    with pytest.raises(EnvironmentFailed), EnvironmentFailures(block, tmp_path, "actor-0").reported_before_the_end():
        raise EnvironmentFailed("three in a row", ["second", "third"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (2, "third")


def test_a_failure_that_cannot_be_written_is_counted(block: ProcessBlock, tmp_path: Path) -> None:
    (tmp_path / "crash").write_text("a file where the folder should be")
    EnvironmentFailures(block, tmp_path, "actor-0").report(["first"])
    assert (block.get(Counter.FAILED_GAMES), latest_traceback(tmp_path)) == (1, "")


def test_processes_that_fail_at_once_do_not_get_into_each_others_way(tmp_path: Path) -> None:
    telemetry = Telemetry(Segment.private(telemetry_layout(4)).arrays)

    def fail_often(index: int) -> None:
        failures = EnvironmentFailures(telemetry.block(index), tmp_path, f"actor-{index}")
        for _ in range(100):
            failures.report([f"{index}" * 1000])

    threads = [threading.Thread(target=fail_often, args=(index,)) for index in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
    assert telemetry.total(Counter.FAILED_GAMES, range(4)) == 400
    assert sorted(path.read_text() for path in (tmp_path / "crash").iterdir()) == [f"{index}" * 1000 for index in range(4)]
    assert latest_traceback(tmp_path) in {f"{index}" * 1000 for index in range(4)}
