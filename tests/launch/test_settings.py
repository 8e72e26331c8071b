"""Settings by dotted key: checks, sentences and the way to a configuration."""

import pytest

from engine.config import RunConfig
from launch.settings import build_config, choices_of, choose, differences, flatten, known_types
from muzero.errors import UnknownName, UserError


def test_every_known_key_has_a_checked_default() -> None:
    defaults = {key: getattr_path(RunConfig(), key) for key in known_types()}

    choices = {key: choose(key, value, "test") for key, value in defaults.items()}

    assert build_config(choices) == RunConfig()
    assert "search.num_simulations" in choices and "seed" in choices


@pytest.mark.parametrize(
    ("key", "value", "sentence"),
    [
        ("search.num_simulations", "many", "search.num_simulations is 'many': set a whole number."),
        ("search.num_simulations", 2.5, "search.num_simulations is 2.5: set a whole number."),
        ("seed", True, "seed is True: set a whole number."),
        ("search.discount", "high", "search.discount is 'high': set a number."),
        ("search.rule", "uct", "search.rule is 'uct': set one of auto, puct, gumbel."),
        ("replay.is_prioritized", 1, "replay.is_prioritized is 1: set true or false."),
        ("evaluation.stop_score", "high", "evaluation.stop_score is 'high': set a number or none."),
        ("evaluation.opponent", 3, "evaluation.opponent is 3: set a text."),
        ("training.learning_rate", float("nan"), "training.learning_rate is nan: set a finite number."),
        ("seed", 2**63, f"seed is {2**63}: set a number of at most {2**63 - 1}."),
        ("env.kwargs", 3, "env.kwargs is 3: set a table."),
        ("plan.device_memory", 24, "plan.device_memory is 24: set a text or none, for example 24GB."),
        ("plan.host_memory", 1.5, "plan.host_memory is 1.5: set a text or none, for example 512GB."),
    ],
)
def test_a_wrong_type_is_one_sentence_that_says_what_to_set(key: str, value: object, sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        choose(key, value, "flag --set")

    assert str(caught.value) == sentence


def test_an_unknown_key_names_the_nearest_dotted_key() -> None:
    with pytest.raises(UnknownName, match=r"from file my.toml.*'search.num_sims'.*search.num_simulations"):
        choices_of({"search": {"num_sims": 3}}, "file my.toml")


def test_a_key_like_no_other_points_to_the_list() -> None:
    with pytest.raises(UserError, match="'qqqq': --print-config lists all"):
        choose("qqqq", 1, "flag --set")


def test_a_group_given_a_value_names_a_setting_in_it() -> None:
    with pytest.raises(UserError, match="search in flag --set is a group of settings: set one of them, for example search.rule"):
        choose("search", 3, "flag --set")


def test_none_unsets_only_what_may_be_unset() -> None:
    assert choose("evaluation.stop_score", "none", "test").value is None
    with pytest.raises(UserError):
        choose("search.num_simulations", "none", "test")


def test_game_keyword_arguments_are_free() -> None:
    config = build_config(choices_of({"env": {"name": "cartpole", "kwargs": {"render": {"mode": "x"}}}}, "test"))

    assert config.env.kwargs == {"render": {"mode": "x"}}


def test_a_setting_below_a_value_that_is_no_table_is_refused() -> None:
    choices = {key: choose(key, 1, "test") for key in ("env.kwargs.a", "env.kwargs.a.b")}

    with pytest.raises(UserError, match="env.kwargs.a.b cannot be set because env.kwargs.a has the value 1"):
        build_config(choices)


def test_a_value_out_of_range_is_refused() -> None:
    with pytest.raises(UserError, match="search.num_simulations is 0: set at least 1"):
        build_config({"search.num_simulations": choose("search.num_simulations", 0, "test")})


def test_differences_are_was_and_now_by_key() -> None:
    changed = build_config(choices_of({"training": {"batch_size": 64}, "minutes": 2}, "test"))

    assert differences(RunConfig(), changed) == {"minutes": (None, 2.0), "training.batch_size": (128, 64)}


def test_flatten_joins_keys_with_dots() -> None:
    assert flatten({"a": {"b": {"c": 1}, "d": 2}, "e": 3}) == {"a.b.c": 1, "a.d": 2, "e": 3}


def getattr_path(config: object, key: str) -> object:
    """Returns the setting a dotted key names."""
    for name in key.split("."):
        config = getattr(config, name)
    return config
