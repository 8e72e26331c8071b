"""One table of a match: the game played there, move by move. Who chooses the moves, and for how many tables, is `matches.py`."""

import numpy as np

from muzero.config import EnvConfig
from muzero.errors import OpponentFailed
from muzero.games import make_game
from muzero.games.history import FrameHistory
from muzero.match_result import Returns
from muzero.openings import random_opening
from muzero.opponents import RESIGNATION, Turn
from muzero.randomness import Purpose, generator
from muzero.types import BoolArray

OPENING_STREAM = 1
"""Random numbers that the two games of a pair share; the games themselves have stream 0."""
LEAST_WIN = 1.0
"""What a resignation earns the winner where the bounds of the value are not known."""


class Table:
    """Where one game after another is played.

    Attributes:
        agent: the player the agent is in the present game, 0 or 1.
        is_free: no game is going on.
        number: which game of the match is played here, or was last; None before the first.
    """

    def __init__(
        self, env_config: EnvConfig, index: int, seed: int, opening_moves: int, history: FrameHistory, legal_actions: BoolArray
    ) -> None:
        """Prepares a free table.

        Args:
            env_config: the game played here.
            index: which table this is.
            seed: seed of all matches.
            opening_moves: random plies that each game starts with.
            history: frames of all tables; its row `index` is kept up to date.
            legal_actions: bool [A], kept up to date for whoever is to move; what it was in the last position after a game.
        """
        self._game, self._index, self._seed, self._opening_moves = make_game(env_config), index, seed, opening_moves
        self._history, self._legal_actions = history, legal_actions
        self._frame = np.zeros(self._game.spec.frame_shape, self._game.spec.frame_dtype)
        self.agent, self.is_free = 0, True
        self.number: int | None = None

    def start(self, number: int, out_returns: Returns) -> None:
        """Starts a game and plays its opening.

        Args:
            number: which game of the match; it alone decides on the agent's colour and on all randomness.
            out_returns: float64 [num_games], the agent's return is added up at this number.
        """
        num_players = self._game.spec.num_players
        self.number, self._return, self._moves = number, out_returns[number : number + 1], list[int]()
        self.agent, self.is_free = number % num_players, False
        self._rng = generator(self._seed, Purpose.EVALUATION, game=number)
        shared = generator(self._seed, Purpose.EVALUATION, game=number // num_players, move=OPENING_STREAM)
        game_seed = int(shared.integers(2**31))
        opening = random_opening(self._game, game_seed, self._opening_moves, shared)
        self._game.reset(game_seed)
        self._history.clear(self._index)
        self._show()
        for action in opening:
            self.play(action)

    @property
    def is_rivals_turn(self) -> bool:
        """Whether a game goes on in which the opponent is to move."""
        return not self.is_free and self._game.to_play() != self.agent

    @property
    def moves(self) -> tuple[int, ...]:
        """All moves of the present or latest game."""
        return tuple(self._moves)

    def turn(self) -> Turn:
        """Returns what the opponent is told."""
        return Turn(self._index, self._game, self._history.frames[self._index], self._legal_actions, self._moves, self._rng)

    def play_for_rival(self, opponent: str, action: int) -> None:
        """Plays what the opponent chose.

        Args:
            opponent: its name, for messages.
            action: a move, or RESIGNATION.

        Raises:
            OpponentFailed: the move is not legal.
        """
        if action == RESIGNATION:
            bounds = self._game.spec.value_bounds
            self._return[0] += LEAST_WIN if bounds is None else bounds[1]
            self._moves.append(RESIGNATION)
            self.is_free = True
        elif not (0 <= action < len(self._legal_actions) and self._legal_actions[action]):
            raise OpponentFailed(
                f"opponent '{opponent}' played {action} after {self._moves} of '{self._game.spec.name}', which is illegal."
            )
        else:
            self.play(action)

    def play(self, action: int) -> None:
        """Plays a legal move, whoever's turn it is."""
        sign = 1.0 if self._game.to_play() == self.agent else -1.0
        step = self._game.step(action)
        self._moves.append(action)
        self._return[0] += sign * step.reward
        self.is_free = step.is_terminal or step.is_truncated
        if not self.is_free:
            self._show()

    def _show(self) -> None:
        """Adds the present frame to the history and writes the legal moves."""
        self._game.frame(self._frame)
        self._history.push(self._index, self._frame)
        self._game.legal_actions(self._legal_actions)
