"""Which values of which settings are tried, by numbers worked out by hand."""

import msgspec
import pytest

from engine.config import ActorsConfig, InferenceConfig, LearnerConfig, RunConfig
from launch.tune_values import SETTINGS, changed, value_of, values_to_try

CPU = RunConfig(inference=InferenceConfig(device="cpu"), learner=LearnerConfig(device="cpu"))


def values(setting: str, config: RunConfig = CPU, *, cores: int = 8, has_gpu: bool = False) -> list[int]:
    return values_to_try(setting, config, cores, has_gpu=has_gpu)


@pytest.mark.parametrize(("cores", "expected"), [(1, [1]), (2, [1]), (8, [1, 4, 7, 8]), (64, [1, 16, 32, 63, 64])])
def test_actors_come_from_the_number_of_cores(cores: int, expected: list[int]) -> None:
    assert values("actors.num_actors", cores=cores) == expected  # 2 are there already


def test_games_stay_a_multiple_of_the_groups() -> None:
    config = msgspec.structs.replace(CPU, actors=ActorsConfig(games_per_actor=6, groups=2))

    assert values("actors.games_per_actor", config) == [2, 12, 24]
    assert values("actors.groups", config) == [1]
    for setting in ("actors.games_per_actor", "actors.groups"):
        for value in values(setting, config):
            assert value_of(changed(config, setting, value), setting) == value


def test_one_game_is_not_halved() -> None:
    config = msgspec.structs.replace(CPU, actors=ActorsConfig(games_per_actor=1, groups=1))

    assert values("actors.games_per_actor", config) == [2, 4]


def test_every_server_keeps_an_actor() -> None:
    config = msgspec.structs.replace(CPU, actors=ActorsConfig(num_actors=4), inference=InferenceConfig(device="cpu", num_servers=3))

    assert values("actors.num_actors", config, cores=6) == [3, 5, 6]


def test_a_deadline_of_nothing_is_tried_too() -> None:
    assert values("inference.batch_deadline_microseconds") == [0, 100, 1000]


@pytest.mark.parametrize(
    ("device", "has_gpu", "expected"),
    [("cpu", True, [2, 4]), ("auto", False, [2, 4]), ("auto", True, []), ("cuda:0", False, []), ("simulated:200+35", False, [])],
)
def test_threads_are_tried_where_the_cpu_computes(device: str, has_gpu: bool, expected: list[int]) -> None:
    config = msgspec.structs.replace(CPU, inference=InferenceConfig(device=device))

    assert values("inference.num_threads", config, cores=6, has_gpu=has_gpu) == expected
    assert values("learner.num_threads", config, cores=6, has_gpu=has_gpu) == [2, 4]


@pytest.mark.parametrize("setting", SETTINGS)
def test_what_a_configuration_has_is_not_tried(setting: str) -> None:
    assert value_of(CPU, setting) not in values(setting)


def test_a_change_leaves_everything_else() -> None:
    config = changed(CPU, "learner.num_threads", 5)

    assert config.learner.num_threads == 5
    assert changed(config, "learner.num_threads", 1) == CPU
