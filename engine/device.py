"""Which device a role computes on, and what its memory is. No tensors in here."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import torch

from engine.device_names import simulated_timing
from engine.errors import MachineProblem


def resolve_device(name: str, server: int = 0) -> torch.device:
    """Returns the device a setting names (`engine/device_names.py` checks the names); `auto` is CUDA where there is one. Each server of a
    run has a GPU of its own, in order from the one that is named.

    A CUDA device has its number, 0 where the setting gives none: torch.cuda.set_device takes no device without one.
    Whoever needs real answers, as a match does, gets the CPU in the place of a simulated device.

    Raises:
        MachineProblem: if it asks for CUDA where there is none.
    """
    has_cuda = torch.cuda.is_available()
    if simulated_timing(name) is not None:
        return torch.device("cpu")
    device = torch.device(("cuda" if has_cuda else "cpu") if name == "auto" else name)
    if device.type == "cpu":
        return device
    device = torch.device("cuda", (device.index or 0) + server)
    if not has_cuda or device.index >= torch.cuda.device_count():
        count = torch.cuda.device_count() if has_cuda else 0
        if has_cuda and server:
            raise MachineProblem(f"server-{server} needs {device}, but torch sees cuda:0 to cuda:{count - 1}: give fewer --servers.")
        if has_cuda:
            raise MachineProblem(f"device '{name}' is not there: torch sees cuda:0 to cuda:{count - 1}, use one of them.")
        raise MachineProblem(
            f"device '{name}' is not there (torch sees no CUDA device): use --device cpu, or install a CUDA build of torch."
        )
    return device


def smallest_device_bytes(devices: Iterable[torch.device]) -> int | None:
    """Returns the memory of the smallest GPU among these devices, in bytes, or None where there is none."""
    sizes = (torch.cuda.get_device_properties(device).total_memory for device in devices if device.type == "cuda")
    return min(sizes, default=None)


@contextmanager
def out_of_memory_is_final() -> Iterator[None]:
    """Turns a GPU's out-of-memory error into one that no restart can mend: the same allocations would meet it again.

    Raises:
        MachineProblem: naming the flags that need less.
    """
    try:
        yield
    except torch.OutOfMemoryError as error:
        raise MachineProblem(
            f"a GPU ran out of memory ({str(error).partition('. ')[0]}): end what else uses it, or give fewer --games-per-actor or "
            "--simulations, or a smaller --set training.micro_batch_size."
        ) from error
