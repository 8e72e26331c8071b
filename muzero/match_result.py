"""How an agent fared, as one value; who plays is in `matches.py` and `exhaustive_walk.py`."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muzero.elo import EloEstimate, estimate_elo

EXHAUSTIVE_OPPONENT = "perfect"
"""The opponent against which all replies are walked, and no games played."""
NO_OPPONENT = "none"
"""What MatchResult names where the agent plays alone."""
NOT_EXHAUSTIVE = -1
"""MatchResult.losing_lines where not every reply was walked."""
Returns = NDArray[np.float64]


@dataclass(frozen=True)
class Tally:
    """How many games were won, drawn and lost.

    Attributes:
        wins, draws, losses: games, seen by the agent.
    """

    wins: int
    draws: int
    losses: int

    @classmethod
    def of(cls, returns: Returns) -> "Tally":
        """Returns the tally of games from the agent's return of each, float64 [num_games]."""
        wins, losses = int((returns > 0).sum()), int((returns < 0).sum())
        return cls(wins, len(returns) - wins - losses, losses)

    @property
    def games(self) -> int:
        """All games."""
        return self.wins + self.draws + self.losses

    @property
    def score(self) -> float:
        """(wins + draws / 2) / games, in [0, 1]; 0.5 without games."""
        return (self.wins + self.draws / 2) / self.games if self.games else 0.5


NOTHING = Tally(0, 0, 0)


@dataclass(frozen=True)
class MatchResult:
    """How the agent fared.

    Attributes:
        opponent: who it played, "none" where it plays alone.
        games: finished games; of a walk, complete lines of play.
        wins: games it won; 0 where it plays alone, like draws and losses.
        draws: games drawn.
        losses: games it lost.
        score: (wins + draws / 2) / games, in [0, 1]; where it plays alone, mean_return.
        losing_lines: losses of an exhaustive walk, else -1.
        mean_return: mean undiscounted return of a game, seen by the agent; in [-1, 1] for two players.
        mean_length: mean number of moves of a game, its opening included; None of a walk.
        as_first, as_second: the games in which the agent moved first, and second; nothing where it plays alone.
        opening_moves: random plies that each game started with.
        distinct_games: games that differ in at least one move; None of a walk or where it plays alone.
        elo: difference to the opponent; None of a walk or where it plays alone.
    """

    opponent: str
    games: int
    wins: int
    draws: int
    losses: int
    score: float
    losing_lines: int
    mean_return: float
    mean_length: float | None = None
    as_first: Tally = NOTHING
    as_second: Tally = NOTHING
    opening_moves: int = 0
    distinct_games: int | None = None
    elo: EloEstimate | None = None


def result_alone(returns: Returns, played: Sequence[tuple[int, ...]]) -> MatchResult:
    """Returns the result of episodes without an opponent.

    Args:
        returns: float64 [num_games], the return of each.
        played: the moves of each.
    """
    mean_return = float(returns.mean())
    return MatchResult(NO_OPPONENT, len(returns), 0, 0, 0, mean_return, NOT_EXHAUSTIVE, mean_return, _mean_length(played))


def result_of_games(opponent: str, returns: Returns, played: Sequence[tuple[int, ...]], opening_moves: int) -> MatchResult:
    """Returns the result of a match in which the agent moved first in every second game, from the first one on.

    Args:
        opponent: its name in full.
        returns: float64 [num_games], the agent's return of each; games 2 i and 2 i + 1 share their opening.
        played: the moves of each game.
        opening_moves: random plies that each game started with.
    """
    total, scores = Tally.of(returns), (np.sign(returns) + 1) / 2
    paired = scores[: len(scores) // 2 * 2].reshape(-1, 2).mean(1)
    return MatchResult(
        opponent,
        total.games,
        total.wins,
        total.draws,
        total.losses,
        total.score,
        NOT_EXHAUSTIVE,
        float(returns.mean()),
        _mean_length(played),
        Tally.of(returns[0::2]),
        Tally.of(returns[1::2]),
        opening_moves,
        len(set(played)),
        estimate_elo(total.score, paired if opening_moves else scores),
    )


def _mean_length(played: Sequence[tuple[int, ...]]) -> float:
    return float(np.mean([len(moves) for moves in played]))
