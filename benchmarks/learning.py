"""Measures one row of the results ledger again: `python benchmarks/learning.py NAME --seed S`. What is measured is in `rows.py`."""

from pathlib import Path

import click

from benchmarks.commands import default_run_dir
from benchmarks.machine import ROOT
from benchmarks.measure import measure
from benchmarks.result import RESULTS, result_path
from benchmarks.rows import ROWS, row_named
from launch.shown_errors import shown_errors
from muzero.errors import UserError


@click.command()
@click.argument("name", required=False)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Seed of the training.")
@click.option("--run-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the run; runs/<NAME>-s<N> by default.")
@click.option("--resume", is_flag=True, help="Go on where the same command was cut.")
@click.option("--list", "is_list", is_flag=True, help="Show all rows and their seeds.")
@shown_errors()
def main(name: str | None, seed: int | None, run_dir: Path | None, resume: bool, is_list: bool) -> None:
    """Trains and measures the row NAME, and writes its result to benchmarks/results."""
    if is_list:
        _print_rows()
        return
    if name is None or seed is None:
        raise UserError("give a row and a seed, for example: tictactoe --seed 1; --list shows all rows.")
    row = row_named(name)
    folder = (run_dir or ROOT / default_run_dir(row, seed)).resolve()
    path = measure(row, seed, folder, RESULTS, is_resume=resume)
    is_shown = seed in row.seeds
    claimed = ", ".join(map(str, row.seeds))
    click.echo(f"written: {path}; make results {'shows it' if is_shown else f'leaves it out: the row claims the seeds {claimed}'}.")


def _print_rows() -> None:
    """Prints every row with its seeds and those that are measured already."""
    for row in ROWS:
        measured = [str(seed) for seed in row.seeds if result_path(row.name, seed).is_file()]
        training = f"{row.minutes:g} minutes" if row.trained_by is None else f"the run of {row.trained_by}"
        seeds = f"seeds {' '.join(map(str, row.seeds))}, measured: {' '.join(measured) or 'none'}"
        click.echo(f"{row.name}: {training}, {seeds}\n    {row.claim}")


if __name__ == "__main__":
    main()
