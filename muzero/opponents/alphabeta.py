"""An opponent for connect four that looks a fixed number of plies ahead. Its search is `connect4_kernel.py`."""

from collections.abc import Sequence

import numpy as np

from muzero.config import EnvConfig, require
from muzero.games import make_game
from muzero.opponents.opponent import Turn
from muzero.types import Int64Array

GAME = "connect4"
MOST_BITS = 62
"""Size of the largest board, columns * (rows + 1): a position is kept in the bits of one integer."""
DEFAULT_STONES = 4
DEEPEST = 20


class AlphaBetaOpponent:
    """Plays one of the best columns, each with the same probability; see `Opponent` for its methods.

    It sees every win and loss within its depth and takes the quickest win and the latest loss; all else is worth 0 to it.
    """

    def __init__(self, name: str, env_config: EnvConfig, *, depth: int) -> None:
        """Prepares for a world.

        Args:
            name: its name in full.
            env_config: the world to play, of connect four.
            depth: plies to search, 1 to 20.

        Raises:
            UserError: it cannot play that world, or not so deep.
        """
        require(env_config.name == GAME, f"opponent '{name}' does not know '{env_config.name}', only {GAME}: choose another one.")
        require(1 <= depth <= DEEPEST, f"opponent '{name}' has depth {depth}: set 1 to {DEEPEST}.")
        rows, columns = make_game(env_config).spec.board_shape
        bits = columns * (rows + 1)
        require(bits <= MOST_BITS, f"opponent '{name}' cannot play on {rows} rows and {columns} columns: choose a smaller board.")
        self.name, self._depth = name, depth
        self._length = int(env_config.kwargs.get("x_in_row", DEFAULT_STONES))
        self._order: Int64Array = np.argsort(np.abs(np.arange(columns) - (columns - 1) / 2), kind="stable")  # the middle cuts most
        self._values: Int64Array = np.zeros(columns, np.int64)

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns one of the best columns for each turn."""
        return [int(turn.rng.choice(self.best_columns(turn))) for turn in turns]

    def close(self) -> None:
        """Holds nothing."""

    def best_columns(self, turn: Turn) -> list[int]:
        """Returns every column that is as good as the best, ascending."""
        # Here and not above, because a launcher makes opponents to check their names and must not import Numba.
        from muzero.opponents.connect4_kernel import bits_of, search_columns

        board, player = turn.frames[-1], turn.game.to_play()
        mine, theirs = bits_of(board, player + 1), bits_of(board, 2 - player)
        search_columns(mine, theirs, self._depth, len(board), self._length, self._order, self._values)
        return [int(column) for column in np.flatnonzero(self._values == self._values.max())]
