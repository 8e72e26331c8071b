"""Some samples of a batch as a batch of their own. Nothing is drawn or changed."""

from collections.abc import Iterator
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


def micro_batches(batch: Batch, size: int | None) -> Iterator[Batch]:
    """Yields consecutive parts of a batch that share its memory, the last one shorter if need be; None yields it whole.

    Args:
        batch: B samples.
        size: samples in a part, at least 1.
    """
    total = len(batch.action)
    for begin in range(0, total, size or total):
        yield batch_rows(batch, slice(begin, begin + (size or total)))
