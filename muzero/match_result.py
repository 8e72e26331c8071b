"""How an agent fared, as one value; who plays is in `matches.py` and `exhaustive_walk.py`."""

from dataclasses import dataclass

EXHAUSTIVE_OPPONENT = "perfect"
"""The opponent against which all replies are walked, and no games played."""
NO_OPPONENT = "none"
"""What MatchResult names where the agent plays alone."""
NOT_EXHAUSTIVE = -1
"""MatchResult.losing_lines where not every reply was walked."""


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
    """

    opponent: str
    games: int
    wins: int
    draws: int
    losses: int
    score: float
    losing_lines: int
    mean_return: float
