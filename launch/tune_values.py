"""Which settings `muzero tune` changes, and which values of them are tried. How they are compared is `tune_search.py`'s."""

import msgspec

from engine.config import RunConfig
from engine.device_names import is_in_host_memory, simulated_timing

SETTINGS = (
    "actors.num_actors",
    "actors.games_per_actor",
    "actors.groups",
    "inference.batch_deadline_microseconds",
    "inference.num_threads",
    "learner.num_threads",
)
"""Settings that say how fast a run is and not what it learns, in the order in which they are tried."""
GAMES_FACTORS = (0.5, 2, 4)
"""Games of an actor, as a multiple of those it has."""
GROUPS = (1, 2, 4)
DEADLINES_MICROSECONDS = (0, 100, 300, 1000)
THREADS = (1, 2, 4, 8, 16)


def values_to_try(setting: str, config: RunConfig, num_cores: int, *, has_gpu: bool) -> list[int]:
    """Returns other values of a setting than a configuration has, in ascending order; none where the setting changes nothing.

    Args:
        setting: one of SETTINGS.
        config: where to begin.
        num_cores: cores that a run may use.
        has_gpu: whether a device `auto` is a GPU, whose network does not use threads.
    """
    actors, least = config.actors, 0 if setting.endswith("microseconds") else 1
    values: tuple[int, ...] = ()
    if setting == "actors.num_actors":
        values, least = (1, num_cores // 4, num_cores // 2, num_cores - 1, num_cores), config.inference.num_servers
    elif setting == "actors.games_per_actor":
        values = tuple(int(factor * actors.games_per_group) * actors.groups for factor in GAMES_FACTORS)
    elif setting == "actors.groups":
        values = tuple(groups for groups in GROUPS if actors.games_per_actor % groups == 0)
    elif setting == "inference.batch_deadline_microseconds":
        values = DEADLINES_MICROSECONDS
    elif _computes_in_threads(setting, config, has_gpu=has_gpu):
        values = tuple(threads for threads in THREADS if threads <= num_cores)
    return sorted({value for value in values if value >= least} - {value_of(config, setting)})


def value_of(config: RunConfig, setting: str) -> int:
    """Returns the value of one of SETTINGS."""
    section, field = setting.split(".")
    value: int = getattr(getattr(config, section), field)
    return value


def changed(config: RunConfig, setting: str, value: int) -> RunConfig:
    """Returns a configuration with one of SETTINGS changed."""
    section, field = setting.split(".")
    return msgspec.structs.replace(config, **{section: msgspec.structs.replace(getattr(config, section), **{field: value})})


def _computes_in_threads(setting: str, config: RunConfig, *, has_gpu: bool) -> bool:
    """Returns whether the network of inference or learner, whose threads a setting counts, is computed by the CPU."""
    device = config.inference.device if setting.startswith("inference") else config.learner.device
    return not has_gpu if device == "auto" else is_in_host_memory(device) and simulated_timing(device) is None
