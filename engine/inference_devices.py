"""Which device an inference server gets, and how large its batches are. The devices themselves have files of their own."""

from engine.batch_sizes import largest_batch
from engine.batching import Batcher
from engine.config import RunConfig
from engine.cpu_device import CpuDevice
from engine.cuda_device import CudaDevice
from engine.device_names import simulated_timing
from engine.inference_core import InferenceCore
from engine.inference_device import InferenceDevice
from engine.simulated_device import SimulatedDevice
from engine.slots import leaves_in_flight, num_slots
from muzero.types import Float32Array, GameSpec


def typical_batch(config: RunConfig, server: int) -> int:
    """Returns the leaves of a usual forward pass of a server."""
    return min(leaves_in_flight(config, server), config.inference.max_batch)


def capacity_of(config: RunConfig, server: int) -> int:
    """Returns the leaves of a server's largest batch."""
    return largest_batch(config, num_slots(config, server), typical_batch(config, server))


def make_batcher(config: RunConfig) -> Batcher:
    """Returns what collects the server's batches."""
    seconds = config.inference.batch_deadline_microseconds * 1e-6
    timing = simulated_timing(config.inference.device)
    most = timing.max_batch if timing is not None and timing.max_batch else config.inference.max_batch
    return Batcher(min(most, config.inference.max_batch), seconds, config.actors.groups)


def make_device(config: RunConfig, spec: GameSpec, action_planes: Float32Array, server: int) -> InferenceDevice:
    """Returns a server's device, without weights.

    Args:
        config: the run.
        spec, action_planes: the game.
        server: which server of the run.

    Raises:
        MachineProblem: the device is not there.
    """
    timing = simulated_timing(config.inference.device)
    if timing is not None:
        return SimulatedDevice(timing, spec, min(spec.num_actions, config.search.num_simulations))
    leaves = typical_batch(config, server)
    core = InferenceCore(config, spec, action_planes, num_slots=num_slots(config, server), typical_batch=leaves, server=server)
    if core.device.type == "cuda":
        return CudaDevice(core, spec)
    return CpuDevice(core, typical_batch=leaves, num_threads=config.inference.num_threads)
