"""What lies on the GPUs of a run, and how large it is, by arithmetic alone. Whether it fits is device_plan.py's."""

from dataclasses import dataclass
from math import prod
from pathlib import Path

from engine.activations import action_numbers, root_numbers, sample_numbers, serving_numbers
from engine.batch_sizes import batch_buckets, largest_batch
from engine.config import RunConfig
from engine.device_names import is_in_host_memory, simulated_timing
from engine.precision import serves_in_bfloat16
from engine.private_memory import (
    FLOAT_BYTES,
    MIB,
    history_bytes,
    learner_floats,
    micro_batch_size,
    num_moments,
    observations_per_sample,
)
from engine.slots import num_slots
from muzero.config import TrainingConfig
from muzero.networks.shape import latent_shape
from muzero.types import GameSpec

CONTEXT_BYTES = 500 * MIB
"""CUDA context and loaded kernels of one process."""
BFLOAT16_BYTES = 2
SCRATCH_ROWS = 1
"""Hidden states of the pool that no tree owns: padding is written there."""
GPU_FILES = ("/dev/nvidia0", "/proc/driver/nvidia")
PLANNED_DEVICE = "planned GPU"


@dataclass(frozen=True)
class DevicePart:
    """One thing that lies on a device.

    Attributes:
        name: what it is.
        size_bytes: its bytes.
        reason: how they come about.
    """

    name: str
    size_bytes: int
    reason: str


@dataclass(frozen=True)
class Placement:
    """Who computes on one device.

    Attributes:
        name: the device.
        server: number of the server that does, None where none does.
        has_learner: whether the learner does.
    """

    name: str
    server: int | None
    has_learner: bool

    @property
    def has_server(self) -> bool:
        """Whether inference does."""
        return self.server is not None


def has_gpu() -> bool:
    """Returns whether this machine has an NVIDIA GPU, without asking torch."""
    return any(Path(name).exists() for name in GPU_FILES)


def placements_of(config: RunConfig) -> tuple[Placement, ...]:
    """Returns the GPUs of a run in order, those that its settings name; `auto` means GPUs where plan.device_memory is set, too."""
    is_planned = config.plan.device_memory is not None
    first, learner = (_gpu_number(device, is_planned=is_planned) for device in (config.inference.device, config.learner.device))
    server_of = {} if first is None else {first + server: server for server in range(config.inference.num_servers)}
    numbers = sorted({*server_of, *([] if learner is None else [learner])})
    names = [f"planned cuda:{number}" if is_planned else f"cuda:{number}" for number in numbers]
    if is_planned and len(names) == 1:
        names = [PLANNED_DEVICE]
    return tuple(Placement(name, server_of.get(number), number == learner) for name, number in zip(names, numbers, strict=True))


def _gpu_number(device: str, *, is_planned: bool) -> int | None:
    """Returns which GPU a setting means, or None for the CPU."""
    if is_in_host_memory(device) or (device == "auto" and not (is_planned or has_gpu())):
        return None
    return int(device.partition(":")[2] or 0)


def latent_itemsize(config: RunConfig, spec: GameSpec, *, is_on_gpu: bool) -> int:
    """Returns bytes per number of a hidden state."""
    return BFLOAT16_BYTES if serves_in_bfloat16(config, spec, is_on_gpu=is_on_gpu) else FLOAT_BYTES


def pool_bytes(config: RunConfig, spec: GameSpec, itemsize: int, server: int) -> int:
    """Returns the bytes of a server's latent pool; a simulated device has none."""
    if simulated_timing(config.inference.device) is not None:
        return 0
    rows = num_slots(config, server) * (config.search.num_simulations + 1) + SCRATCH_ROWS
    return rows * prod(latent_shape(config.network, spec)) * itemsize


def device_parts(config: RunConfig, spec: GameSpec, num_floats: int, placement: Placement) -> tuple[DevicePart, ...]:
    """Returns what lies on a GPU, in the order it is shown."""
    server = () if placement.server is None else _server_parts(config, spec, num_floats, placement.server)
    learner = _learner_parts(config, spec, num_floats) if placement.has_learner else ()
    num_processes = 1 if config.actors.num_actors == 0 else placement.has_server + placement.has_learner
    context = DevicePart("CUDA contexts", num_processes * CONTEXT_BYTES, f"{num_processes} processes, estimated")
    return (*server, *learner, context)


def _server_parts(config: RunConfig, spec: GameSpec, num_floats: int, server: int) -> tuple[DevicePart, ...]:
    """Returns what inference keeps on a GPU: its weights as they arrive and as they are served, hidden states, forward passes."""
    itemsize, network = latent_itemsize(config, spec, is_on_gpu=True), config.network
    precision = "bfloat16" if itemsize == BFLOAT16_BYTES else "float32"
    shape = " x ".join(str(size) for size in latent_shape(network, spec))
    table = spec.num_actions * action_numbers(network, spec)
    num_trees, num_nodes = num_slots(config, server), config.search.num_simulations + 1
    graphs = batch_buckets(largest_batch(config, num_trees))  # each keeps memory of its own
    forward = (sum(graphs) + graphs[-1]) * serving_numbers(network, spec) + graphs[-1] * root_numbers(network, spec)
    return (
        DevicePart("serving weights", (FLOAT_BYTES + itemsize) * (num_floats + table), f"float32 as published, {precision} as served"),
        DevicePart(
            "latent pool", pool_bytes(config, spec, itemsize, server), f"{num_trees} trees x {num_nodes} nodes x {shape}, {precision}"
        ),
        DevicePart("forward passes", forward * itemsize, f"CUDA graphs of {graphs[0]} to {graphs[-1]} leaves, estimated"),
    )


def _learner_parts(config: RunConfig, spec: GameSpec, num_floats: int) -> tuple[DevicePart, ...]:
    """Returns what the learner keeps on a GPU, where it computes in bfloat16."""
    training = config.training
    table = FLOAT_BYTES * spec.num_actions * action_numbers(config.network, spec)
    weights = FLOAT_BYTES * learner_floats(training, config.network, spec, num_floats) + BFLOAT16_BYTES * num_floats + table
    micro, steps = micro_batch_size(training), training.unroll_steps
    activations = micro * BFLOAT16_BYTES * sample_numbers(config.network, spec, training)
    more = observations_per_sample(training) - 1
    frames = DevicePart(
        "learner's observations", 2 * micro * more * history_bytes(spec), f"{micro} samples x {more}, and those chosen of them"
    )
    return (
        DevicePart("learner's weights", weights, ", ".join(_copies_of_weights(training))),
        DevicePart("learner's activations", activations, f"{micro} samples at once x {steps + 1} steps, bfloat16, estimated"),
        *((frames,) if more else ()),
    )


def _copies_of_weights(training: TrainingConfig) -> list[str]:
    """Returns what the learner has of each weight, in words."""
    options = {
        "target network": training.target_network_steps is not None,
        "moving average": training.ema_decay > 0.0,
        "consistency head": training.consistency_loss_weight > 0.0,
    }
    copies = ["weights", "gradient", f"{num_moments(training)} x {training.optimizer}", "a bfloat16 copy"]
    return copies + [name for name, is_there in options.items() if is_there]
