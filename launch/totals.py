"""Numbers of a process that only grow, as benchmarks look at them twice. What is counted stands in the classes."""

from typing import Self

import msgspec


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """A base for structs of numbers."""

    def since(self, earlier: Self) -> Self:
        """Returns the growth since an earlier look."""
        now, before = msgspec.structs.asdict(self), msgspec.structs.asdict(earlier)
        return type(self)(**{name: now[name] - before[name] for name in now})
