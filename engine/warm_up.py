"""Starts the short process that runs before the roles (`engine/processes/warm_up.py`) and reads what it found. No torch in here."""

import json
import subprocess
import sys

import msgspec

from engine.config import RunConfig
from engine.errors import RunFailed
from muzero.errors import MuZeroError

WARM_UP_SECONDS = 600.0
LAST_WORDS_CHARACTERS = 4000


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """What the warm-up found.

    Attributes:
        num_floats: W, floats of the network.
        device: where inference runs, "cpu" or "cuda:N".
        learner_device: where the learner trains.
    """

    num_floats: int
    device: str
    learner_device: str


def warm_up(config: RunConfig) -> WarmUp:
    """Runs the warm-up process and returns what it found.

    Raises:
        MuZeroError: with the sentence and the exit code of what went wrong there.
    """
    command = [sys.executable, "-m", "engine.processes.warm_up"]
    try:
        done = subprocess.run(command, input=msgspec.json.encode(config), capture_output=True, timeout=WARM_UP_SECONDS, check=False)
    except subprocess.TimeoutExpired as timeout:
        raise RunFailed(f"the warm-up took longer than {WARM_UP_SECONDS:.0f} seconds: is the machine overloaded?") from timeout
    lines = done.stdout.decode().splitlines()
    if done.returncode != 0 or not lines:
        raise RunFailed(f"the warm-up process failed:\n{done.stderr.decode()[-LAST_WORDS_CHARACTERS:]}")
    answer = json.loads(lines[-1])
    if "error" in answer:
        error = MuZeroError(answer["error"])
        error.exit_code = answer["exit_code"]
        raise error
    return msgspec.convert(answer, WarmUp)
