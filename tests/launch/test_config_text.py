"""The configuration as TOML text and back."""

import math
import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.config import EvaluationConfig, RunConfig
from engine.config_text import config_from_toml, config_to_toml, tree_to_toml
from muzero.config import EnvConfig, TrainingConfig
from muzero.errors import UserError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
SCALARS = st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | TEXT
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3), max_leaves=8)


@given(st.dictionaries(TEXT, VALUES, max_size=5))
def test_any_tree_survives_the_round_trip(tree: dict[str, Any]) -> None:
    assert tomllib.loads(tree_to_toml(tree, {})) == tree


def test_a_configuration_survives_the_round_trip() -> None:
    config = RunConfig(
        seed=7,
        minutes=1.5,
        env=EnvConfig(name="cartpole", kwargs={"a": [1, 2.5, "x"], "b": {}}),
        training=TrainingConfig(weight_decay=1e-07),
        evaluation=EvaluationConfig(stop_score=-3.0),
    )

    assert config_from_toml(config_to_toml(config)) == config


def test_what_is_not_set_is_left_out() -> None:
    text = config_to_toml(RunConfig())

    assert "stop_score" not in text and "minutes" not in text
    assert config_from_toml(text) == RunConfig()


def test_origins_are_comments_behind_their_keys() -> None:
    text = config_to_toml(RunConfig(seed=3), {"seed": "flag --seed", "search.rule": "preset x.default"})

    assert "seed = 3  # flag --seed" in text
    assert 'rule = "gumbel"  # preset x.default' in text
    assert text.count("#") == 2


@pytest.mark.parametrize("text", ["seed = ", "unknown = 1", 'seed = "x"'])
def test_a_bad_file_is_a_sentence(text: str) -> None:
    with pytest.raises(UserError, match="R/config.toml is not a valid configuration"):
        config_from_toml(text, "R/config.toml")


def test_infinite_numbers_are_written_as_toml_writes_them() -> None:
    assert tomllib.loads(tree_to_toml({"x": math.inf, "y": -math.inf}, {})) == {"x": math.inf, "y": -math.inf}
