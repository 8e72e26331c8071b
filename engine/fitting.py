"""The largest value of a setting with which a run still fits, and the flags that set it. What fits is the caller's affair."""

from bisect import bisect_left
from collections.abc import Callable, Sequence

import msgspec

from engine.config import RunConfig
from engine.private_memory import longest_trajectory, micro_batch_size
from muzero.types import GameSpec

MOST_GAMES = 1 << 16
CAPACITY_STEP = 1000
"""Proposed sizes of the ring are multiples of this."""
Fits = Callable[[RunConfig], bool]
"""Whether a run of that configuration fits."""


def most_games(config: RunConfig, fits: Fits) -> int:
    """Returns the most games per actor that fit, a multiple of the groups; 0 if none do."""
    groups = config.actors.groups
    return largest(range(groups, MOST_GAMES, groups), lambda games: fits(with_actors(config, config.actors.num_actors, games)))


def micro_batches(config: RunConfig) -> list[int]:
    """Returns the divisors of the batch size up to the present micro-batch, ascending."""
    size = config.training.batch_size
    return [divisor for divisor in range(1, micro_batch_size(config.training) + 1) if size % divisor == 0]


def largest(candidates: Sequence[int], fits: Callable[[int], bool]) -> int:
    """Returns the largest of ascending candidates that fits, 0 if none does; whatever is smaller than one that fits, fits too."""
    count = bisect_left(candidates, True, key=lambda candidate: not fits(candidate))
    return candidates[count - 1] if count else 0


def with_micro_batch(config: RunConfig, size: int) -> RunConfig:
    """Returns the configuration with another micro-batch; 0 means whole batches."""
    return msgspec.structs.replace(config, training=msgspec.structs.replace(config.training, micro_batch_size=size or None))


def with_actors(config: RunConfig, num_actors: int, games_per_actor: int) -> RunConfig:
    """Returns the configuration with other numbers of actors and games."""
    actors = msgspec.structs.replace(config.actors, num_actors=num_actors, games_per_actor=games_per_actor)
    return msgspec.structs.replace(config, actors=actors)


def with_capacity(config: RunConfig, capacity_steps: int) -> RunConfig:
    """Returns the configuration with a ring of another size."""
    return msgspec.structs.replace(config, replay=msgspec.structs.replace(config.replay, capacity_steps=capacity_steps))


def with_reanalyzed(config: RunConfig, batch_size: int) -> RunConfig:
    """Returns the configuration with another number of positions that a reanalyzer searches at once."""
    return msgspec.structs.replace(config, reanalyze=msgspec.structs.replace(config.reanalyze, batch_size=batch_size))


def flags_between(config: RunConfig, wanted: RunConfig) -> str:
    """Returns the advice to give the flags that turn one configuration into the other, "" where they are equal."""
    flags = {
        f"--set replay.capacity_steps={wanted.replay.capacity_steps}": wanted.replay != config.replay,
        f"--set training.micro_batch_size={wanted.training.micro_batch_size}": micro_batch_size(wanted.training)
        != micro_batch_size(config.training),
        f"--set reanalyze.batch_size={wanted.reanalyze.batch_size}": wanted.reanalyze != config.reanalyze,
        f"--actors {wanted.actors.num_actors}": wanted.actors.num_actors != config.actors.num_actors,
        f"--games-per-actor {wanted.actors.games_per_actor}": wanted.actors.games_per_actor != config.actors.games_per_actor,
    }
    changed = [flag for flag, is_changed in flags.items() if is_changed]
    return f"give {' '.join(changed)}" if changed else ""


def smaller(part: str, config: RunConfig, spec: GameSpec, fits: Fits) -> RunConfig:
    """Returns the configuration with the largest value that fits of the setting that decides a part's size, the least where none fits.

    Args:
        part: "ring", "pool", "reanalyzers", "actors" or "learner".
        config: does not fit.
        spec: facts of its game.
        fits: whether a run of a configuration fits.
    """
    actors, games, groups = config.actors.num_actors, config.actors.games_per_actor, config.actors.groups
    chunk = config.reanalyze.chunk_steps
    least = max(CAPACITY_STEP, longest_trajectory(config, spec), config.replay.min_steps + 1)
    settings: dict[str, tuple[Sequence[int], Callable[[RunConfig, int], RunConfig]]] = {
        "ring": (range(-(-least // CAPACITY_STEP) * CAPACITY_STEP, config.replay.capacity_steps, CAPACITY_STEP), with_capacity),
        "pool": (range(groups, games, groups), lambda config, number: with_actors(config, actors, number)),
        "reanalyzers": (range(chunk, config.reanalyze.batch_size, chunk), with_reanalyzed),
        "actors": (range(config.inference.num_servers, actors), lambda config, number: with_actors(config, number, games)),
        "learner": (micro_batches(config), with_micro_batch),
    }
    sizes, with_size = settings[part]
    return with_size(config, largest(sizes, lambda size: fits(with_size(config, size))) or sizes[0]) if sizes else config
