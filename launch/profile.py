"""What `muzero profile` prints. The profile is made by the run itself (`engine/profiler.py`)."""

from collections.abc import Mapping
from typing import Any

import click


def print_profile(record: Mapping[str, Any]) -> None:
    """Prints the verdict of a profile and where the rest is."""
    click.echo(record["verdict"])
    click.echo(
        f"{record['simulations_per_second']:,.0f} simulations/s, {record['moves_per_second']:,.1f} moves/s, "
        f"{record['learner_steps_per_second']:,.1f} learner steps/s over {record['seconds']:.1f} s"
    )
    click.echo(f"report: {record['report']}")
    click.echo(f"trace:  {record['trace']} (open it in https://ui.perfetto.dev)")
