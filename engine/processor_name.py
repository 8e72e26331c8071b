"""What this machine's processor is called; how busy it is stands in `engine/machine_load.py`."""

import platform
from contextlib import suppress
from pathlib import Path


def processor_name() -> str:
    """Returns the model's name as the kernel knows it, or at least the architecture."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
