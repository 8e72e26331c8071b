"""What a setting of a device can say, as text: `auto`, `cpu`, `cuda`, `cuda:N`, and for inference a simulated accelerator. No torch."""

import re
from math import ceil
from typing import NamedTuple

from muzero.errors import UserError

NUMBER = r"\d+(?:\.\d+)?"
REAL_DEVICE = re.compile(r"auto|cpu|cuda(:\d+)?")
SIMULATED_DEVICE = re.compile(rf"simulated:({NUMBER})\+({NUMBER})(?:,batch=([1-9]\d*))?")
SIMULATED = "simulated"
SIMULATED_FORM = "simulated:<microseconds a batch>+<microseconds a sample>, for example simulated:200+35 or simulated:200+35,batch=512"
MICROSECONDS = 1e6


class SimulatedTiming(NamedTuple):
    """How long a simulated accelerator computes.

    Attributes:
        base_microseconds: for each pass, whatever is in it.
        microseconds_per_sample: for each sample in addition.
        max_batch: most samples of one pass, None without a limit; a larger batch takes several.
    """

    base_microseconds: float
    microseconds_per_sample: float
    max_batch: int | None

    def seconds(self, num_samples: int) -> float:
        """Returns the time that a batch takes."""
        passes = 1 if self.max_batch is None else ceil(num_samples / self.max_batch)
        return (passes * self.base_microseconds + num_samples * self.microseconds_per_sample) / MICROSECONDS


def simulated_timing(device: str) -> SimulatedTiming | None:
    """Returns the timing of a simulated accelerator, None of a real device.

    Args:
        device: a name that require_inference_device took.
    """
    match = SIMULATED_DEVICE.fullmatch(device)
    return None if match is None else SimulatedTiming(float(match[1]), float(match[2]), int(match[3]) if match[3] else None)


def is_in_host_memory(device: str) -> bool:
    """Returns whether a device certainly needs no GPU."""
    return device == "cpu" or device.startswith(SIMULATED)


def require_device(device: str, key: str) -> None:
    """Raises UserError unless this names a device that computes."""
    if device.startswith(SIMULATED):
        raise UserError(f"{key} is '{device}': only inference can be simulated, set auto, cpu, cuda or cuda:N.")
    if "," in device and all(REAL_DEVICE.fullmatch(part.strip()) for part in device.split(",")):
        count = device.count(",") + 1
        raise UserError(f"{key} is '{device}': name the first one, and give --servers {count} for {count} in a row.")
    if REAL_DEVICE.fullmatch(device) is None:
        raise UserError(f"{key} is '{device}': set auto, cpu, cuda or cuda:N.")


def require_inference_device(device: str, key: str) -> None:
    """Raises UserError unless this names a device that computes, or a simulated one."""
    if not device.startswith(SIMULATED):
        require_device(device, key)
    elif simulated_timing(device) is None:
        raise UserError(f"{key} is '{device}': write {SIMULATED_FORM}.")
