"""Files of arrays that are written once, whole or not at all, and read only if nothing in them changed. What they mean: their users.

A file carries a part of its checksum in its name: a name is never used for two contents, whatever a crash left behind.
"""

import hashlib
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load

from engine.array_file import array_bytes
from engine.durable_files import fsync
from engine.errors import CorruptCheckpoint

PARTIAL_SUFFIX = ".writing"
SUFFIX = ".safetensors"


def write_checked(folder: Path, stem: str, arrays: dict[str, NDArray[Any]]) -> tuple[str, str]:
    """Writes a file: temporary name, fsync, rename.

    Args:
        folder: where; it exists.
        stem: how its name begins.
        arrays: by name.

    Returns:
        Its name and its SHA-256, as hex.
    """
    content = array_bytes(arrays)
    checksum = hashlib.sha256(content).hexdigest()
    path = folder / f"{stem}_{checksum[:16]}{SUFFIX}"
    partial = path.with_suffix(PARTIAL_SUFFIX)
    partial.write_bytes(content)
    fsync(partial)
    partial.rename(path)
    fsync(folder)
    return path.name, checksum


def read_checked(folder: Path, name: str, checksum: str) -> dict[str, NDArray[Any]]:
    """Returns the arrays of a file whose checksum is right.

    Raises:
        CorruptCheckpoint: it is missing or changed.
    """
    try:
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != checksum:
            raise CorruptCheckpoint(f"the saved ring is damaged: {name} does not match its checksum.")
        return load(content)
    except (OSError, SafetensorError) as error:
        raise CorruptCheckpoint(f"the saved ring is damaged: {name} cannot be read ({error}).") from error
