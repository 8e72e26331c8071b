"""Writes `docs/results.md` and its pictures from the files in `benchmarks/results/`: `make results`. Measures nothing."""

from collections.abc import Sequence
from pathlib import Path

import click

from benchmarks.machine import ROOT
from benchmarks.page import page
from benchmarks.result import RESULTS, read_results
from benchmarks.row import Row
from benchmarks.rows import ROWS
from engine.durable_files import write_atomically
from launch.shown_errors import shown_errors
from muzero.errors import MuZeroError

DOCS = ROOT / "docs"
PICTURES = "results"


@click.command()
@shown_errors()
def main() -> None:
    """Renders the results page of this checkout."""
    click.echo(f"written: {render(ROWS, RESULTS, DOCS)}")


def render(rows: Sequence[Row], results_folder: Path, docs: Path) -> Path:
    """Writes the page and its pictures, removes pictures of results that are gone, and returns the page's file.

    Args:
        rows: all claims.
        results_folder: where their results lie; those of seeds that no row claims are left out.
        docs: where the page goes; pictures go to `results/` below it.

    Raises:
        UserError: a file is not a result.
        MuZeroError: matplotlib is missing.
    """
    try:
        from benchmarks.figures import draw_family
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != "matplotlib":
            raise
        raise MuZeroError("the pictures of the results page need matplotlib: pip install 'muzero-engine[results]'.") from None
    claimed = {(row.name, seed) for row in rows for seed in row.seeds}
    results = [result for result in read_results(results_folder) if (result.name, result.seed) in claimed]
    folder = docs / PICTURES
    folder.mkdir(parents=True, exist_ok=True)
    pictures = {
        family: draw_family(family, [result for result in results if result.family == family], folder)
        for family in dict.fromkeys(result.family for result in results)
    }
    drawn = {path for paths in pictures.values() for path in paths}
    for path in folder.glob("*.png"):
        if path not in drawn:
            path.unlink()
    relative = {family: [path.relative_to(docs) for path in paths] for family, paths in pictures.items()}
    target = docs / "results.md"
    write_atomically(target, page(rows, results, relative))
    return target


if __name__ == "__main__":
    main()
