"""The temperature of the moment and the draw from visit counts."""

import numpy as np
import pytest

from muzero.config import SelfPlayConfig
from muzero.temperature import sample_visits, temperature_at


def test_the_temperature_follows_the_learner() -> None:
    config = SelfPlayConfig(temperature=1.0, temperature_schedule=[(10, 0.5), (20, 0.0)])

    assert [temperature_at(config, steps) for steps in (0, 9, 10, 19, 20, 99)] == [1.0, 1.0, 0.5, 0.5, 0.0, 0.0]


@pytest.mark.parametrize(
    ("temperature", "uniform", "action"),
    [
        (0.0, 0.99, 2),  # the most visited
        (1.0, 0.0, 1),  # visits 0 1 2 1: a quarter each of [0, 1)
        (1.0, 0.24, 1),
        (1.0, 0.26, 2),
        (1.0, 0.74, 2),
        (1.0, 0.76, 3),
        (0.5, 0.16, 1),  # squares 0 1 4 1: sixths
        (0.5, 0.17, 2),
        (0.5, 0.83, 2),
        (0.5, 0.84, 3),
        (1.0, 1.0 - 1e-16, 3),
    ],
)
def test_actions_are_drawn_in_proportion_to_visits_to_the_power_of_one_over_temperature(
    temperature: float, uniform: float, action: int
) -> None:
    assert sample_visits(np.array([0, 1, 2, 1], np.int32), temperature, uniform) == action
