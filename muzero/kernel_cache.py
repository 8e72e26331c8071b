"""Where compiled Numba kernels are kept: one folder per version of the sources, shared by all processes.

Numba's own cache does not notice an edit in a callee that lives in another file, so the folder's name carries a hash of
all sources. Must run before numba is imported, which is why `muzero/__init__.py` calls it.
"""

import hashlib
import os
import stat
import tempfile
from pathlib import Path

CACHE_VARIABLE = "NUMBA_CACHE_DIR"


def configure() -> Path:
    """Returns the cache folder, setting NUMBA_CACHE_DIR unless the user has set it."""
    if CACHE_VARIABLE not in os.environ:
        os.environ[CACHE_VARIABLE] = str(writable_folder(f"muzero-kernels-{source_hash()}"))
    return Path(os.environ[CACHE_VARIABLE])


def source_hash() -> str:
    """Returns a short hash of every Python source of `muzero` and `engine`."""
    root = Path(__file__).resolve().parent.parent
    digest = hashlib.sha256()
    for package in ("muzero", "engine"):
        for path in sorted((root / package).rglob("*.py")):
            digest.update(path.relative_to(root).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def writable_folder(name: str) -> Path:
    """Returns a folder of that name, made if need be: in the user's cache folder, or where that cannot be written in a private one of the
    temporary folder.
    """
    home_cache = Path(os.environ.get("XDG_CACHE_HOME", os.path.expanduser("~/.cache")))
    temporary = Path(tempfile.gettempdir()) / f"muzero-{os.getuid()}"
    for parent in (home_cache, temporary):
        folder = parent / name
        try:
            parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if parent == temporary and not _is_private(parent):
                continue
            folder.mkdir(exist_ok=True)
            with tempfile.TemporaryFile(dir=folder):
                return folder
        except OSError:
            continue
    return Path(tempfile.mkdtemp(prefix=name))


def _is_private(folder: Path) -> bool:
    """Returns whether only this user can write a folder: what Numba keeps is code, and anyone may make a name in /tmp first."""
    status = folder.lstat()
    return stat.S_ISDIR(status.st_mode) and status.st_uid == os.getuid() and not status.st_mode & 0o022
