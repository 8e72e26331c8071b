"""Tells of variables `MUZERO_*` that no flag has, for they are mostly misspelt; what variables do is the commands' matter."""

import difflib
from collections.abc import Iterable, Iterator

import click

PREFIX = "MUZERO"


def variables_of(command: click.Command, prefix: str = PREFIX) -> Iterator[str]:
    """Yields the variables of a command's flags, and of its commands' where it is a group.

    Args:
        command: one whose variables begin with the prefix.
        prefix: without the underscore behind it.
    """
    for param in command.params:
        yield param.envvar if isinstance(param.envvar, str) else f"{prefix}_{str(param.name).upper()}"
    if isinstance(command, click.Group):
        for name, part in command.commands.items():
            yield from variables_of(part, f"{prefix}_{name.upper().replace('-', '_')}")


def warnings_about(names: Iterable[str], known: Iterable[str]) -> list[str]:
    """Returns a sentence for each variable that looks like ours and is not, with the nearest that is.

    Args:
        names: all variables that are set.
        known: our own.
    """
    ours = sorted(set(known))
    unknown = sorted(name for name in names if name.startswith(f"{PREFIX}_") and name not in ours)
    return [f"Warning: the variable {name} is ignored, no flag is called so{_hint(name, ours)}" for name in unknown]


def _hint(name: str, ours: list[str]) -> str:
    nearest = difflib.get_close_matches(name, ours, n=1, cutoff=0.75)
    return f": did you mean {nearest[0]}?" if nearest else "."
