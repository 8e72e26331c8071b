"""The folder of a run: opened new or again, locked, described. What its checkpoints, logs and metrics hold is decided elsewhere.

The lock is an `flock`: the kernel frees it however its holder ends, so a stale lock does not exist. Its descriptor is not
inherited by children, who would share the lock.
"""

import importlib.metadata
import json
import os
import platform
import shutil
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from engine.durable_files import write_atomically
from engine.errors import MachineProblem, RunDirectoryInUse
from engine.socket_folder import LOCK_NAME, SocketFolder, try_lock
from muzero.errors import UserError

RunMode = Literal["new", "resume", "restart", "overwrite"]

CONFIG_NAME = "config.toml"
META_NAME = "meta.json"
SUBFOLDERS = ("checkpoints", "logs", "crash", "tb")
DESCRIBED_PACKAGES = ("muzero-engine", "torch", "numba", "numpy")
GIT_TIMEOUT_SECONDS = 5.0


class RunFolder:
    """An open and locked run folder; close it when the run is over."""

    def __init__(self, path: Path, lock_fd: int) -> None:
        """Takes over a locked folder.

        Args:
            path: the folder.
            lock_fd: descriptor that holds its lock.
        """
        self.path = path
        self._lock_fd = lock_fd
        self._sockets: SocketFolder | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    def socket_dir(self) -> Path:
        """Returns the private folder of this start's sockets, of mode 0700 and with a short path; removed by `close`."""
        if self._sockets is None:
            self._sockets = SocketFolder()
        return self._sockets.path

    def close(self) -> None:
        """Removes the socket folder and frees the lock; a second call does nothing."""
        if self._sockets is not None:
            self._sockets.close()
            self._sockets = None
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1


def open_run(run_dir: Path, mode: RunMode, *, config_toml: str, command_line: list[str], seed: int) -> RunFolder:
    """Opens a run folder, locks it and writes into it what the run is.

    Args:
        run_dir: the folder; made if it is missing.
        mode: "new" wants it missing or empty, "resume" goes on with the run in it, "restart" moves that aside to
            `<name>.old-N`, "overwrite" deletes it.
        config_toml: the resolved settings, for `config.toml`.
        command_line: what was typed, for `meta.json`.
        seed: the run's seed, for `meta.json`.

    Raises:
        RunDirectoryInUse: it holds a run and mode is "new", or another process runs in it.
        UserError: it is no folder, holds something else, or there is nothing to resume.
    """
    run_dir = run_dir.resolve()
    check_run(run_dir, mode)
    lock_fd = _lock(run_dir)
    try:
        if mode == "restart":
            lock_fd = _move_aside(run_dir, lock_fd)
        elif mode == "overwrite":
            _clear(run_dir)
        _describe(run_dir, config_toml, command_line, seed)
        for name in SUBFOLDERS:
            (run_dir / name).mkdir(exist_ok=True)
    except BaseException:
        os.close(lock_fd)
        raise
    return RunFolder(run_dir, lock_fd)


def check_run(run_dir: Path, mode: RunMode) -> None:
    """Refuses what `open_run` would refuse, and touches nothing.

    Raises:
        RunDirectoryInUse: it holds a run and mode is "new", or another process runs in it.
        UserError: there is nothing to resume, or files that are no run's would be lost.
    """
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"{run_dir} is a file: name a folder with --run-dir.")
    is_empty = not run_dir.exists() or all(entry.name == LOCK_NAME for entry in run_dir.iterdir())
    is_run = (run_dir / CONFIG_NAME).is_file() and (run_dir / META_NAME).is_file()
    if mode == "resume" and not is_run:
        raise UserError(f"there is no run in {run_dir} to resume: check --run-dir, or start a new run without --resume.")
    if is_empty:
        return
    _refuse_if_locked(run_dir)
    if mode == "new":
        raise RunDirectoryInUse(
            f"the run folder {run_dir} is not empty: add --resume to go on with its run, --restart to move it aside, "
            "--overwrite to delete it, or name another --run-dir."
        )
    if not is_run:
        raise UserError(
            f"{run_dir} holds files but no run ({CONFIG_NAME} and {META_NAME}), so --{mode} leaves it alone: name another --run-dir."
        )


def _refuse_if_locked(run_dir: Path) -> None:
    if (run_dir / LOCK_NAME).exists():
        os.close(_lock(run_dir))


def _lock(run_dir: Path) -> int:
    """Returns a descriptor that holds the lock of a folder, which is made if it is missing."""
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(run_dir / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise MachineProblem(f"the run folder {run_dir} cannot be written ({error.strerror}): name another --run-dir.") from error
    if not try_lock(descriptor):
        holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
        os.close(descriptor)
        raise RunDirectoryInUse(
            f"another process (pid {holder}) runs in {run_dir}: stop it first, or name another --run-dir than it has; "
            "--resume, --restart and --overwrite work once it has ended."
        )
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _move_aside(run_dir: Path, lock_fd: int) -> int:
    """Moves a locked folder to the first free `<name>.old-N` and returns the lock of a new one."""
    if any(entry.name != LOCK_NAME for entry in run_dir.iterdir()):
        number = 1
        while (aside := run_dir.with_name(f"{run_dir.name}.old-{number}")).exists():
            number += 1
        run_dir.rename(aside)
        new_lock_fd = _lock(run_dir)
        (aside / LOCK_NAME).unlink()
        os.close(lock_fd)
        return new_lock_fd
    return lock_fd


def _clear(run_dir: Path) -> None:
    for entry in run_dir.iterdir():
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        elif entry.name != LOCK_NAME:
            entry.unlink()


def _describe(run_dir: Path, config_toml: str, command_line: list[str], seed: int) -> None:
    """Writes the settings and the circumstances of this start; those of earlier starts are kept."""
    meta_path = run_dir / META_NAME
    earlier: list[dict[str, Any]] = []
    with suppress(FileNotFoundError, ValueError):
        last: dict[str, Any] = json.loads(meta_path.read_text())
        earlier = [*last.pop("earlier_starts", []), last]
    meta = _circumstances(command_line, seed) | {"earlier_starts": earlier}
    write_atomically(meta_path, json.dumps(meta, indent=2) + "\n")
    write_atomically(run_dir / CONFIG_NAME, config_toml)


def _circumstances(command_line: list[str], seed: int) -> dict[str, Any]:
    return {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "command_line": command_line,
        "seed": seed,
        "git_hash": _git_hash(),
        "host": platform.node(),
        "platform": platform.platform(),
        "num_cpus": len(os.sched_getaffinity(0)),
        "versions": {"python": platform.python_version()} | {name: _version(name) for name in DESCRIBED_PACKAGES},
    }


def _git_hash() -> str | None:
    """Returns the commit of the checkout in the working directory, None where there is none."""
    try:
        git = subprocess.run(["git", "rev-parse", "HEAD"], capture_output=True, text=True, timeout=GIT_TIMEOUT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return git.stdout.strip() or None


def _version(package: str) -> str | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None
