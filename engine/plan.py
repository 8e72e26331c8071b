"""What a run will take of the machine: processes, bytes and batch size, by arithmetic alone. Printing it is launch's."""

from dataclasses import dataclass, replace
from math import prod

import msgspec

from engine.config import RunConfig
from engine.errors import NotEnoughMemory
from engine.layout import ring_layout_of, telemetry_layout, weights_layout
from engine.shared_memory import USABLE_SHARE, available_memory_bytes
from engine.slots import EVALUATION_TREES, num_slots
from muzero.config import require
from muzero.types import GameSpec

SCRATCH_ROWS = 1
"""Hidden states of the pool that no tree owns: padding is written there."""
MIB = 1 << 20
GIB = 1 << 30
PLAIN_PROCESS_BYTES = 100 * MIB
"""Private memory of a process with NumPy, Numba and the games but without torch; measured: actor 72 MiB, evaluator 46 MiB."""
TORCH_PROCESS_BYTES = 400 * MIB
"""Private memory of a process with torch; measured on a CPU: server 201 MiB, learner 276 MiB."""
SUPERVISOR_BYTES = 40 * MIB
"""Private memory of the supervisor; measured: 37 MiB."""
LEARNER_COPIES = 4
"""Float32 vectors of the network's size in the learner: weights, gradient and the two moments of AdamW."""
TREE_BYTES_PER_CHILD = 8
"""Prior and action of one edge."""
TREE_BYTES_PER_NODE = 64
"""Statistics of one node."""


@dataclass(frozen=True)
class RolePlan:
    """The processes of one role.

    Attributes:
        role: its name.
        num_processes: how many there are.
        process_bytes: private memory of each, estimated.
    """

    role: str
    num_processes: int
    process_bytes: int


