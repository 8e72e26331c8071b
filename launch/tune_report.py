"""What `muzero tune` prints: the trials as a table, and what is fastest. How it was found is `tune.py`'s."""

from collections.abc import Mapping
from typing import Any

import click

from launch.tables import print_rows

LABELS = {
    "actors.num_actors": "actors",
    "actors.games_per_actor": "games per actor",
    "actors.groups": "groups",
    "inference.batch_deadline_microseconds": "batch deadline, us",
    "inference.num_threads": "server threads",
    "learner.num_threads": "learner threads",
}
"""What a table calls a setting."""
FEW_MOVES = 30
"""Moves are counted when all games of a group have made one: a game that makes fewer in a trial leaves its speed open by 3 % or more."""


def print_tuning(record: Mapping[str, Any]) -> None:
    """Prints the trials, what is fastest, and how to use it."""
    title = f"muzero tune {record['environment']}: {record['cores']:g} cores, trials of {record['seconds']:g} s"
    print_rows([_shown_row(row) for row in record["trials"]], title=title)
    for row in record["trials"]:
        if row["problem"]:
            value = "" if row["value"] is None else f" = {row['value']}"
            click.echo(f"{_label(row)}{value} failed: {row['problem']}")
    if record["is_rough"]:
        click.echo(f"These figures are rough: in a trial a game made fewer than {FEW_MOVES} moves, give more --seconds.")
    click.echo(f"\n{verdict(record)}")
    click.echo(f"flags: {record['flags']}")
    click.echo(f"file:  {record['command']}")


def _shown_row(row: Mapping[str, Any]) -> dict[str, Any]:
    """Returns a trial as people read it."""
    return {
        "setting": _label(row),
        "value": row["value"],
        "moves/s": row["moves_per_second"],
        "learner/s": row["learner_steps_per_second"],
        "sims/s": row["simulations_per_second"],
        "limit": row["limit"] or "",
        "": "failed" if row["problem"] else "kept" if row["is_kept"] else "",
    }


def _label(row: Mapping[str, Any]) -> str:
    """Returns what a trial changed."""
    if row["setting"]:
        return LABELS[row["setting"]]
    return "as it was" if row["is_original"] else "best so far"


def verdict(record: Mapping[str, Any]) -> str:
    """Returns in a sentence or two how much was gained."""
    before, after = record["moves_per_second_before"], record["moves_per_second_after"]
    early = "" if record["is_complete"] else " It was stopped early: what was not tried is as it was."
    if not record["changed"]:
        return f"Nothing was faster than the settings as they were, {before:,.0f} moves/s.{early}"
    gain = after / before - 1
    return f"{after:,.0f} moves/s with these settings, {before:,.0f} as it was ({gain:+.0%}).{early}"
