"""Settings by dotted key, each with where its value came from: known keys, checks, sentences. No files, no flags."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

import msgspec

from engine.config import RunConfig
from muzero.config import Settings
from muzero.errors import UnknownName, UserError

FREE_TABLE = "env.kwargs"
"""Below it any key is allowed: it belongs to the environment."""
NONE_TEXT = "none"
"""How a user writes "not set", which TOML has no word for."""
LARGEST_INTEGER = 2**63 - 1
"""Whole numbers end up in int64 arrays, JSON and generators of random numbers."""
EXAMPLES = {"plan.device_memory": "24GB", "plan.host_memory": "512GB"}
"""What a setting looks like whose type alone does not say it."""
PHRASES: dict[Any, str] = {int: "a whole number", float: "a number", bool: "true or false", str: "a text"}


@dataclass(frozen=True)
class Choice:
    """A value somebody chose for a setting.

    Attributes:
        value: the value, checked.
        origin: who chose it, for example "flag --actors" or "preset cartpole.default".
    """

    value: Any
    origin: str


Choices = dict[str, Choice]
"""Dotted key -> choice. Later sources win: `{**preset, **file, **environment, **flags}`."""


def known_types() -> dict[str, Any]:
    """Returns every setting's dotted key with its type."""
    return dict(_walk_types(RunConfig, ""))


def _walk_types(section: type[Settings], prefix: str) -> Iterator[tuple[str, Any]]:
    """Yields dotted key and type of each setting of a section and of the sections in it."""
    for field in msgspec.structs.fields(section):
        if isinstance(field.type, type) and issubclass(field.type, Settings):
            yield from _walk_types(field.type, f"{prefix}{field.name}.")
        else:
            yield prefix + field.name, field.type


def choose(key: str, value: Any, origin: str) -> Choice:
    """Returns a checked choice for one setting.

    Args:
        key: its dotted key.
        value: as TOML or a flag gave it.
        origin: who chose it.

    Raises:
        UnknownName: no setting has that key; names the nearest.
        UserError: the value has the wrong type; says what to set.
    """
    types = known_types()
    if key.startswith(f"{FREE_TABLE}."):
        return Choice(value, origin)
    if key not in types:
        raise _unknown_setting(key, types, origin)
    return Choice(_converted(key, value, types[key]), origin)


def choices_of(tree: Mapping[str, Any], origin: str) -> Choices:
    """Returns the checked choices of a nested table, for example of a TOML file."""
    return {key: choose(key, value, origin) for key, value in flatten(tree).items()}


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Returns dotted key -> value of a nested table."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        if isinstance(value, Mapping):
            flat.update(flatten(value, f"{prefix}{key}."))
        else:
            flat[prefix + key] = value
    return flat


def build_config(choices: Choices) -> RunConfig:
    """Returns the configuration with these choices and the defaults for the rest.

    Raises:
        UserError: a value out of its range, or a value below one that is no table.
    """
    tree: dict[str, Any] = {}
    for key, choice in choices.items():
        *sections, name = key.split(".")
        table = tree
        for depth, section in enumerate(sections, start=1):
            table = table.setdefault(section, {})
            if not isinstance(table, dict):
                above = ".".join(sections[:depth])
                raise UserError(f"{key} cannot be set because {above} has the value {table!r}: leave one of the two out.")
        table[name] = choice.value
    return msgspec.convert(tree, RunConfig)


def differences(before: RunConfig, after: RunConfig) -> dict[str, tuple[Any, Any]]:
    """Returns dotted key -> (value before, value after) of every setting that differs."""
    old, new = flatten(msgspec.to_builtins(before)), flatten(msgspec.to_builtins(after))
    return {key: (old.get(key), new.get(key)) for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)}


def _unknown_setting(key: str, types: Mapping[str, Any], origin: str) -> UserError:
    """Returns the error for a key that does not exist."""
    kind = f"setting (from {origin})"
    inside = [known for known in types if known.startswith(f"{key}.")]
    if inside:
        return UserError(f"{key} in {origin} is a group of settings: set one of them, for example {inside[0]}.")
    if get_close_matches(key, types, cutoff=0.5):
        return UnknownName(kind, key, types)
    return UserError(f"unknown {kind} '{key}': --print-config lists all there are.")


def _converted(key: str, value: Any, wanted: Any) -> Any:
    """Returns the value in the wanted type, or raises the sentence that says what to set."""
    if value == NONE_TEXT and NoneType in get_args(wanted):
        return None
    try:
        result = msgspec.convert(value, wanted)
    except msgspec.ValidationError:
        example = f", for example {EXAMPLES[key]}" if key in EXAMPLES else ""
        raise UserError(f"{key} is {value!r}: set {phrase(wanted)}{example}.") from None
    if isinstance(result, float) and not math.isfinite(result):
        raise UserError(f"{key} is {value!r}: set a finite number.")
    if isinstance(result, int) and abs(result) > LARGEST_INTEGER:
        raise UserError(f"{key} is {value!r}: set a number of at most {LARGEST_INTEGER}.")
    return result


def phrase(wanted: Any) -> str:
    """Returns what a user should set for a type, in words."""
    if get_origin(wanted) is Literal:
        return f"one of {', '.join(get_args(wanted))}"
    if get_origin(wanted) is dict:
        return "a table"
    if get_origin(wanted) in (Union, UnionType):
        return " or ".join(NONE_TEXT if option is NoneType else phrase(option) for option in get_args(wanted))
    return PHRASES.get(wanted, "a value of another type")
