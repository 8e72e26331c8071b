"""The file that `muzero tune` writes: TOML for `--config`, with how it was found. What is in it is found elsewhere."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.config_text import tree_to_toml
from engine.durable_files import write_atomically
from muzero.config import require

FIRST_WORDS = "# Found by muzero tune"


def require_writable(path: Path) -> None:
    """Checks before anything is measured whether the file can be written.

    Raises:
        UserError: its folder is not there or not writable, or the file is somebody's own.
    """
    folder = path.parent
    require(folder.is_dir(), f"--out is {path}, but there is no folder {folder}: make it, or name another file.")
    require(os.access(folder, os.W_OK), f"--out is {path}, but {folder} is not writable: name a file elsewhere.")
    require(not path.exists() or _is_ours(path), f"--out is {path}, which exists and was not written by muzero tune: name another file.")


def write_tuned(path: Path, settings: Mapping[str, int], comments: Sequence[str]) -> None:
    """Writes settings by their dotted keys, below a comment of several lines.

    Args:
        path: the file, which is replaced.
        settings: dotted key of two parts -> value.
        comments: lines; the first goes on after FIRST_WORDS.
    """
    tree: dict[str, dict[str, int]] = {}
    for key, value in settings.items():
        section, name = key.split(".")
        tree.setdefault(section, {})[name] = value
    first, *others = (_in_one_line(comment) for comment in comments)
    head = "\n".join([f"{FIRST_WORDS} {first}", *(f"# {line}" for line in others)])
    write_atomically(path, f"{head}\n\n{tree_to_toml(tree, {})}")


def _in_one_line(text: str) -> str:
    """Returns a text without line breaks and other signs that a comment in TOML must not have."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _is_ours(path: Path) -> bool:
    """Returns whether a file begins as ours do."""
    with path.open("rb") as file:
        return file.read(len(FIRST_WORDS)) == FIRST_WORDS.encode()
