"""What the look at a running run says by itself."""

from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from engine.status import Status, StatusReader
from engine.watch import LONG_WAIT_LOOKS, Watch
from tests.engine.run_examples import RememberingDisplay, tiny_config
from tests.engine.test_metrics_log import FRESH


class Recorded:
    """A reader that knows what it will read."""

    def __init__(self, *statuses: Status) -> None:
        self._statuses = iter(statuses)

    def read(self, *_: Any) -> Status:
        return next(self._statuses)


def messages_of(run_dir: Path, *statuses: Status) -> list[str]:
    """Returns what is said when these statuses are looked at, one after the other."""
    display = RememberingDisplay()
    watch = Watch(tiny_config(), run_dir, display, cast(StatusReader, Recorded(*statuses)), None)
    for _ in statuses:
        watch.look_now({}, 0)
    watch.close()
    return display.messages


def test_what_learning_waits_for_is_said_once_a_game_is_stored(tmp_path: Path) -> None:
    empty, waiting = FRESH, replace(FRESH, ring_steps=40)
    assert messages_of(tmp_path, empty, waiting, waiting) == ["learning begins once 60 steps are stored (replay.min_steps)"]
    for learning in (replace(FRESH, ring_steps=60), replace(FRESH, ring_steps=40, learner_steps=1)):
        assert messages_of(tmp_path, learning) == []


def test_an_evaluation_is_said_with_its_games_and_its_opponent(tmp_path: Path) -> None:
    evaluated = replace(FRESH, evaluations=1, evaluated_step=12, evaluated_games=20, score=0.875, opponent="random")
    assert messages_of(tmp_path, evaluated) == ["evaluation at learner step 12: score 0.875 in 20 games vs random"]


def test_a_long_wait_for_fresh_positions_is_said_once_with_what_to_do(tmp_path: Path) -> None:
    waiting = replace(FRESH, learner_steps=9, fresh_wait_fraction=0.43)
    (message,) = messages_of(tmp_path, *[waiting] * (LONG_WAIT_LOOKS + 1))
    assert message.startswith("learning waits for fresh positions (43% of the time): give more --reanalyzers or a larger reanalyze.")


def test_a_small_or_short_wait_and_the_one_before_the_first_step_are_not_worth_a_message(tmp_path: Path) -> None:
    long, small = (replace(FRESH, learner_steps=9, fresh_wait_fraction=fraction) for fraction in (0.9, 0.1))
    before = replace(FRESH, learner_steps=0, fresh_wait_fraction=0.9)
    for statuses in ([before], [small], [*[long] * (LONG_WAIT_LOOKS - 1), small]):
        assert messages_of(tmp_path, *statuses * LONG_WAIT_LOOKS) == []
