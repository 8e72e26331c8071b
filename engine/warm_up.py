"""Starts the short process that runs before the roles (`engine/processes/warm_up.py`) and reads what it found. No torch in here."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable

import msgspec

from engine.child import module_path
from engine.config import RunConfig
from engine.errors import RunFailed
from muzero.errors import MuZeroError

WARM_UP_SECONDS = 600.0
LOOK_SECONDS = 0.2
LAST_WORDS_CHARACTERS = 4000


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """What the warm-up found.

    Attributes:
        num_floats: W, floats of the network.
        device: where the first inference server runs, "cpu", "cuda:N" or a simulated one.
        learner_device: where the learner trains.
        device_bytes: memory of the smallest GPU among those of servers and learner, None without one.
        num_gpus: GPUs that torch sees.
    """

    num_floats: int
    device: str
    learner_device: str
    device_bytes: int | None
    num_gpus: int = 0


def warm_up(config: RunConfig, should_stop: Callable[[], bool] = lambda: False) -> WarmUp | None:
    """Runs the warm-up process and returns what it found, or None if it was stopped.

    Args:
        config: the run.
        should_stop: looked at several times a second; True kills the process.

    Raises:
        MuZeroError: with the sentence and the exit code of what went wrong there.
    """
    with _start() as process:
        try:
            output = _communicate(process, msgspec.json.encode(config), should_stop)
        finally:
            process.kill()
    return None if output is None else _read(process.returncode, *output)


def _start() -> "subprocess.Popen[bytes]":
    """Starts the process in a session of its own, which a Ctrl-C in the terminal does not reach."""
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "engine.processes.warm_up", str(os.getpid())],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": module_path()},
        start_new_session=True,
    )


def _communicate(process: "subprocess.Popen[bytes]", question: bytes, should_stop: Callable[[], bool]) -> tuple[bytes, bytes] | None:
    deadline = time.monotonic() + WARM_UP_SECONDS
    unsent: bytes | None = question
    while not should_stop():
        try:
            return process.communicate(unsent, timeout=LOOK_SECONDS)
        except subprocess.TimeoutExpired:
            unsent = None  # a second call goes on with the first one's input
        if time.monotonic() >= deadline:
            raise RunFailed(f"the warm-up took longer than {WARM_UP_SECONDS:.0f} seconds: is the machine overloaded?")
    return None


def _read(return_code: int, output: bytes, complaints: bytes) -> WarmUp:
    if return_code != 0 or not output:
        raise RunFailed(f"the warm-up process failed:\n{complaints.decode(errors='replace')[-LAST_WORDS_CHARACTERS:]}")
    answer = json.loads(output)
    if "error" in answer:
        error = MuZeroError(answer["error"])
        error.exit_code = answer["exit_code"]
        raise error
    return msgspec.convert(answer, WarmUp)
