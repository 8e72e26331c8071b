"""Which device a role computes on. No tensors in here."""

import torch

from engine.config import InferenceConfig
from engine.errors import MachineProblem, NotEnoughMemory


def resolve_device(name: str) -> torch.device:
    """Returns the device a setting names (`engine/config.py` checks the names); `auto` is CUDA where there is one.

    Raises:
        MachineProblem: if it asks for CUDA where there is none.
    """
    has_cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "cpu")
    device = torch.device(name)
    if device.type == "cuda" and (not has_cuda or (device.index or 0) >= torch.cuda.device_count()):
        count = torch.cuda.device_count() if has_cuda else 0
        raise MachineProblem(
            f"device '{name}' is not there (torch sees {count} CUDA devices): use --device cpu, or install a CUDA build of torch."
        )
    return device


def check_device_memory(device: torch.device, needed_bytes: int) -> None:
    """Raises NotEnoughMemory if a GPU has less free memory than needed; a CPU's memory is the plan's matter.

    Args:
        device: where inference runs.
        needed_bytes: latent pool and weights.
    """
    if device.type != "cuda":
        return
    free_bytes, total_bytes = torch.cuda.mem_get_info(device)
    if needed_bytes > free_bytes:
        raise NotEnoughMemory(
            f"the hidden states and weights need {needed_bytes:,} bytes on {device}, which has {free_bytes:,} of {total_bytes:,} free: "
            "give fewer --games-per-actor, --actors or --simulations, or --set inference.precision=bfloat16."
        )


def inference_dtype(config: InferenceConfig, device: torch.device) -> torch.dtype:
    """Returns the precision of the inference copy; bfloat16 only pays, and is only used, on CUDA."""
    return torch.bfloat16 if config.precision == "bfloat16" and device.type == "cuda" else torch.float32
