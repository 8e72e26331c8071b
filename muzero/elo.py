"""How much stronger one player is than another, in points of Elo, with an interval, from the scores of their games."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TWO_SIDED_95 = 1.959964
ONE_SIDED_95 = 1.644854
POINTS_PER_DECADE = 400.0


@dataclass(frozen=True)
class EloEstimate:
    """A difference of strength in points of Elo, positive where the agent is stronger.

    Attributes:
        difference: where the score says it is; None where all games were won or all lost, which only bounds it.
        low, high: the 95 % interval; None for the end that is infinite.
    """

    difference: float | None
    low: float | None
    high: float | None


def elo_record(elo: EloEstimate | None) -> dict[str, float | None]:
    """Returns a difference in Elo as it is written in JSON: elo_difference, elo_low and elo_high, all None where there is none."""
    return {f"elo_{end}": getattr(elo, end) if elo else None for end in ("difference", "low", "high")}


def elo_of(score: float) -> float:
    """Returns the difference in Elo at which this score, in (0, 1), is expected: 400 log10(score / (1 - score))."""
    return float(POINTS_PER_DECADE * np.log10(score / (1.0 - score)))


def estimate_elo(score: float, units: NDArray[np.float64]) -> EloEstimate:
    """Returns the difference in Elo behind a score, with its 95 % interval.

    The interval is Wilson's for the score, mapped to Elo. Wilson's is made for games that are won or lost; draws, and pairs of games
    with a shared opening, vary less or more, so the number of units is scaled to the one at which games that are only won or lost would
    vary as much: n' = n score (1 - score) / variance. Where all units are equal the variance is unknown and n' = n. A score of 0 or 1
    gives Wilson's one-sided bound, a score of z^2 / (n + z^2) at least lost or won.

    Args:
        score: mean score of all games, in [0, 1].
        units: float64 [n], independent scores in [0, 1] that it comes from: games, or means of pairs.

    Source: E. B. Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).
    """
    num_units = max(1, len(units))
    if score in (0.0, 1.0):
        bound = elo_of(num_units / (num_units + ONE_SIDED_95**2))
        return EloEstimate(None, bound, None) if score == 1.0 else EloEstimate(None, None, -bound)
    variance = float(units.var()) if len(units) else 0.0
    effective = num_units * score * (1.0 - score) / variance if variance > 0 else float(num_units)
    low, high = _wilson(score, effective)
    return EloEstimate(elo_of(score), elo_of(low), elo_of(high))


def _wilson(score: float, num_units: float) -> tuple[float, float]:
    """Returns Wilson's two-sided 95 % interval of a score, strictly between 0 and 1."""
    shrink = TWO_SIDED_95**2 / num_units
    centre = (score + shrink / 2) / (1 + shrink)
    half = np.sqrt(shrink * score * (1 - score) + shrink**2 / 4) / (1 + shrink)
    return float(centre - half), float(centre + half)
