"""The folder of a run and its private socket folder: opening them new or again, locking, describing, clearing up.

What the files in it hold is decided elsewhere: checkpoints, logs, metrics. Locks are `flock`s: the kernel frees them however
their holder ends, so a stale lock does not exist. Descriptors are not inherited by children, who would share the lock.
"""

import fcntl
import importlib.metadata
import json
import os
import platform
import shutil
import stat
import subprocess
import tempfile
import time
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Self

from engine.errors import MachineProblem, RunDirectoryInUse
from muzero.errors import UserError

RunMode = Literal["new", "resume", "restart", "overwrite"]

LOCK_NAME = "lock"
CONFIG_NAME = "config.toml"
META_NAME = "meta.json"
SUBFOLDERS = ("checkpoints", "logs", "crash", "tb")
DESCRIBED_PACKAGES = ("muzero-engine", "torch", "numba", "numpy")
GIT_TIMEOUT_SECONDS = 5.0
SOCKET_PREFIX = "muzero-"
LONGEST_SOCKET_BASE = 64
"""A path of a Unix socket holds 107 bytes: this leaves room for the private folder and the names in it."""
UNLOCKED_FOLDER_SECONDS = 60.0
"""A socket folder without a lock file is being made, or, when older than this, was left by a process killed at that moment."""
SOCKET_DIR_ATTEMPTS = 5


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
        self._socket_dir: Path | None = None
        self._socket_lock_fd = -1

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
        if self._socket_dir is None:
            base = _socket_base()
            _sweep_socket_dirs(base)
            self._socket_dir, self._socket_lock_fd = _make_socket_dir(base)
        return self._socket_dir

    def close(self) -> None:
        """Removes the socket folder and frees the lock; a second call does nothing."""
        if self._socket_dir is not None:
            shutil.rmtree(self._socket_dir, ignore_errors=True)
            os.close(self._socket_lock_fd)
            self._socket_dir = None
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
    _check(run_dir, mode)
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


def _check(run_dir: Path, mode: RunMode) -> None:
    """Refuses what must not be touched; touches nothing itself."""
    if run_dir.exists() and not run_dir.is_dir():
        raise UserError(f"{run_dir} is a file: name a folder with --run-dir.")
    is_empty = not run_dir.exists() or all(entry.name == LOCK_NAME for entry in run_dir.iterdir())
    is_run = (run_dir / CONFIG_NAME).is_file() and (run_dir / META_NAME).is_file()
    if mode == "resume" and not is_run:
        raise UserError(f"there is no run in {run_dir} to resume: check --run-dir, or start a new run without --resume.")
    if is_empty:
        return
    if mode == "new":
        _refuse_if_locked(run_dir)
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
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 32, 0).decode().strip() or "unknown"
        os.close(descriptor)
        raise RunDirectoryInUse(
            f"another process (pid {holder}) runs in {run_dir}: stop it first, or name another --run-dir than it has; "
            "--resume, --restart and --overwrite work once it has ended."
        ) from None
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
    _replace(meta_path, json.dumps(meta, indent=2) + "\n")
    _replace(run_dir / CONFIG_NAME, config_toml)


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


def _replace(path: Path, text: str) -> None:
    """Writes a file so that a reader sees the old or the new one whole."""
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text)
    temporary.replace(path)


# -- the socket folder --------------------------------------------------------------------------------------------------------


def _socket_base() -> Path:
    """Returns the first usable folder for private folders whose path is short enough for sockets."""
    candidates = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")
    for candidate in candidates:
        if candidate and len(os.fsencode(candidate)) <= LONGEST_SOCKET_BASE and os.access(candidate, os.W_OK | os.X_OK):
            return Path(candidate)
    raise MachineProblem("no folder for sockets is writable: set XDG_RUNTIME_DIR or TMPDIR to a writable folder with a short path.")


def _make_socket_dir(base: Path) -> tuple[Path, int]:
    """Returns a new private folder and the descriptor that holds its lock; begins again if a sweep took it for a stale one."""
    for _ in range(SOCKET_DIR_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=SOCKET_PREFIX, dir=base))
        with suppress(OSError):
            descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
            if _try_lock(descriptor) and (folder / LOCK_NAME).exists():
                return folder, descriptor
            os.close(descriptor)
    raise MachineProblem(f"no private folder for sockets could be made in {base}: set XDG_RUNTIME_DIR to another folder.")


def _sweep_socket_dirs(base: Path) -> None:
    """Removes the socket folders that killed supervisors of this user left."""
    for folder in base.glob(f"{SOCKET_PREFIX}*"):
        with suppress(OSError):
            if _is_private_to_us(folder):
                _remove_if_stale(folder)


def _is_private_to_us(folder: Path) -> bool:
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and stat.S_IMODE(facts.st_mode) == 0o700 and facts.st_uid == os.getuid()


def _remove_if_stale(folder: Path) -> None:
    if not (folder / LOCK_NAME).exists():
        if time.time() - folder.lstat().st_mtime > UNLOCKED_FOLDER_SECONDS:
            folder.rmdir()
        return
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR)
    try:
        if _try_lock(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
