"""What a run will take of the machine: processes, bytes and batch size, by arithmetic alone. Printing it is launch's."""

from dataclasses import dataclass, replace

import msgspec

from engine.config import PlanConfig, RunConfig, memory_bytes
from engine.device_parts import Placement, has_gpu, latent_itemsize, placements_of, pool_bytes
from engine.device_plan import DevicePlan, plan_devices
from engine.errors import NotEnoughMemory
from engine.fitting import flags_between, smaller
from engine.layout import ring_layout_of, telemetry_layout, weights_layout
from engine.private_memory import MIB, RolePlan, longest_trajectory, plan_roles, replay_bytes
from engine.shared_memory import USABLE_SHARE, available_memory_bytes
from engine.slots import leaves_in_flight, num_reanalyzers, num_slots
from muzero.config import require
from muzero.networks.shape import latent_shape
from muzero.types import GameSpec

GIB = 1 << 30
FREE_MEMORY = "no smaller ring, batch or number of games fits: give fewer --simulations or a smaller network, or free memory"
NO_GPU = "there is no GPU here: this machine cannot run it as it is, give --device cpu for that"
IDLE_GPUS = (
    "of {} GPUs here the run uses {}: --servers N, with as many --actors, gives inference more, --learner-device the learner its own"
)
MISSING_GPUS = "there are {} GPUs here, from cuda:0 on, but the run needs {}: give fewer --servers or another --device"
UNCHECKED = "the memory of the machine is not checked, because only a GPU was given: add --set plan.host_memory=512GB or what it has"
OTHER_HOST = "planned for a machine of {} (plan.host_memory), not for this one: add --set plan.host_memory=none for this one"


@dataclass(frozen=True)
class Plan:
    """What a run will take.

    Attributes:
        environment: name of the game.
        roles: its processes.
        ring_bytes: replay ring, shared memory; exact.
        weights_bytes: double buffer of the weights, shared memory; exact, or None where the network's size is not known.
        telemetry_bytes: counters, control words and the spans of a profile, shared memory; exact.
        latent_pool_bytes: hidden states of all trees on the inference devices; exact.
        is_pool_on_host: whether those lie in the machine's memory; not so on a GPU.
        latent_shape: shape of one hidden state.
        num_slots: trees that the pools of all servers have room for.
        num_nodes: hidden states per tree.
        trees_in_flight: trees that actors and reanalyzers search at the same time.
        expected_batch: leaves per forward pass when one group of every actor and all reanalyzers wait; the most of any server.
        capacity_steps: environment steps the ring holds.
        available_bytes: memory the machine has for the run: now, or as plan.host_memory says.
        is_memory_checked: whether the machine's memory is known; not so where only another machine's GPU was given.
        remedy: the flags that make it fit the machine's memory, "" where it fits.
        devices: what lies on GPUs.
        notes: what else to know, in sentences.
    """

    environment: str
    roles: tuple[RolePlan, ...]
    ring_bytes: int
    weights_bytes: int | None
    telemetry_bytes: int
    latent_pool_bytes: int
    is_pool_on_host: bool
    latent_shape: tuple[int, ...]
    num_slots: int
    num_nodes: int
    trees_in_flight: int
    expected_batch: int
    capacity_steps: int
    available_bytes: int
    is_memory_checked: bool
    remedy: str
    devices: tuple[DevicePlan, ...]
    notes: tuple[str, ...]

    @property
    def num_processes(self) -> int:
        """Processes of all roles."""
        return sum(role.num_processes for role in self.roles)

    @property
    def private_bytes(self) -> int:
        """Private memory of all processes, without the latent pool."""
        return sum(role.total_bytes for role in self.roles)

    @property
    def memory_bytes(self) -> int:
        """The machine's memory the run takes in all."""
        pool = self.latent_pool_bytes if self.is_pool_on_host else 0
        return self.ring_bytes + (self.weights_bytes or 0) + self.telemetry_bytes + pool + self.private_bytes

    @property
    def usable_bytes(self) -> int:
        """The part of the available memory that a run may take."""
        return int(USABLE_SHARE * self.available_bytes)

    @property
    def fits_memory(self) -> bool:
        """Whether the machine's memory can hold it, or is not known."""
        return not self.is_memory_checked or self.memory_bytes <= self.usable_bytes

    @property
    def fits(self) -> bool:
        """Whether the machine and its GPUs can hold it."""
        return self.fits_memory and all(device.fits for device in self.devices)

    def check(self) -> None:
        """Raises NotEnoughMemory, naming the flags to change, if the machine or a GPU cannot hold the run."""
        problems = []
        if not self.fits_memory:
            problems.append(f"{_shortage(self.memory_bytes, 'memory', self.usable_bytes, self.available_bytes)}: {self.remedy}")
        full = [device for device in self.devices if not device.fits]
        if full:
            problems.append(f"{' and '.join(map(_device_shortage, full))}: {full[0].remedy}")
        if problems:
            raise NotEnoughMemory("; ".join(problems) + ".")


