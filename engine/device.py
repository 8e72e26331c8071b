"""Which device a role computes on. No tensors in here."""

import torch

from engine.config import InferenceConfig
from engine.errors import MachineProblem


def resolve_device(name: str) -> torch.device:
    """Returns the device a setting names; `auto` is CUDA where there is one.

    Raises:
        MachineProblem: if it asks for CUDA where there is none.
    """
    has_cuda = torch.cuda.is_available()
    if name == "auto":
        return torch.device("cuda" if has_cuda else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise MachineProblem(f"device '{name}' is not one: use --device cpu, cuda or cuda:N.") from error
    if device.type not in ("cpu", "cuda"):
        raise MachineProblem(f"device '{name}' is not supported: use --device cpu, cuda or cuda:N.")
    if device.type == "cuda" and (not has_cuda or (device.index or 0) >= torch.cuda.device_count()):
        count = torch.cuda.device_count() if has_cuda else 0
        raise MachineProblem(
            f"device '{name}' is not there (torch sees {count} CUDA devices): use --device cpu, or install a CUDA build of torch."
        )
    return device


def inference_dtype(config: InferenceConfig, device: torch.device) -> torch.dtype:
    """Returns the precision of the inference copy; bfloat16 only pays, and is only used, on CUDA."""
    return torch.bfloat16 if config.precision == "bfloat16" and device.type == "cuda" else torch.float32
