"""The real commands that measure a row, how they are run, and how they are written down."""

import json
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.machine import ROOT
from benchmarks.row import Row
from muzero.errors import MuZeroError

PROGRAMS = {
    "muzero-launch": (sys.executable, "-m", "launch.cli"),
    "muzero": (sys.executable, "-c", "from launch.cli import muzero; muzero()"),
}
"""Each command as this interpreter runs it, installed or not."""
STOP_SECONDS = 300.0
"""How much longer than its own limit a training may take to end."""
EVALUATION_SECONDS = 6 * 3600.0


class Interrupted(MuZeroError):
    """The training was stopped by a signal and saved itself."""

    exit_code = 130


def default_run_dir(row: Row, seed: int) -> Path:
    """Returns where a row's run lies; for a row that trains nothing, the run that it measures."""
    return Path("runs") / f"{row.trained_by or row.name}-s{seed}"


def launch_command(row: Row, seed: int, run_dir: Path, minutes: float, *, is_resume: bool) -> list[str]:
    """Returns the command of one start of a row's training."""
    limit = ["--run-dir", str(run_dir), "--minutes", f"{minutes:g}"]
    if is_resume:
        return ["muzero-launch", "--resume", *limit]
    preset = [] if row.preset == "default" else ["--preset", row.preset]
    settings = [word for key, value in row.settings.items() for word in ("--set", f"{key}={_toml(value)}")]
    return ["muzero-launch", "--env", row.env, *preset, "--seed", str(seed), *limit, *settings]


def eval_command(player: Path, opponent: str, games: int, simulations: int | None) -> list[str]:
    """Returns the command of one evaluation; the exhaustive walk against `perfect` counts no games."""
    amount = [] if opponent == "perfect" else ["--games", str(games)]
    thinking = [] if simulations is None else ["--simulations", str(simulations)]
    return ["muzero", "eval", str(player), "--opponent", opponent, *amount, *thinking, "--json"]


def written(command: Sequence[str], run_dir: Path, shown_run_dir: Path) -> str:
    """Returns a command as it is stored: with the run in the folder that is shown."""
    return shlex.join(word.replace(str(run_dir), str(shown_run_dir)) for word in command)


def train(command: Sequence[str], minutes: float) -> None:
    """Runs a training to its end; its screen is this process's.

    Raises:
        Interrupted: it was stopped, and can be resumed.
        MuZeroError: it failed.
    """
    process = subprocess.Popen(_program(command), cwd=ROOT)
    try:
        code = _wait(process, 60 * minutes + STOP_SECONDS)
    finally:
        if process.poll() is None:
            process.terminate()  # it saves a checkpoint; --resume of this command waits for nothing else
    if code in (130, 143, -2, -15):
        raise Interrupted("the training was stopped: --resume goes on with it.")
    if code != 0:
        raise MuZeroError(f"the training ended with exit code {code}: see its message above; --resume goes on with it.")


def evaluate(command: Sequence[str]) -> dict[str, Any]:
    """Runs an evaluation and returns what it printed.

    Raises:
        MuZeroError: it failed, did not end or printed no JSON object.
    """
    try:
        done = subprocess.run(_program(command), cwd=ROOT, stdout=subprocess.PIPE, text=True, timeout=EVALUATION_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        raise MuZeroError(f"{shlex.join(command)} did not end within {EVALUATION_SECONDS / 3600:g} hours.") from None
    try:
        record: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    except (ValueError, IndexError):
        raise MuZeroError(f"{shlex.join(command)} ended with exit code {done.returncode} and without a result.") from None
    return record


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> int:
    """Waits for a training; a Ctrl-C reaches it too, and it is given the time to save itself."""
    try:
        return process.wait(timeout=seconds)
    except KeyboardInterrupt:
        return process.wait(timeout=STOP_SECONDS)
    except subprocess.TimeoutExpired:
        raise MuZeroError(f"the training did not end {STOP_SECONDS:g} seconds after its limit: it is told to stop.") from None


def _program(command: Sequence[str]) -> list[str]:
    name, *arguments = command
    return [*PROGRAMS[name], *arguments]


def _toml(value: bool | int | float | str) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