@dataclass(frozen=True)
class Plan:
    """What a run will take.

    Attributes:
        environment: name of the game.
        roles: its processes.
        ring_bytes: replay ring, shared memory; exact.
        weights_bytes: double buffer of the weights, shared memory; exact, or None where the network's size is not known.
        telemetry_bytes: counters and control words, shared memory; exact.
        latent_pool_bytes: hidden states of all trees on the inference device; exact.
        is_pool_on_host: whether those lie in the machine's memory; not so on a GPU. `auto` counts as the machine's.
        latent_shape: shape of one hidden state.
        num_slots: trees the pool has room for.
        num_nodes: hidden states per tree.
        trees_in_flight: trees the actors search at the same time.
        expected_batch: leaves per forward pass when one group of every actor waits.
        capacity_steps: environment steps the ring holds.
        available_bytes: memory this machine has for the run now.
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

    @property
    def num_processes(self) -> int:
        """Processes of all roles."""
        return sum(role.num_processes for role in self.roles)

    @property
    def private_bytes(self) -> int:
        """Private memory of all processes, without the latent pool."""
        return sum(role.num_processes * role.process_bytes for role in self.roles)

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
    def fits(self) -> bool:
        """Whether the machine can hold it."""
        return self.memory_bytes <= self.usable_bytes

    def check(self) -> None:
        """Raises NotEnoughMemory, naming the flag to change, if the machine cannot hold the run."""
        if not self.fits:
            needed = f"{size_text(self.memory_bytes)} ({self.memory_bytes:,} bytes)"
            usable = f"{size_text(self.usable_bytes)} ({self.usable_bytes:,} bytes)"
            there = size_text(self.available_bytes)
            raise NotEnoughMemory(f"the run needs {needed} of memory, but of {there} available it may take {usable}: {self.remedy()}.")

    def remedy(self) -> str:
        """Returns which flag to change, and to what, so that the largest part shrinks by what is missing."""
        missing = self.memory_bytes - self.usable_bytes
        pool = self.latent_pool_bytes if self.is_pool_on_host else 0
        if self.ring_bytes >= max(pool, self.private_bytes):
            steps = int(self.capacity_steps * (1.0 - missing / self.ring_bytes)) // 1000 * 1000
            return (
                f"give --set replay.capacity_steps={steps}" if steps >= 1000 else "give fewer --actors and a smaller replay.capacity_steps"
            )
        if pool >= self.private_bytes:
            return "give fewer --games-per-actor, --actors or --simulations"
        first = self.roles[0]
        actors = int(first.num_processes - missing / first.process_bytes)
        return f"give --actors {actors}" if actors >= 1 else "give fewer --actors and a smaller replay.capacity_steps, or free memory"


def make_plan(config: RunConfig, spec: GameSpec, num_floats: int | None) -> Plan:
    """Returns the plan of a run.

    Args:
        config: the run's configuration.
        spec: facts of its game.
        num_floats: W, floats of the network (`muzero.networks.flat_state`), or None where it is not built yet.

    Raises:
        UserError: the ring is smaller than one trajectory.
    """
    longest = min(config.self_play.max_trajectory_steps, spec.max_moves) + 1
    capacity = config.replay.capacity_steps
    require(longest <= capacity, f"replay.capacity_steps is {capacity}: a trajectory takes up to {longest} steps, set at least that.")
    roles = _roles(config, spec, num_floats or 0)
    shape = latent_shape(config, spec)
    slots, nodes = num_slots(config), config.search.num_simulations + 1
    ring = ring_layout_of(config, spec)
    num_actors = max(1, config.actors.num_actors)
    num_children = sum(role.num_processes for role in roles if role.role != "supervisor")
    return Plan(
        environment=spec.name,
        roles=roles,
        ring_bytes=ring.size_bytes,
        weights_bytes=None if num_floats is None else weights_layout(num_floats).size_bytes,
        telemetry_bytes=telemetry_layout(num_children).size_bytes,
        latent_pool_bytes=(slots * nodes + SCRATCH_ROWS) * prod(shape) * _latent_itemsize(config),
        is_pool_on_host=not _is_on_gpu(config),
        latent_shape=shape,
        num_slots=slots,
        num_nodes=nodes,
        trees_in_flight=num_actors * config.actors.games_per_actor,
        expected_batch=min(config.inference.max_batch, num_actors * config.actors.games_per_group),
        capacity_steps=config.replay.capacity_steps,
        available_bytes=available_memory_bytes(),
    )


def on_device(config: RunConfig, device: str) -> RunConfig:
    """Returns the configuration with `auto` as the inference device replaced by the device it turned out to be."""
    return msgspec.structs.replace(config, inference=msgspec.structs.replace(config.inference, device=device))


def latent_shape(config: RunConfig, spec: GameSpec) -> tuple[int, ...]:
    """Returns the shape of one hidden state: [hidden_size], or [num_channels, H, W] as large as the board."""
    if config.network.kind == "mlp":
        return (config.network.hidden_size,)
    return (config.network.num_channels, *spec.frame_shape)


def size_text(size_bytes: int) -> str:
    """Returns bytes in a unit for people: KiB below one MiB, MiB below one GiB, else GiB."""
    if size_bytes < MIB:
        return f"{size_bytes / 1024:.1f} KiB"
    return f"{size_bytes / MIB:.1f} MiB" if size_bytes < GIB else f"{size_bytes / GIB:.2f} GiB"


def _is_on_gpu(config: RunConfig) -> bool:
    """Returns whether inference is on a GPU for sure; `auto` is not known without asking the driver."""
    return config.inference.device.startswith("cuda")


def _latent_itemsize(config: RunConfig) -> int:
    """Returns bytes per number of a hidden state; bfloat16 is only used on GPUs."""
    return 2 if config.inference.precision == "bfloat16" and _is_on_gpu(config) else 4


def _roles(config: RunConfig, spec: GameSpec, num_floats: int) -> tuple[RolePlan, ...]:
    """Returns the processes of a run, actors first."""
    trees = config.actors.games_per_actor * _tree_bytes(config, spec)
    evaluator_trees = EVALUATION_TREES * _tree_bytes(config, spec)
    server = RolePlan("server", 1, TORCH_PROCESS_BYTES + 4 * num_floats)
    learner = RolePlan("learner", 1, TORCH_PROCESS_BYTES + 4 * LEARNER_COPIES * num_floats)
    if config.actors.num_actors == 0:
        everything = learner.process_bytes + 4 * num_floats + trees + (evaluator_trees if config.evaluation.is_enabled else 0)
        return (replace(learner, role="one process", process_bytes=everything),)
    actors = RolePlan("actor", config.actors.num_actors, PLAIN_PROCESS_BYTES + trees)
    evaluator = (RolePlan("evaluator", 1, PLAIN_PROCESS_BYTES + evaluator_trees),) if config.evaluation.is_enabled else ()
    return (actors, server, learner, *evaluator, RolePlan("supervisor", 1, SUPERVISOR_BYTES))


def _tree_bytes(config: RunConfig, spec: GameSpec) -> int:
    """Returns the bytes of one search tree, which keeps at most num_simulations children of a node."""
    simulations = config.search.num_simulations
    children = min(spec.num_actions, simulations)
    return (simulations + 1) * (children * TREE_BYTES_PER_CHILD + TREE_BYTES_PER_NODE)
