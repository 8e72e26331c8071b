"""How far a measured share of points may be from the true one. No files, no matches."""

import math

Z_95 = 1.959964
"""Half-width of a 95 % interval in standard deviations of a normal distribution."""


def wilson_interval(score: float, num_games: int) -> tuple[float, float]:
    """Returns the 95 % interval of a share of points.

    A draw counts as half a point, which varies less than a win or a loss: with draws the interval is wider than it need be.

    Args:
        score: (wins + draws / 2) / games, in [0, 1].
        num_games: games played, at least 1.

    Returns:
        Lower and upper end, in [0, 1].

    Source: E. B. Wilson, Probable inference, JASA 22 (1927).
    """
    spread = Z_95 * Z_95 / num_games
    middle = (score + spread / 2) / (1 + spread)
    half = Z_95 * math.sqrt(score * (1 - score) / num_games + spread / (4 * num_games)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)
