"""From a row to its `muzero eval` commands, and from their JSON to scores and verdicts."""

from pathlib import Path
from typing import Any

import pytest

from benchmarks.intervals import wilson_interval
from benchmarks.matches import Match, matches_of, score_of
from benchmarks.row import Evaluation, Row

RECORD = {"opponent": "random", "games": 100, "wins": 70, "draws": 20, "losses": 10, "score": 0.8, "learner_steps": 9, "seconds": 2.0}


def row(*evaluations: Evaluation) -> Row:
    return Row(name="a", family="a", claim="A claim.", env="go5", evaluations=evaluations)


def judged(record: dict[str, Any], **evaluation: Any) -> Any:
    return score_of(Match(Evaluation(**evaluation), ["muzero"]), record, "muzero eval")


def test_an_evaluation_is_one_command() -> None:
    (match,) = matches_of(row(Evaluation(opponent="checkpoint:{run}", games=50, simulations=4)), Path("R"))
    assert " ".join(match.command) == "muzero eval R --opponent checkpoint:R --games 50 --simulations 4 --json"


def test_each_milestone_and_the_end_play_the_milestone_before(tmp_path: Path) -> None:
    for name in ("minute_0015.00", "minute_0030.00", "minute_0045.00"):
        (tmp_path / "milestones" / name).mkdir(parents=True)
    matches = list(matches_of(row(Evaluation(is_between_milestones=True, games=10)), tmp_path))
    assert [(match.minute, match.minute_before) for match in matches] == [(30.0, 15.0), (45.0, 30.0), (None, 45.0)]
    assert [Path(match.command[2]).name for match in matches] == ["minute_0030.00", "minute_0045.00", tmp_path.name]
    assert [Path(match.command[4]).name for match in matches] == ["minute_0015.00", "minute_0030.00", "minute_0045.00"]


def test_a_run_without_milestones_plays_none(tmp_path: Path) -> None:
    assert list(matches_of(row(Evaluation(is_between_milestones=True)), tmp_path)) == []


def test_a_share_of_points_has_an_interval_and_a_verdict() -> None:
    score = judged(RECORD, at_least=0.75)
    assert (score.value, score.low, score.high) == (0.8, *wilson_interval(0.8, 100))
    assert (score.wins, score.draws, score.losses, score.target, score.is_met) == (70, 20, 10, ">= 0.75", True)


def test_an_elo_brings_its_own_interval() -> None:
    score = judged(RECORD | {"elo_difference": 240.8, "elo_low": 150.0, "elo_high": 350.0}, measure="elo", at_least=0)
    assert (score.value, score.low, score.high, score.is_met) == (240.8, 150.0, 350.0, True)


@pytest.mark.parametrize(("low", "high", "is_met"), [(560.0, None, True), (None, -560.0, False)])
def test_where_every_game_was_won_or_lost_the_bound_decides(low: float | None, high: float | None, is_met: bool) -> None:
    score = judged(RECORD | {"elo_difference": None, "elo_low": low, "elo_high": high}, measure="elo", at_least=0)
    assert (score.value, score.is_met) == (None, is_met)


@pytest.mark.parametrize(("value", "is_met"), [(0, True), (1, False), (None, False)])
def test_losing_lines_must_be_few_and_known(value: int | None, is_met: bool) -> None:
    assert judged(RECORD | {"losing_lines": value}, measure="losing_lines", at_most=0).is_met is is_met


def test_without_a_target_there_is_no_verdict() -> None:
    score = judged(RECORD)
    assert (score.target, score.is_met) == ("", None)


def test_the_folders_of_this_machine_are_not_in_a_score() -> None:
    assert judged(RECORD | {"opponent": "checkpoint:/elsewhere/runs/a/milestones/minute_0015.00"}).opponent == "checkpoint:minute_0015.00"


def test_wilson_intervals_by_hand() -> None:
    # score 0.5 of 100: centre 0.5, half-width 1.96 sqrt(0.0025 + 0.0000960) / 1.03841 = 0.0962
    assert wilson_interval(0.5, 100) == pytest.approx((0.4038, 0.5962), abs=1e-4)
    low, high = wilson_interval(1.0, 200)
    assert (low, high) == pytest.approx((200 / 203.8415, 1.0), abs=1e-4)
    assert wilson_interval(0.0, 200) == pytest.approx((0.0, 1 - low))
