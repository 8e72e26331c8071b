"""Prints records as plain tables for people."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table

WIDEST = 400
"""Columns that a table may take."""


def print_rows(
    rows: Sequence[Mapping[str, Any]], *, title: str, headings: Mapping[str, str] | None = None, console: Console | None = None
) -> None:
    """Prints rows that share their keys as one table, numbers to the right.

    Args:
        rows: what to print.
        title: above the table.
        headings: the keys to show and what to call them; all, by their own names, without.
        console: where to.
    """
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 2, 0, 0))
    headings = headings or {key: key.replace("_", " ") for key in (rows[0] if rows else ())}
    for key, heading in headings.items():
        table.add_column(heading, justify="left" if rows and isinstance(rows[0][key], str) else "right")
    for row in rows:
        table.add_row(*(cell_text(row[key]) for key in headings))
    _print_whole(table, console or Console(highlight=False))


def print_record(record: Mapping[str, Any], *, title: str, console: Console | None = None) -> None:
    """Prints one record as a table with a line per key."""
    table = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, 3, 0, 0), show_header=False)
    for key, value in record.items():
        table.add_row(f"[cyan]{key.replace('_', ' ')}[/cyan]", cell_text(value))
    _print_whole(table, console or Console(highlight=False))


def _print_whole(table: Table, console: Console) -> None:
    """Prints a table in full: lines that are too long for a terminal wrap there, where rich would cut the figures."""
    wanted = Measurement.get(console, console.options.update(width=WIDEST), table).maximum
    console.width = max(console.width, wanted)
    console.print(table)


def cell_text(value: Any) -> str:
    """Returns a value as short text: four digits of a float, a dash for nothing."""
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:,.4g}" if abs(value) < 10_000 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