def _shortage(needed: int, where: str, usable: int, available: int) -> str:
    """Returns what is missing, in a sentence without its remedy."""
    return (
        f"the run needs {size_text(needed)} ({needed:,} bytes) of {where}, but of {size_text(available)} available "
        f"it may take {size_text(usable)} ({usable:,} bytes)"
    )


def _device_shortage(device: DevicePlan) -> str:
    """Returns the same of a GPU that cannot hold the run, so that its memory is known."""
    assert device.usable_bytes is not None and device.memory_bytes is not None
    return _shortage(device.total_bytes, f"memory on the {device.name}", device.usable_bytes, device.memory_bytes)


def make_plan(config: RunConfig, spec: GameSpec, num_floats: int | None, device_bytes: int | None = None, num_gpus: int = 0) -> Plan:
    """Returns the plan of a run.

    Args:
        config: the run's configuration; its `plan` section says for which machine.
        spec: facts of its game.
        num_floats: W, floats of the network (`muzero.networks.flat_state`), or None where it is not built yet.
        device_bytes: memory of each of this machine's GPUs, that of the smallest, None where it is not known.
        num_gpus: GPUs of this machine, as far as it is known.

    Raises:
        UserError: the ring is smaller than one trajectory.
    """
    longest, capacity = longest_trajectory(config, spec), config.replay.capacity_steps
    require(longest <= capacity, f"replay.capacity_steps is {capacity}: a trajectory takes up to {longest} steps, set at least that.")
    plan = _estimate(config, spec, num_floats)
    devices = plan_devices(config, spec, num_floats or 0, placements_of(config), device_bytes)
    plan = replace(plan, devices=devices, notes=_notes(config, plan, devices, num_gpus))
    return plan if plan.fits_memory else replace(plan, remedy=_memory_remedy(config, spec, num_floats, plan))


def _estimate(config: RunConfig, spec: GameSpec, num_floats: int | None) -> Plan:
    """Returns the plan without its devices and without what to change."""
    placements = placements_of(config)
    is_server_on_gpu = any(placement.has_server for placement in placements)
    itemsize, servers = latent_itemsize(config, spec, is_on_gpu=is_server_on_gpu), range(config.inference.num_servers)
    roles = _roles(config, spec, num_floats or 0, placements)
    num_actors = max(1, config.actors.num_actors)
    reanalysis_trees = num_reanalyzers(config) * config.reanalyze.batch_size
    num_children = sum(role.num_processes for role in roles if role.role != "supervisor")
    host_memory = config.plan.host_memory
    return Plan(
        environment=spec.name,
        roles=roles,
        ring_bytes=ring_layout_of(config, spec).size_bytes,
        weights_bytes=None if num_floats is None else weights_layout(num_floats).size_bytes,
        telemetry_bytes=telemetry_layout(num_children, config.inference.num_servers).size_bytes,
        latent_pool_bytes=sum(pool_bytes(config, spec, itemsize, server) for server in servers),
        is_pool_on_host=not is_server_on_gpu,
        latent_shape=latent_shape(config.network, spec),
        num_slots=sum(num_slots(config, server) for server in servers),
        num_nodes=config.search.num_simulations + 1,
        trees_in_flight=num_actors * config.actors.games_per_actor + reanalysis_trees,
        expected_batch=min(config.inference.max_batch, max(leaves_in_flight(config, server) for server in servers)),
        capacity_steps=config.replay.capacity_steps,
        available_bytes=available_memory_bytes() if host_memory is None else memory_bytes(host_memory, "plan.host_memory"),
        is_memory_checked=host_memory is not None or config.plan.device_memory is None or not placements,
        remedy="",
        devices=(),
        notes=(),
    )


