"""How an action is drawn from visit counts: the temperature of the moment, and the draw. Gumbel search needs neither."""

import numpy as np

from muzero.config import SelfPlayConfig
from muzero.types import Int32Array


def temperature_at(config: SelfPlayConfig, learner_steps: int) -> float:
    """Returns the temperature after so many learner steps."""
    schedule = reversed(config.temperature_schedule)
    return next((later for step, later in schedule if learner_steps >= step), config.temperature)


def sample_visits(visit_count: Int32Array, temperature: float, uniform: float) -> int:
    """Returns an action drawn in proportion to N^(1/temperature); temperature 0 takes the most visited.

    Args:
        visit_count: int32 [A], at least one positive.
        temperature: 0 or more.
        uniform: a random number in [0, 1).

    Source: arXiv:1911.08265, appendix D.
    """
    if temperature == 0.0:
        return int(np.argmax(visit_count))
    weights = (visit_count / visit_count.max()) ** (1.0 / temperature)
    cumulative = np.cumsum(weights)
    return int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
