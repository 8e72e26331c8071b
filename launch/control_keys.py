"""Keeps a terminal from echoing control keys as ^C while a screen is drawn in place; what is drawn is not in here."""

import os
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

LOCAL_MODES = 3
"""Where termios keeps the flags of echoing."""


@contextmanager
def unechoed_control_keys(file: IO[str]) -> Iterator[None]:
    """Lets no ^C be shown inside the block: on the screen's last line it would make a line more, and the next drawing miss the first.

    Args:
        file: where the screen is drawn; nothing happens unless it is a terminal whose foreground is ours.
    """
    echoes = _set_echo(file, is_wanted=False)
    try:
        yield
    finally:
        if echoes:
            _set_echo(file, is_wanted=True)


def _set_echo(file: IO[str], *, is_wanted: bool) -> bool:
    """Turns the echo of control keys on or off; returns whether that changed something."""
    try:
        terminal = file.fileno()
        if _is_in_background(terminal):  # the kernel would stop this process
            return False
        modes = termios.tcgetattr(terminal)
        if bool(modes[LOCAL_MODES] & termios.ECHOCTL) == is_wanted:
            return False
        modes[LOCAL_MODES] ^= termios.ECHOCTL
        termios.tcsetattr(terminal, termios.TCSADRAIN, modes)
    except (OSError, termios.error):
        return False
    return True


def _is_in_background(terminal: int) -> bool:
    try:
        return os.tcgetpgrp(terminal) != os.getpgrp()
    except OSError:  # it is not the one that controls us
        return False
