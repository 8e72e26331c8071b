"""Measuring a row: what is trained, what is played, what is written, and how it goes on after a kill. Commands are played by a double."""

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from benchmarks.commands import Interrupted
from benchmarks.curve import Course
from benchmarks.measure import is_claim_met, measure
from benchmarks.result import Result, read_results
from benchmarks.row import Evaluation, Row
from muzero.errors import MuZeroError, UserError
from tests.benchmarks.examples import point, score

ROW = Row(
    name="tiny",
    family="tiny",
    claim="It wins.",
    env="tictactoe",
    settings={"search.num_simulations": 4, "training.use_symmetries": False},
    minutes=10,
    evaluations=(Evaluation(opponent="random", games=20, at_least=0.7), Evaluation(opponent="perfect", measure="losing_lines", at_most=0)),
    reach_score=0.7,
)
THINKING = Row(
    name="thinking",
    family="thinking",
    claim="It thinks.",
    env="tictactoe",
    trained_by="tiny",
    evaluations=(Evaluation(opponent="checkpoint:{run}", simulations=4),),
)


class Commands:
    """Stands for muzero-launch and muzero eval: each training lasts as many minutes as the next of `lasting` says, and may be cut."""

    def __init__(self, run_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.run_dir, self.calls, self.minutes = run_dir, list[str](), 0.0
        self.lasting: list[tuple[float, type[MuZeroError] | None]] = [(9.5, None)]
        self.eval_error: MuZeroError | None = None
        monkeypatch.setattr("benchmarks.measure.warm_up", lambda config: None)
        monkeypatch.setattr("benchmarks.measure.train", self.train)
        monkeypatch.setattr("benchmarks.measure.evaluate", self.evaluate)
        monkeypatch.setattr("benchmarks.measure.RUNS", run_dir.parent / "runs")

    def train(self, command: list[str], minutes: float) -> None:
        self.calls.append(" ".join(command).replace(str(self.run_dir), "R"))
        lasted, error = self.lasting.pop(0)
        self.run_dir.mkdir(exist_ok=True)
        for name in ("config.toml", "meta.json"):
            (self.run_dir / name).write_text('[env]\nname = "tictactoe"\n')
        self.minutes += lasted
        line = {"run_seconds": 60 * self.minutes, "env_steps": int(100 * self.minutes), "games": 10, "learner_steps": 50}
        (self.run_dir / "metrics.jsonl").write_text(json.dumps(line) + "\n")
        if error is not None:
            raise error("cut")

    def evaluate(self, command: list[str]) -> dict[str, Any]:
        self.calls.append(" ".join(command).replace(str(self.run_dir), "R"))
        if self.eval_error is not None and "perfect" in command:
            raise self.eval_error
        return {"opponent": command[4], "games": 20, "wins": 15, "draws": 0, "losses": 5, "score": 0.75, "losing_lines": 3}


@pytest.fixture
def commands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Commands:
    return Commands(tmp_path / "run", monkeypatch)


def run(commands: Commands, row: Row = ROW, *, is_resume: bool = False) -> Result:
    """Measures the row and reads its result back."""
    results = commands.run_dir.parent / "results"
    measure(row, 3, commands.run_dir, results, is_resume=is_resume)
    (result,) = read_results(results)
    return result


def test_a_row_is_trained_with_a_fixed_command_and_then_played(commands: Commands) -> None:
    result = run(commands)
    assert commands.calls == [
        "muzero-launch --env tictactoe --seed 3 --run-dir R --minutes 9.7"
        " --set search.num_simulations=4 --set training.use_symmetries=false",
        "muzero eval R --opponent random --games 20 --json",
        "muzero eval R --opponent perfect --json",
    ]
    assert (result.name, result.seed, result.minutes, result.env_steps, result.games) == ("tiny", 3, 9.5, 950, 10)
    assert [score.value for score in result.scores] == [0.75, 3]
    assert (result.is_met, result.reached) == (False, None)


def test_stored_commands_show_the_usual_folder(commands: Commands) -> None:
    result = run(commands)
    assert result.scores[0].command == "muzero eval runs/tiny-s3 --opponent random --games 20 --json"
    assert str(commands.run_dir) not in msgspec.json.encode(result).decode()


def test_a_cut_training_goes_on_with_what_is_left_of_its_minutes(commands: Commands) -> None:
    commands.lasting = [(2.5, Interrupted), (4.0, MuZeroError), (3.1, None)]
    for is_resume, error in ((False, Interrupted), (True, MuZeroError)):
        with pytest.raises(error):
            run(commands, is_resume=is_resume)
    result = run(commands, is_resume=True)
    assert commands.calls[1:3] == ["muzero-launch --resume --run-dir R --minutes 7.2", "muzero-launch --resume --run-dir R --minutes 3.2"]
    assert (len(result.parts), result.minutes) == (3, 9.6)


def test_a_training_that_used_its_minutes_up_is_not_started_again(commands: Commands) -> None:
    commands.lasting = [(9.8, MuZeroError)]
    with pytest.raises(MuZeroError):
        run(commands)
    assert run(commands, is_resume=True).minutes == 9.8
    assert [call.split()[0] for call in commands.calls] == ["muzero-launch", "muzero", "muzero"]


def test_matches_that_were_played_are_not_played_again(commands: Commands) -> None:
    commands.eval_error = MuZeroError("cut")
    with pytest.raises(MuZeroError):
        run(commands)
    commands.eval_error, commands.calls = None, []
    run(commands, is_resume=True)
    assert commands.calls == ["muzero eval R --opponent perfect --json"]


def test_a_run_that_is_there_is_not_trained_over(commands: Commands) -> None:
    run(commands)
    with pytest.raises(UserError, match="holds a run already: add --resume"):
        run(commands)


def test_a_row_without_a_training_measures_the_run_of_another_one(commands: Commands) -> None:
    with pytest.raises(UserError, match="measure the row tiny first"):
        run(commands, THINKING)
    run(commands)
    (commands.run_dir.parent / "results" / "tiny-s3.json").unlink()
    result = run(commands, THINKING)
    folder = commands.run_dir
    assert result.scores[0].command == f"muzero eval {folder} --opponent checkpoint:{folder} --games 200 --simulations 4 --json"
    assert (result.minutes, result.parts) == (9.5, ())


def test_a_run_of_another_world_is_not_measured(commands: Commands) -> None:
    run(commands)
    with pytest.raises(UserError, match="learned tictactoe, but the row thinking measures go5"):
        run(commands, msgspec.structs.replace(THINKING, env="go5"))


@pytest.mark.parametrize("row", [ROW, THINKING], ids=lambda row: row.name)
def test_a_resume_of_nothing_is_refused(commands: Commands, row: Row) -> None:
    if row.trained_by is not None:
        run(commands)
    with pytest.raises(UserError, match="nothing to resume: .* leave --resume out"):
        run(commands, row, is_resume=True)


def test_a_file_that_is_no_result_is_named(tmp_path: Path) -> None:
    (tmp_path / "bad-s1.json").write_text('{"name": 1}')
    with pytest.raises(UserError, match=r"bad-s1.json is no result .*measure its row again"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("changes", "verdicts", "is_met"),
    [
        ({}, (True, None), True),
        ({}, (True, False), False),
        ({}, (None,), None),
        ({"minutes": 9.0}, (True,), False),
        ({"max_env_steps": 700}, (True,), False),
        ({"max_env_steps": 800}, (True,), True),
    ],
)
def test_a_claim_is_met_if_every_target_is_within_the_limits(
    commands: Commands, changes: dict[str, Any], verdicts: tuple[bool | None, ...], is_met: bool | None
) -> None:
    course = Course(
        minutes=9.5, env_steps=950, games=9, learner_steps=9, curve=(point(1.0, 300, 0.4), point(3.0, 800, 0.8)), ends=(1.5, 3.5)
    )
    scores = tuple(score(0.5, is_met=verdict) for verdict in verdicts)
    assert is_claim_met(msgspec.structs.replace(ROW, **changes), course, scores) is is_met
