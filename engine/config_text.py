"""The whole configuration as TOML text and back: what `config.toml` of a run holds. No files, presets or flags."""

import json
import re
import tomllib
from collections.abc import Mapping
from typing import Any

import msgspec

from engine.config import RunConfig
from muzero.errors import UserError

BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def config_to_toml(config: RunConfig, origins: Mapping[str, str] | None = None) -> str:
    """Returns the configuration as TOML; settings that are None are left out.

    Args:
        config: the configuration.
        origins: dotted key -> where its value came from, written as a comment behind it.

    Returns:
        text that `config_from_toml` turns back into an equal configuration.
    """
    return tree_to_toml(msgspec.to_builtins(config), origins or {})


def config_from_toml(text: str, source: str = "config.toml") -> RunConfig:
    """Returns the configuration that TOML text describes; what it leaves out has its default.

    Args:
        text: the TOML text.
        source: name of the file, for the message.

    Raises:
        UserError: not TOML, an unknown setting or a value of the wrong type.
    """
    try:
        return msgspec.convert(tomllib.loads(text), RunConfig)
    except (tomllib.TOMLDecodeError, msgspec.ValidationError) as error:
        raise UserError(f"{source} is not a valid configuration ({error}): correct that setting or remove it.") from None


def tree_to_toml(tree: Mapping[str, Any], origins: Mapping[str, str], path: tuple[str, ...] = ()) -> str:
    """Returns a tree of tables and values as TOML, plain values before tables as TOML wants it."""
    tables = {key: value for key, value in tree.items() if isinstance(value, Mapping) and value}
    lines = []
    for key, value in tree.items():
        if value is not None and key not in tables:
            origin = origins.get(".".join((*path, key)))
            lines.append(f"{toml_key(key)} = {toml_value(value)}" + (f"  # {origin}" if origin else ""))
    parts = ["\n".join(lines) + "\n"] if lines else []
    for key, value in tables.items():
        inner = tree_to_toml(value, origins, (*path, key))
        header = ".".join(toml_key(part) for part in (*path, key))
        parts.append(f"[{header}]\n{inner}")
    return "\n".join(parts)


def toml_key(key: str) -> str:
    """Returns a key, quoted where TOML needs it."""
    return key if BARE_KEY.fullmatch(key) else toml_value(key)


def toml_value(value: Any) -> str:
    """Returns one TOML value: a text, number, truth value, list or inline table."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007F")
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{toml_key(key)} = {toml_value(item)}" for key, item in value.items()) + "}"
    return repr(value)
