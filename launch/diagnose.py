"""The report of `muzero diagnose`: a JSON file, a picture and what is printed. The numbers are those of `engine/diagnosis.py`."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from engine.durable_files import write_atomically
from engine.errors import MachineProblem
from launch.tables import print_rows

NO_MATPLOTLIB = "no picture was drawn, because matplotlib is not installed: pip install 'muzero-engine[results]'."
SHOWN_NUMBERS = (
    "positions",
    "value_error",
    "value_spread",
    "reward_error",
    "reward_spread",
    "network_entropy",
    "search_entropy",
    "policy_kl",
    "played_rank",
    "best_rank",
    "best_first",
    "hidden_distance",
    "unrelated_distance",
)
"""What the terminal shows of a depth; the JSON has more."""


def diagnose_run(path: Path, *, num_positions: int, out: Path | None) -> dict[str, Any]:
    """Writes the report of a run's newest checkpoint and returns it as a record, ready for JSON.

    Args:
        path: the run's folder, or one of its checkpoints.
        num_positions: stored positions to look at, at most.
        out: folder of the report, or None for `diagnosis` in the run's.

    Returns:
        run, environment, learner_steps, the fields of `muzero.diagnosis.Diagnosis`, verdict (sentences), json and picture (paths; the
        latter is None without matplotlib).

    Raises:
        UserError: the folder holds no run, no checkpoint or no games.
        CorruptCheckpoint: no checkpoint passed its checksums.
        MachineProblem: the report cannot be written.
    """
    from engine.diagnosis import diagnose_checkpoint
    from muzero.diagnosis_verdict import verdict

    found = diagnose_checkpoint(path, num_positions=num_positions, on_problem=_tell)
    folder = out or found.run_dir / "diagnosis"
    report = folder / f"step_{found.learner_steps:09d}.json"
    record: dict[str, Any] = {
        "run": str(found.run_dir),
        "environment": found.environment,
        "learner_steps": found.learner_steps,
        **asdict(found.diagnosis),
        "verdict": verdict(found.diagnosis, found.learner_steps),
    }
    picture = _drawn(record)
    paths = {"json": str(report), "picture": None if picture is None else str(report.with_suffix(".png"))}
    record |= paths
    _write(report, json.dumps(record, indent=1) + "\n")
    if picture is not None:
        _write(report.with_suffix(".png"), picture)
    return record


def _drawn(record: dict[str, Any]) -> bytes | None:
    """Returns the picture, or None, with a sentence to stderr, where matplotlib is missing: the numbers are worth having without it."""
    try:
        from launch.diagnosis_plot import draw
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        _tell(NO_MATPLOTLIB)
        return None
    return draw(record)


def _tell(sentence: str) -> None:
    click.echo(sentence, err=True)


def _write(path: Path, content: str | bytes) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise MachineProblem(f"the report cannot be written to {path} ({error.strerror}): name another folder with --out.") from error


def print_diagnosis(record: dict[str, Any]) -> None:
    """Prints a line per number and a column per depth, then the verdict and where the report lies."""
    rows = [{"unroll depth": name.replace("_", " ")} | {str(row["depth"]): row[name] for row in record["depths"]} for name in SHOWN_NUMBERS]
    print_rows(rows, title=f"{record['environment']} after {record['learner_steps']:,} learner steps")
    click.echo()
    for sentence in record["verdict"]:
        click.echo(f"- {sentence}")
    click.echo(f"\n{record['picture'] or record['json']}")
