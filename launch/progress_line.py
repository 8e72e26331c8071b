"""One line on a terminal's stderr that says how far something is; elsewhere nothing is said. What it says is the caller's matter."""

import math
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

PROGRESS_SECONDS = 0.5
CLEAR_LINE = "\r\033[K"


@contextmanager
def progress_line() -> Iterator[Callable[[Callable[[], str]], None]]:
    """Gives what rewrites the line, which is cleared at the end.

    Yields:
        A function of a function that returns the text; texts that come sooner than PROGRESS_SECONDS after a shown one are dropped, and so
        is every text where stderr is no terminal.
    """
    shown_at, is_terminal = -math.inf, sys.stderr.isatty()

    def show(text: Callable[[], str]) -> None:
        nonlocal shown_at
        if is_terminal and time.monotonic() - shown_at >= PROGRESS_SECONDS:
            shown_at = time.monotonic()
            click.echo(CLEAR_LINE + text(), nl=False, err=True)

    try:
        yield show
    finally:
        if is_terminal:
            click.echo(CLEAR_LINE, nl=False, err=True)
