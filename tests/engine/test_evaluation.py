"""What an evaluation of a run writes down: how far the run was, how the matches ended."""

import json
from pathlib import Path

import pytest

from engine.evaluation import moment_of, report_evaluation
from engine.layout import Control, Counter, Gauge, telemetry_layout
from engine.run_clock import run_seconds
from engine.shared_memory import Segment
from engine.telemetry import ProcessIndices, Telemetry
from muzero.elo import EloEstimate
from muzero.match_result import MatchResult

INDICES = ProcessIndices.of(2, has_evaluator=True)
DRAWN = MatchResult("random", 4, 1, 2, 1, 0.5, -1, 0.0, elo=EloEstimate(12.0, -5.0, None))


@pytest.fixture
def telemetry() -> Telemetry:
    """A run resumed at 1,000 moves, of which its two actors counted 600 themselves, in 30 games, and 50 more since."""
    telemetry = Telemetry(Segment.private(telemetry_layout(INDICES.num_processes)).arrays)
    telemetry.set_control(Control.LEARNER_STEPS, 80)
    telemetry.set_control(Control.ENV_STEPS_BASE, 400)
    for actor, moves, games in ((0, 500, 20), (1, 150, 12)):
        telemetry.block(actor).set(Counter.ENV_STEPS, moves)
        telemetry.block(actor).set(Counter.GAMES, games)
    return telemetry


def test_a_moment_counts_all_starts_of_the_run(telemetry: Telemetry) -> None:
    moment = moment_of(telemetry, INDICES)
    assert (moment.learner_steps, moment.env_steps, moment.training_games) == (80, 1050, 32)
    assert moment.run_seconds == pytest.approx(run_seconds(telemetry), abs=1.0)


def test_a_line_says_when_the_evaluation_began_and_how_it_ended(telemetry: Telemetry, tmp_path: Path) -> None:
    block, began = telemetry.block(INDICES.num_processes - 1), moment_of(telemetry, INDICES)
    report_evaluation(block, tmp_path, DRAWN, began, seconds=2.5)
    line = json.loads((tmp_path / "evaluations.jsonl").read_text())
    assert (line["learner_steps"], line["env_steps"], line["training_games"], line["seconds"]) == (80, 1050, 32, 2.5)
    assert (line["games"], line["wins"], line["evaluation_score"]) == (4, 1, 0.5)
    assert (line["elo_difference"], line["elo_low"], line["elo_high"]) == (12.0, -5.0, None) and "elo" not in line
    assert block.gauge(Gauge.EVALUATED_STEP) == 80


@pytest.mark.parametrize(
    ("result", "score"),
    [(MatchResult("perfect", 900, 0, 600, 300, 0.3, 300, -0.4), -300), (MatchResult("none", 8, 0, 0, 0, 0.5, -1, 212.5), 212.5)],
)
def test_losing_lines_and_returns_are_the_score_where_they_count(
    telemetry: Telemetry, tmp_path: Path, result: MatchResult, score: float
) -> None:
    report_evaluation(telemetry.block(0), tmp_path, result, moment_of(telemetry, INDICES), seconds=1.0)
    assert json.loads((tmp_path / "evaluations.jsonl").read_text())["evaluation_score"] == score
