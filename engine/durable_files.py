"""Files that survive a crash whole: forced to the disk, replaced by renaming. What is in them is decided elsewhere."""

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Forces a file or folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, content: str | bytes) -> None:
    """Replaces a small file of one writer, so that a reader sees the old or the new one whole: other name, fsync, rename.

    The other name is always the same, so that a writer that was killed leaves nothing that its successor would not replace.
    """
    temporary = path.with_name(f".{path.name}.writing")
    temporary.write_bytes(content.encode() if isinstance(content, str) else content)
    fsync(temporary)
    temporary.replace(path)
