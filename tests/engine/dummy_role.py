"""A role for the tests of supervision: DUMMY_BEHAVIOUR says how it misbehaves. No work is done."""

import ctypes
import os
import signal
import time
from pathlib import Path

from engine.process_life import PR_SET_PDEATHSIG, Life, ProcessSetup, main
from muzero.errors import UserError

LONG_SECONDS = 60.0

if os.environ.get("DUMMY_BEHAVIOUR") == "fail_at_import":
    raise ImportError("this dummy cannot be imported")


def run(setup: ProcessSetup, life: Life) -> None:
    """Behaves as the environment says; the normal behaviour is to live until a stop."""
    behaviour = os.environ.get("DUMMY_BEHAVIOUR", "")
    if behaviour == "never_ready":
        time.sleep(LONG_SECONDS)
    if behaviour == "ignore_sigterm":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if behaviour == "only_death_pipe":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, 0, 0, 0, 0)
    life.ready()
    if behaviour == "fail":
        raise ValueError(f"the dummy fails on purpose, start {setup.restart_count}")
    if behaviour == "fail_for_good":
        raise UserError("the dummy's user must change something")
    if behaviour == "finish":
        return
    if behaviour in ("only_parent_death_signal", "ignore_stop", "ignore_sigterm"):
        time.sleep(LONG_SECONDS)
    while not life.should_stop():
        life.wait(LONG_SECONDS)
        life.progress()
    Path(setup.run_dir, f"{setup.role}.stopped").touch()


if __name__ == "__main__":
    main(run)
