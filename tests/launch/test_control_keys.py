"""A terminal does not show ^C while a screen is drawn, and does so again afterwards."""

import io
import os
import termios

from launch.control_keys import LOCAL_MODES, unechoed_control_keys


def test_control_keys_are_echoed_again_afterwards() -> None:
    first, second = os.openpty()
    with os.fdopen(first), os.fdopen(second, "w") as terminal:
        before = termios.tcgetattr(terminal)
        assert before[LOCAL_MODES] & termios.ECHOCTL
        with unechoed_control_keys(terminal):
            assert not termios.tcgetattr(terminal)[LOCAL_MODES] & termios.ECHOCTL
        assert termios.tcgetattr(terminal) == before


def test_what_is_no_terminal_is_left_alone() -> None:
    with unechoed_control_keys(io.StringIO()) as nothing:
        assert nothing is None
