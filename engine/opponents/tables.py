"""One player per table: an opponent that keeps a program of its own for every table it is asked to play at."""

from collections.abc import Callable, Sequence
from typing import Protocol

from muzero.opponents import Turn


class TablePlayer(Protocol):
    """A program at one table."""

    def begin(self, turn: Turn) -> None:
        """Tells it what happened since and that it is to move."""

    def end(self, turn: Turn) -> int:
        """Waits for its move and returns it, or RESIGNATION; `turn` as given to `begin`."""

    def close(self) -> None:
        """Ends it."""


class PlayerPerTable:
    """An opponent whose programs all think at the same time; see `Opponent` for its methods."""

    def __init__(self, name: str, start: Callable[[], TablePlayer]) -> None:
        """Starts nothing yet.

        Args:
            name: its name in full.
            start: starts the program of one more table.
        """
        self.name, self._start = name, start
        self._players: dict[int, TablePlayer] = {}

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns the move at each table, after telling all programs to think."""
        for turn in turns:
            if turn.table not in self._players:
                self._players[turn.table] = self._start()
            self._players[turn.table].begin(turn)
        return [self._players[turn.table].end(turn) for turn in turns]

    def close(self) -> None:
        """Ends all programs."""
        while self._players:
            self._players.popitem()[1].close()
