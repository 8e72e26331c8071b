"""Files that survive a crash whole: forced to the disk, replaced by renaming. What is in them is decided elsewhere."""

import os
import threading
from pathlib import Path


def fsync(path: Path) -> None:
    """Forces a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, text: str) -> None:
    """Replaces a small text file, so that a reader sees the old or the new one whole: other name, fsync, rename.

    Several processes may write the same file at once: the number of a thread is unique on the machine, so each has its own other name.
    """
    temporary = path.with_name(f".{path.name}.{threading.get_native_id()}.writing")
    temporary.write_text(text)
    fsync(temporary)
    temporary.replace(path)
