"""Whether a run fits its GPUs, and what to change where it does not; by arithmetic alone. The machine's memory is plan.py's."""

from dataclasses import dataclass

from engine.activations import sample_numbers
from engine.config import RunConfig, memory_bytes
from engine.device_parts import BFLOAT16_BYTES, DevicePart, Placement, device_parts
from engine.fitting import Fits, flags_between, largest, micro_batches, most_games, with_actors, with_micro_batch
from engine.private_memory import micro_batch_size
from muzero.types import GameSpec

USABLE_SHARE = 0.9
"""Part of a device's memory that a run may take: the rest goes to workspaces of convolutions and to gaps between tensors."""
ACTIVATIONS_SHARE = 0.25
"""Part of what may be taken that a proposed micro-batch may fill where not everything fits; the latent pool gets the rest."""
NOTHING_FITS = "give fewer --simulations, a smaller network or --set evaluation.is_enabled=false"


@dataclass(frozen=True)
class DevicePlan:
    """What one GPU holds.

    Attributes:
        name: which one.
        memory_bytes: what it has, None where that is not known.
        parts: what lies on it.
        games_per_actor: the most games per actor that fit every GPU with as many actors, a multiple of actors.groups, with the
            micro-batch below; None where the memory is not known or inference is elsewhere, 0 where none fit.
        micro_batch: samples per micro-batch that go with them.
        remedy: the flags that make the run fit every GPU, "" where it does.
    """

    name: str
    memory_bytes: int | None
    parts: tuple[DevicePart, ...]
    games_per_actor: int | None
    micro_batch: int
    remedy: str

    @property
    def total_bytes(self) -> int:
        """Bytes of all parts."""
        return sum(part.size_bytes for part in self.parts)

    @property
    def usable_bytes(self) -> int | None:
        """The part of its memory that a run may take."""
        return usable_of(self.memory_bytes)

    @property
    def fits(self) -> bool:
        """Whether the device can hold it; True where its memory is not known."""
        return self.usable_bytes is None or self.total_bytes <= self.usable_bytes


def usable_of(device_bytes: int | None) -> int | None:
    """Returns the part of a device's memory that a run may take."""
    return None if device_bytes is None else int(USABLE_SHARE * device_bytes)


def plan_devices(
    config: RunConfig, spec: GameSpec, num_floats: int, placements: tuple[Placement, ...], device_bytes: int | None
) -> tuple[DevicePlan, ...]:
    """Returns the plan of each GPU; what is advised makes the run fit all of them.

    Args:
        config: the run's configuration.
        spec: facts of its game.
        num_floats: W, floats of the network.
        placements: who computes where.
        device_bytes: memory of this machine's GPUs where it is known; plan.device_memory wins over it.
    """
    planned = config.plan.device_memory
    available = device_bytes if planned is None else memory_bytes(planned, "plan.device_memory")
    usable = usable_of(available)

    def fits(changed: RunConfig) -> bool:
        parts = (device_parts(changed, spec, num_floats, placement) for placement in placements)
        return usable is None or all(sum(part.size_bytes for part in of_one) <= usable for of_one in parts)

    wanted = config if usable is None or fits(config) else _fitting(config, spec, placements, usable, fits)
    micro_batch = micro_batch_size((wanted or config).training)
    has_known_server = usable is not None and any(placement.has_server for placement in placements)
    games = most_games(with_micro_batch(config, micro_batch), fits) if has_known_server else None
    return tuple(
        DevicePlan(
            name=placement.name,
            memory_bytes=available,
            parts=device_parts(config, spec, num_floats, placement),
            games_per_actor=games if placement.has_server else None,
            micro_batch=micro_batch,
            remedy=NOTHING_FITS if wanted is None else flags_between(config, wanted),
        )
        for placement in placements
    )


def _fitting(config: RunConfig, spec: GameSpec, placements: tuple[Placement, ...], usable: int, fits: Fits) -> RunConfig | None:
    """Returns the configuration with the fewest changes that fits: micro-batch, then games per actor, then actors; None if none does."""
    has_server, has_learner = any(one.has_server for one in placements), any(one.has_learner for one in placements)
    smaller = with_micro_batch(config, largest(micro_batches(config), lambda size: fits(with_micro_batch(config, size))))
    sample_bytes = BFLOAT16_BYTES * sample_numbers(config.network, spec, config.training)
    capped = largest(micro_batches(config), lambda size: size * sample_bytes <= ACTIVATIONS_SHARE * usable) or 1
    if fits(smaller) and (micro_batch_size(smaller.training) >= capped or not has_server):
        return smaller
    config = with_micro_batch(config, capped) if has_learner else config
    if not has_server:
        return None
    groups = config.actors.groups
    if games := most_games(config, fits):
        return with_actors(config, config.actors.num_actors, games)
    actors = largest(
        range(config.inference.num_servers, config.actors.num_actors + 1), lambda number: fits(with_actors(config, number, groups))
    )
    return with_actors(config, actors, groups) if actors else None
