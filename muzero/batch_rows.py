"""Some samples of a batch as a batch of their own. Nothing is drawn or changed."""

from dataclasses import fields
from typing import Any

from muzero.types import Batch, Int64Array


def batch_rows(batch: Batch, rows: slice | Int64Array) -> Batch:
    """Returns these samples of a batch, without the fields that it lacks; a slice shares its memory.

    Args:
        batch: B samples.
        rows: which, in [0, B).
    """
    arrays = {field.name: getattr(batch, field.name) for field in fields(Batch)}
    chosen: dict[str, Any] = {name: None if array is None else array[rows] for name, array in arrays.items()}
    return Batch(**chosen)
