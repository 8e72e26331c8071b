"""Facts about the machine and the checkout that a result was measured with."""

import importlib.metadata
import os
import platform
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path

from benchmarks.result import Machine
from engine.processor_name import processor_name

ROOT = Path(__file__).parent.parent
COMMAND_SECONDS = 20.0
GENERATED = (":!benchmarks/results", ":!docs/results", ":!docs/results.md")
"""Results do not make the checkout dirty: the next row is measured with the same code."""


def this_machine() -> Machine:
    """Returns the facts of this machine."""
    return Machine(
        cpu=processor_name(),
        cores=len(os.sched_getaffinity(0)),
        memory_gib=round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        gpu=_gpu_model(),
        os=_os_name(),
        python=platform.python_version(),
        torch=_version("torch"),
    )


def commit() -> str | None:
    """Returns the commit of the checkout, None outside one."""
    return _output("git", "rev-parse", "HEAD")


def is_clean() -> bool:
    """Returns whether the checkout has no changes besides results; False outside one."""
    return commit() is not None and not _output("git", "status", "--porcelain", "--", ".", *GENERATED)


def _gpu_model() -> str | None:
    return _output("nvidia-smi", "--query-gpu=name", "--format=csv,noheader") if shutil.which("nvidia-smi") else None


def _os_name() -> str:
    with suppress(OSError):
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    return platform.platform()


def _version(package: str) -> str | None:
    with suppress(importlib.metadata.PackageNotFoundError):
        return importlib.metadata.version(package)
    return None


def _output(*command: str) -> str | None:
    """Returns what a command prints, None if it fails or prints nothing."""
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None if done.returncode == 0 else None
