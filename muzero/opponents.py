"""Players to measure the agent against: random moves, and perfect ones where a game is small enough; matches are in `matches.py`."""

from collections.abc import Callable
from typing import Protocol

import numpy as np

from muzero.config import EnvConfig
from muzero.errors import UnknownName, UserError
from muzero.games import BoardGame, Game
from muzero.match_result import EXHAUSTIVE_OPPONENT
from muzero.types import BoolArray


class Opponent(Protocol):
    """Someone who chooses moves."""

    def choose(self, game: Game, legal_actions: BoolArray, rng: np.random.Generator) -> int:
        """Returns the move to play now.

        Args:
            game: in a position that is not over; left unchanged.
            legal_actions: bool [A], what `game.legal_actions` wrote.
            rng: source of all randomness.
        """


class RandomOpponent:
    """Plays every legal move with the same probability."""

    def choose(self, game: Game, legal_actions: BoolArray, rng: np.random.Generator) -> int:
        """Returns a legal move."""
        return int(rng.choice(np.flatnonzero(legal_actions)))


class PerfectOpponent:
    """Plays one of the best moves, each with the same probability, found by exhaustive minimax that remembers positions."""

    def __init__(self) -> None:
        self._value_by_key: dict[str, float] = {}

    def choose(self, game: Game, legal_actions: BoolArray, rng: np.random.Generator) -> int:
        """Returns one of the best moves."""
        return int(rng.choice(self.best_actions(_as_board_game(game), legal_actions)))

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


OPPONENTS: dict[str, Callable[[], Opponent]] = {"random": RandomOpponent, EXHAUSTIVE_OPPONENT: PerfectOpponent}
GAMES_WITH_PERFECT_PLAY = ("tictactoe",)
"""Games whose whole tree is small enough to be searched in memory (tic-tac-toe: 5,478 positions)."""


def make_opponent(name: str, config: EnvConfig) -> Opponent:
    """Returns the opponent of that name for that game.

    Raises:
        UnknownName: there is no such opponent.
        UserError: perfect play is not known for the game.
    """
    if name not in OPPONENTS:
        raise UnknownName("opponent", name, OPPONENTS)
    if name == EXHAUSTIVE_OPPONENT and config.name not in GAMES_WITH_PERFECT_PLAY:
        known = ", ".join(GAMES_WITH_PERFECT_PLAY)
        raise UserError(f"opponent 'perfect' does not know '{config.name}', only {known}: choose opponent 'random'.")
    return OPPONENTS[name]()


def _as_board_game(game: Game) -> BoardGame:
    """Returns the same game, known to have `key` and `clone`."""
    if not isinstance(game, BoardGame):
        raise UserError(f"opponent 'perfect' cannot play '{game.spec.name}', which is no board game: choose opponent 'random'.")
    return game
