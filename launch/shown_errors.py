"""Shows errors that a user can do something about as one sentence; which errors there are is in `muzero/errors.py`."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from muzero.errors import MuZeroError


@contextmanager
def shown_errors() -> Iterator[None]:
    """Prints the sentence of an error of this project to stderr and exits with its code; others pass."""
    try:
        yield
    except MuZeroError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code)
