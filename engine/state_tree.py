"""Nested state (dicts, lists, numbers, texts, arrays) to safetensors and JSON files and back. Never pickle."""

import json
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from safetensors.numpy import load_file

from engine.array_file import array_bytes

StateTree: TypeAlias = Any
"""dict[str, StateTree] | list[StateTree] | int | float | str | bool | None | numpy array."""

ARRAY_KEY = "__array__"


def save_tree(tree: StateTree, path: Path) -> None:
    """Writes PATH.safetensors with the arrays and PATH.json with everything else."""
    arrays: dict[str, np.ndarray[Any, Any]] = {}
    skeleton = _take_arrays(tree, "", arrays)
    path.with_suffix(".safetensors").write_bytes(array_bytes(arrays))
    path.with_suffix(".json").write_text(json.dumps(skeleton))


def load_tree(path: Path) -> StateTree:
    """Returns what `save_tree` wrote under this path."""
    arrays = load_file(path.with_suffix(".safetensors"))
    return _put_arrays(json.loads(path.with_suffix(".json").read_text()), arrays)


def _take_arrays(tree: StateTree, name: str, arrays: dict[str, np.ndarray[Any, Any]]) -> StateTree:
    if isinstance(tree, np.ndarray):
        arrays[name] = tree
        return {ARRAY_KEY: name}
    if isinstance(tree, dict):
        return {key: _take_arrays(value, f"{name}.{key}" if name else str(key), arrays) for key, value in tree.items()}
    if isinstance(tree, list | tuple):
        return [_take_arrays(value, f"{name}.{index}", arrays) for index, value in enumerate(tree)]
    if isinstance(tree, np.generic):
        return tree.item()
    return tree


def _put_arrays(skeleton: StateTree, arrays: dict[str, np.ndarray[Any, Any]]) -> StateTree:
    if isinstance(skeleton, dict):
        if ARRAY_KEY in skeleton:
            return arrays[skeleton[ARRAY_KEY]]
        return {key: _put_arrays(value, arrays) for key, value in skeleton.items()}
    if isinstance(skeleton, list):
        return [_put_arrays(value, arrays) for value in skeleton]
    return skeleton
