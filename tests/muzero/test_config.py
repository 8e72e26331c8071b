"""Settings that make no sense are refused with their dotted key."""

from typing import Any

import pytest

from muzero.config import NetworkConfig, ReplayConfig, SearchConfig, SelfPlayConfig, Settings, TrainingConfig
from muzero.errors import UserError


@pytest.mark.parametrize(
    ("chosen", "num_simulations", "rule"),
    [("auto", 63, "gumbel"), ("auto", 64, "puct"), ("gumbel", 800, "gumbel"), ("puct", 8, "puct")],
)
def test_gumbel_is_the_rule_under_64_simulations_unless_one_is_named(chosen: Any, num_simulations: int, rule: str) -> None:
    assert SearchConfig(rule=chosen, num_simulations=num_simulations).rule == rule


@pytest.mark.parametrize(
    ("section", "field", "value", "remedy"),
    [
        (SearchConfig, "pb_c_base", 0.0, "set a positive value"),
        (SearchConfig, "pb_c_init", -1.0, "set 0 or more"),
        (SearchConfig, "gumbel_value_scale", -0.1, "set 0 or more"),
        (SearchConfig, "num_simulations", 0, "set at least 1"),
        (SelfPlayConfig, "temperature", -1.0, "set 0 or more"),
        (SelfPlayConfig, "temperature_moves", -1, "set 0 or more"),
        (NetworkConfig, "num_blocks", -1, "set 0 or more"),
        (TrainingConfig, "lr_decay_rate", -0.1, "set a positive value"),
        (TrainingConfig, "momentum", 1.0, r"set a value in \[0, 1\)"),
        (TrainingConfig, "weight_decay", -1e-4, "set 0 or more"),
        (TrainingConfig, "lr_warmup_steps", -1, "set 0 or more"),
        (ReplayConfig, "min_steps", 0, "set at least 1"),
        (ReplayConfig, "policy_entries", 0, "set at least 1"),
        (ReplayConfig, "priority_exponent", -1.0, r"set a value in \[0, 2\]"),
    ],
)
def test_nonsense_is_refused_with_its_key_and_what_to_set(section: type[Settings], field: str, value: float, remedy: str) -> None:
    with pytest.raises(UserError, match=rf"\.{field} is {value}: {remedy}"):
        section(**{field: value})
