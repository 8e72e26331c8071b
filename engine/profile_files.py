"""The files by which `muzero profile` asks a live run for a profile and is answered, both in the run's folder `trace/`.

A request is one file that appears whole and that the run takes away; an answer is named after its request. Nothing is profiled here.
"""

import json
import os
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.durable_files import write_atomically
from engine.errors import MachineProblem
from engine.run_folder import CONFIG_NAME
from engine.socket_folder import LOCK_NAME, try_lock
from muzero.errors import MuZeroError, UserError

TRACE_FOLDER = "trace"
REQUEST_NAME = "request.json"
LONGEST_SECONDS = 600.0
TAKEN_SECONDS = 60.0
"""A run takes a request within a tenth of a second, one in one process after its turn, which may be an evaluation."""
WRITTEN_SECONDS = 120.0
"""Longest time to write a profile."""
LOOK_SECONDS = 0.1


@dataclass(frozen=True)
class ProfileRequest:
    """What is asked of a run.

    Attributes:
        identity: names the answer.
        seconds: how long to record.
    """

    identity: str
    seconds: float


def require_seconds(seconds: float, name: str) -> float:
    """Returns a length of time that can be recorded.

    Args:
        seconds: the length.
        name: how the user calls it.

    Raises:
        UserError: it cannot.
    """
    if not 0.0 < seconds <= LONGEST_SECONDS:
        raise UserError(f"{name} is {seconds:g}: record more than 0 and at most {LONGEST_SECONDS:g} seconds.")
    return seconds


# -- the run's side -------------------------------------------------------------------------------------------------------------


def clear_requests(run_dir: Path) -> None:
    """Makes the folder of traces, without requests and answers of an earlier start."""
    folder = run_dir / TRACE_FOLDER
    folder.mkdir(exist_ok=True)
    for path in (folder / REQUEST_NAME, *folder.glob("answer-*.json")):
        path.unlink(missing_ok=True)


def take_request(run_dir: Path) -> ProfileRequest | None:
    """Returns the request that lies there and takes it away, None without one; what is no request is taken away, too.

    What cannot be taken away is none: it would be asked again and again.
    """
    path = run_dir / TRACE_FOLDER / REQUEST_NAME
    try:
        asked = path.read_bytes()
    except FileNotFoundError:
        return None  # and nothing is taken away: a request may appear this very moment
    except OSError:
        asked = b""
    try:
        path.unlink()
        identity, seconds = _content(asked)
    except Exception:  # whatever lies there, it must not cost the run
        return None
    return ProfileRequest(identity, seconds) if re.fullmatch(r"[0-9a-f]{32}", identity) else None


def _content(request: bytes) -> tuple[str, float]:
    asked = json.loads(request)
    return str(asked["identity"]), require_seconds(float(asked["seconds"]), "seconds")


def answer_request(run_dir: Path, identity: str, answer: dict[str, Any]) -> None:
    """Leaves the answer to a request."""
    write_atomically(_answer_path(run_dir, identity), json.dumps(answer) + "\n")


# -- the asking side ------------------------------------------------------------------------------------------------------------


def ask_for_profile(run_dir: Path, seconds: float) -> dict[str, Any]:
    """Asks a live run for a profile and returns its answer.

    Args:
        run_dir: its folder.
        seconds: how long to record.

    Raises:
        UserError: nothing runs there, or somebody else asks already.
        MuZeroError: the run ended, did not answer, records for somebody else, or could not write the profile.
        MachineProblem: the folder cannot be written.
    """
    if not (run_dir / CONFIG_NAME).is_file():
        raise UserError(f"there is no run in {run_dir}: give the folder of a run.")
    if not is_running(run_dir):
        raise UserError(
            f"the run in {run_dir} is not running: start it with --resume, or let a new one profile itself "
            "(muzero-launch --profile SECONDS)."
        )
    request = ProfileRequest(uuid.uuid4().hex, require_seconds(seconds, "--seconds"))
    _leave(run_dir, request)
    answer = _wait_for_answer(run_dir, request)
    if "error" in answer:
        raise MuZeroError(answer["error"])
    return answer


def is_running(run_dir: Path) -> bool:
    """Returns whether a process holds the lock of a run folder."""
    try:
        descriptor = os.open(run_dir / LOCK_NAME, os.O_RDONLY)
    except PermissionError as error:
        raise UserError(f"the run in {run_dir} belongs to another user: ask for its profile as that user.") from error
    except OSError:
        return False
    try:
        return not try_lock(descriptor)
    finally:
        os.close(descriptor)


def _leave(run_dir: Path, request: ProfileRequest) -> None:
    """Leaves a request, which a link makes appear whole and only where none lies yet."""
    folder = run_dir / TRACE_FOLDER
    unnamed = folder / f".{request.identity}"
    try:
        folder.mkdir(exist_ok=True)
        unnamed.write_text(json.dumps({"identity": request.identity, "seconds": request.seconds}))
        os.link(unnamed, folder / REQUEST_NAME)
    except FileExistsError:
        raise UserError(f"somebody else asks the run in {run_dir} for a profile: try again in a moment.") from None
    except OSError as error:
        raise MachineProblem(
            f"the run folder {run_dir} cannot be written ({error.strerror}): a profile is asked for by a file in it."
        ) from error
    finally:
        unnamed.unlink(missing_ok=True)


def _wait_for_answer(run_dir: Path, request: ProfileRequest) -> dict[str, Any]:
    """Returns the answer once it is there."""
    answer = _answer_path(run_dir, request.identity)
    try:
        hint = "it may just be starting, try again in a moment"
        _wait_until(lambda: not _lies_there(run_dir, request) or answer.exists(), run_dir, TAKEN_SECONDS, hint)
        _wait_until(answer.exists, run_dir, request.seconds + TAKEN_SECONDS + WRITTEN_SECONDS, "its logs may say why")
        found: dict[str, Any] = json.loads(answer.read_text())
        return found
    finally:
        answer.unlink(missing_ok=True)
        if _lies_there(run_dir, request):
            (run_dir / TRACE_FOLDER / REQUEST_NAME).unlink(missing_ok=True)


def _lies_there(run_dir: Path, request: ProfileRequest) -> bool:
    """Returns whether a request was not taken yet; the next one may lie in its place at once."""
    try:
        asked = json.loads((run_dir / TRACE_FOLDER / REQUEST_NAME).read_text())
    except (OSError, ValueError):
        return False
    return isinstance(asked, dict) and asked.get("identity") == request.identity


def _wait_until(is_so: Callable[[], bool], run_dir: Path, seconds: float, hint: str) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if not is_running(run_dir) and not is_so():
            raise MuZeroError(f"the run in {run_dir} ended before its profile was written.")
        if time.monotonic() > deadline:
            raise MuZeroError(f"the run in {run_dir} did not answer within {seconds:.0f} seconds: {hint}.")
        time.sleep(LOOK_SECONDS)


def _answer_path(run_dir: Path, identity: str) -> Path:
    return run_dir / TRACE_FOLDER / f"answer-{identity}.json"