def _roles(config: RunConfig, spec: GameSpec, num_floats: int, placements: tuple[Placement, ...]) -> tuple[RolePlan, ...]:
    """Returns the processes of a run, whose memory depends on what lies on GPUs."""
    return plan_roles(
        config,
        spec,
        num_floats,
        is_server_on_host=not any(placement.has_server for placement in placements),
        is_learner_on_host=not any(placement.has_learner for placement in placements),
    )


def _notes(config: RunConfig, plan: Plan, devices: tuple[DevicePlan, ...], num_gpus: int) -> tuple[str, ...]:
    """Returns what the numbers do not say."""
    asks_for_gpu = any(device.startswith("cuda") for device in (config.inference.device, config.learner.device))
    host_memory = config.plan.host_memory
    is_here, names = config.plan.device_memory is None, [device.name for device in devices]
    notes = {
        IDLE_GPUS.format(num_gpus, len(devices)): 0 < len(devices) < num_gpus and is_here and config.actors.num_actors > 0,
        MISSING_GPUS.format(num_gpus, names[-1] if names else ""): bool(names) and is_here and int(names[-1][5:]) >= num_gpus > 0,
        NO_GPU: asks_for_gpu and not has_gpu(),
        UNCHECKED: not plan.is_memory_checked,
        OTHER_HOST.format(host_memory): host_memory is not None,
    }
    return tuple(note for note, holds in notes.items() if holds)


def _memory_remedy(config: RunConfig, spec: GameSpec, num_floats: int | None, plan: Plan) -> str:
    """Returns the flags that make part after part smaller, the largest first, until the machine's memory holds all."""

    def needed(changed: RunConfig) -> int:
        return _estimate(changed, spec, num_floats).memory_bytes

    def fits(changed: RunConfig) -> bool:
        return needed(changed) <= plan.usable_bytes

    totals = {role.role: role.total_bytes for role in plan.roles}
    replay, pool = replay_bytes(config), plan.latent_pool_bytes if plan.is_pool_on_host else 0
    reanalyzers_pool = pool * num_reanalyzers(config) * config.reanalyze.batch_size // plan.num_slots
    sizes = {
        "ring": plan.ring_bytes + replay,
        "pool": pool - reanalyzers_pool,
        "reanalyzers": totals.get("reanalyzer", 0) + reanalyzers_pool,
        "actors": totals.get("actor", 0),
        "learner": totals.get("learner", totals.get("one process", 0)) - replay,
    }
    wanted = config
    for part in sorted(sizes, key=lambda name: sizes[name], reverse=True):
        wanted = min(wanted, smaller(part, wanted, spec, fits), key=needed)
        if fits(wanted):
            return flags_between(config, wanted)
    return FREE_MEMORY


def on_devices(config: RunConfig, device: str, learner_device: str) -> RunConfig:
    """Returns the configuration of a run on this machine, with `auto` as a device replaced by what it turned out to be."""
    inference = msgspec.structs.replace(config.inference, device=device)
    learner = msgspec.structs.replace(config.learner, device=learner_device)
    return msgspec.structs.replace(config, inference=inference, learner=learner, plan=PlanConfig())


def size_text(size_bytes: int) -> str:
    """Returns bytes in a unit for people: KiB below one MiB, MiB below one GiB, else GiB."""
    if size_bytes < MIB:
        return f"{size_bytes / 1024:.1f} KiB"
    return f"{size_bytes / MIB:.1f} MiB" if size_bytes < GIB else f"{size_bytes / GIB:.2f} GiB"
