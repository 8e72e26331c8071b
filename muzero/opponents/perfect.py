"""The opponent that never errs, in games small enough to be searched to their end in memory."""

from collections.abc import Sequence

import numpy as np

from muzero.config import EnvConfig, require
from muzero.games import BoardGame
from muzero.match_result import EXHAUSTIVE_OPPONENT
from muzero.opponents.opponent import Turn
from muzero.types import BoolArray

GAMES_WITH_PERFECT_PLAY = ("tictactoe",)
"""Games whose whole tree is small enough to be searched in memory (tic-tac-toe: 5,478 positions)."""


class PerfectOpponent:
    """Plays one of the best moves, each with the same probability, found by exhaustive minimax that remembers positions."""

    name = EXHAUSTIVE_OPPONENT

    def __init__(self, env_config: EnvConfig) -> None:
        """Prepares for a world.

        Args:
            env_config: the world to play.

        Raises:
            UserError: perfect play is not known for it.
        """
        known = ", ".join(GAMES_WITH_PERFECT_PLAY)
        require(
            env_config.name in GAMES_WITH_PERFECT_PLAY,
            f"opponent '{self.name}' does not know '{env_config.name}', only {known}: choose opponent 'random'.",
        )
        self._value_by_key: dict[str, float] = {}

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns one of the best moves for each turn."""
        return [int(turn.rng.choice(self._best_actions(turn))) for turn in turns]

    def close(self) -> None:
        """Holds nothing."""

    def _best_actions(self, turn: Turn) -> list[int]:
        """Returns the best moves of a turn."""
        assert isinstance(turn.game, BoardGame)  # every game of GAMES_WITH_PERFECT_PLAY is one
        return self.best_actions(turn.game, turn.legal_actions)

    def best_actions(self, game: BoardGame, legal_actions: BoolArray) -> list[int]:
        """Returns every move that reaches the best outcome, ascending."""
        return self._search(game, legal_actions)[1]

    def _search(self, game: BoardGame, legal_actions: BoolArray) -> tuple[float, list[int]]:
        """Returns the outcome under perfect play, seen by the player to move, and all moves that reach it."""
        outcome = {int(action): self._outcome_after(game, int(action)) for action in np.flatnonzero(legal_actions)}
        best = max(outcome.values())
        return best, [action for action, value in outcome.items() if value == best]

    def _outcome_after(self, game: BoardGame, action: int) -> float:
        """Returns the outcome after a move, seen by the player who makes it."""
        child = game.clone()
        step = child.step(action)
        if step.is_terminal:
            return step.reward
        key = child.key()
        if key not in self._value_by_key:
            legal_actions = np.zeros(child.spec.num_actions, np.bool_)
            child.legal_actions(legal_actions)
            self._value_by_key[key] = self._search(child, legal_actions)[0]
        return step.reward - self._value_by_key[key]
