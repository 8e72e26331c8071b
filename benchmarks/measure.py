"""Measures one row with one seed: training in as many parts as it takes, then its matches, then one result file."""

from datetime import UTC, datetime
from pathlib import Path

from benchmarks.commands import evaluate, launch_command, train, written
from benchmarks.curve import Course, course_of
from benchmarks.journal import Journal
from benchmarks.machine import ROOT, commit, is_clean, this_machine
from benchmarks.matches import matches_of, score_of
from benchmarks.measured_run import require_world, shown_run_dir
from benchmarks.result import Part, Result, Score, write_result
from benchmarks.row import Row
from engine.run_clock import seconds_before
from engine.run_folder import CONFIG_NAME, META_NAME
from engine.warm_up import warm_up
from launch.config import resolve
from launch.settings import choices_of
from muzero.errors import UserError

RUNS = ROOT / "runs"
"""Where runs lie unless another folder is named, and the journals of rows that measure the run of another row."""
RESERVE_MINUTES = 0.3
"""What is left of the limit for the end of a training, which saves a checkpoint after its own limit."""


def measure(row: Row, seed: int, run_dir: Path, results: Path, *, is_resume: bool) -> Path:
    """Measures a row and returns the file of its result.

    Args:
        row: what to measure.
        seed: seed of the training.
        run_dir: folder of the run.
        results: folder of the results.
        is_resume: whether to go on with what is in the run's folder and its journal.

    Raises:
        UserError: the folder holds a run and is_resume is False, or there is nothing to go on with, or nothing to measure.
        MuZeroError: a command failed; what was done is kept for a resume.
    """
    journal = Journal(run_dir)
    if row.trained_by is None:
        _train(row, seed, run_dir, journal, is_resume=is_resume)
    else:
        require_world(row, run_dir)
        journal = Journal(RUNS / f"{row.name}-s{seed}")
        _require_begun(journal.path.is_file(), run_dir, is_resume=is_resume)
        if not is_resume:
            journal.clear()
    scores = _play(row, seed, run_dir, journal)
    return write_result(_result(row, seed, course_of(run_dir), journal.parts, scores), results)


def _train(row: Row, seed: int, run_dir: Path, journal: Journal, *, is_resume: bool) -> None:
    """Trains for as long as is left of the row's limit."""
    is_run = (run_dir / CONFIG_NAME).is_file() and (run_dir / META_NAME).is_file()
    if is_run and not is_resume:
        raise UserError(f"{run_dir} holds a run already: add --resume to go on with it, delete it, or name another --run-dir.")
    _require_begun(is_run, run_dir, is_resume=is_resume)
    if not is_run:
        journal.clear()
    minutes = round(row.minutes - RESERVE_MINUTES - seconds_before(run_dir) / 60, 2)
    if not journal.is_trained and minutes > 0:
        _compile_kernels(row)
        command = launch_command(row, seed, run_dir, minutes, is_resume=is_run)
        shown = written(command, run_dir, shown_run_dir(row, seed, run_dir))
        journal.add_part(Part(started=_now(), command=shown, commit=commit(), is_clean=is_clean()))
        train(command, minutes)
    if not journal.is_trained:
        journal.add_end_of_training()


def _require_begun(is_begun: bool, run_dir: Path, *, is_resume: bool) -> None:
    if is_resume and not is_begun:
        raise UserError(f"there is nothing to resume: no measurement of {run_dir} was begun; leave --resume out to begin one.")


def _compile_kernels(row: Row) -> None:
    """Fills the cache of compiled kernels, which is done once per version of the code and not counted as training."""
    config, _ = resolve(choices_of({"env.name": row.env, **row.settings}, f"row {row.name}"), file=None, preset=row.preset)
    warm_up(config)


def _play(row: Row, seed: int, run_dir: Path, journal: Journal) -> tuple[Score, ...]:
    """Plays the matches that the journal does not know yet, and returns all scores."""
    scores = []
    for match in matches_of(row, run_dir):
        command = written(match.command, run_dir, shown_run_dir(row, seed, run_dir))
        if command not in journal.records:
            journal.add_match(command, evaluate(match.command))
        scores.append(score_of(match, journal.records[command], command))
    return tuple(scores)


def _result(row: Row, seed: int, course: Course, parts: tuple[Part, ...], scores: tuple[Score, ...]) -> Result:
    reached = course.reached(row.reach_score)
    return Result(
        name=row.name,
        family=row.family,
        claim=row.claim,
        seed=seed,
        limit_minutes=row.minutes,
        commit=parts[-1].commit if parts else commit(),
        is_clean=all(part.is_clean for part in parts) if parts else is_clean(),
        machine=this_machine(),
        started=parts[0].started if parts else _now(),
        parts=parts,
        minutes=course.minutes,
        env_steps=course.env_steps,
        games=course.games,
        learner_steps=course.learner_steps,
        scores=scores,
        reach_score=row.reach_score,
        reached=reached,
        max_env_steps=row.max_env_steps,
        compared_to=row.compared_to,
        is_met=is_claim_met(row, course, scores),
        plots=row.plots,
        curve=course.curve,
    )


def is_claim_met(row: Row, course: Course, scores: tuple[Score, ...]) -> bool | None:
    """Returns whether every target of a row is met within its limits; None where it has no target."""
    verdicts = [score.is_met for score in scores if score.is_met is not None]
    if row.max_env_steps is not None:
        reached = course.reached(row.reach_score)
        verdicts.append(reached is not None and reached.env_steps <= row.max_env_steps)
    if not verdicts:
        return None
    return all(verdicts) and (row.trained_by is not None or course.minutes <= row.minutes)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
