"""The private folder of a run's sockets: mode 0700, a short path, locked while in use, swept when its holder was killed."""

import fcntl
import os
import shutil
import stat
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from engine.errors import MachineProblem

PREFIX = "muzero-"
LOCK_NAME = "lock"
LONGEST_BASE_BYTES = 64
"""The path of a Unix socket holds 107 bytes: this leaves room for the private folder and the names in it."""
UNLOCKED_SECONDS = 60.0
"""A folder without a lock file is just being made; when older than this, its maker was killed at that moment."""
NUM_ATTEMPTS = 5


class SocketFolder:
    """A folder that lives as long as its holder; close it when the run is over."""

    def __init__(self) -> None:
        """Sweeps what killed runs of this user left, and makes a new folder.

        Raises:
            MachineProblem: there is no place for one.
        """
        base = _base()
        _sweep(base)
        self.path, self._lock_fd = _make(base)

    def close(self) -> None:
        """Removes the folder."""
        shutil.rmtree(self.path, ignore_errors=True)
        os.close(self._lock_fd)


def try_lock(descriptor: int) -> bool:
    """Takes the `flock` of an open file and returns True, or returns False when another process holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _base() -> Path:
    """Returns the first usable place whose path is short enough for sockets."""
    for candidate in (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp"):
        if candidate and len(os.fsencode(candidate)) <= LONGEST_BASE_BYTES and os.access(candidate, os.W_OK | os.X_OK):
            return Path(candidate)
    raise MachineProblem("no folder for sockets is writable: set XDG_RUNTIME_DIR or TMPDIR to a writable folder with a short path.")


def _make(base: Path) -> tuple[Path, int]:
    """Returns a new folder and the descriptor that holds its lock; begins again if a sweep took it for a stale one."""
    for _ in range(NUM_ATTEMPTS):
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=base))
        with suppress(FileNotFoundError):
            descriptor = os.open(folder / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
            if try_lock(descriptor) and (folder / LOCK_NAME).exists():
                return folder, descriptor
            os.close(descriptor)
    raise MachineProblem(f"no private folder for sockets could be made in {base}: set XDG_RUNTIME_DIR to another folder.")


def _sweep(base: Path) -> None:
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError):
            if _is_private_to_us(folder):
                _remove_if_stale(folder)


def _is_private_to_us(folder: Path) -> bool:
    facts = folder.lstat()
    return stat.S_ISDIR(facts.st_mode) and stat.S_IMODE(facts.st_mode) == 0o700 and facts.st_uid == os.getuid()


def _remove_if_stale(folder: Path) -> None:
    if not (folder / LOCK_NAME).exists():
        if time.time() - folder.lstat().st_mtime > UNLOCKED_SECONDS:
            folder.rmdir()
        return
    descriptor = os.open(folder / LOCK_NAME, os.O_RDWR)
    try:
        if try_lock(descriptor):
            shutil.rmtree(folder, ignore_errors=True)
    finally:
        os.close(descriptor)
