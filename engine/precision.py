"""In which precision a run computes: what its settings say and what its devices multiply. No torch: plans need it."""

from pathlib import Path

from engine.config import LearnerConfig, RunConfig
from muzero.networks.shape import uses_planes
from muzero.types import GameSpec

CPU_FACTS = Path("/proc/cpuinfo")
BFLOAT16_FLAGS = frozenset({"avx512_bf16", "amx_bf16", "bf16"})
"""What CPUs that multiply bfloat16 call it, x86 and ARM."""


def serves_in_bfloat16(config: RunConfig, spec: GameSpec, *, is_on_gpu: bool) -> bool:
    """Returns whether the inference copy and its hidden states are bfloat16.

    On a CPU with AMX a leaf of the residual network of 2 x 32 on 7x7 took 0.39 of the time it takes in float32 in batches of 128, 0.7 in
    batches of 32 and the same in batches of 8; one of 6 x 96 on 9x9 0.21 in batches of 32. An MLP is all call overhead.
    """
    if config.inference.precision == "auto":
        return uses_planes(config.network, spec) and (is_on_gpu or cpu_multiplies_bfloat16())
    return config.inference.precision == "bfloat16"


def learns_in_bfloat16(config: LearnerConfig, *, is_on_gpu: bool) -> bool:
    """Returns whether the passes of training run in bfloat16.

    On a CPU with AVX512-BF16 a step of the residual network of 1 x 32 took 0.61 of the time it takes in float32, one of
    an MLP 256 wide 0.63, 128 wide 0.72.
    """
    if config.precision == "auto":
        return is_on_gpu or cpu_multiplies_bfloat16()
    return config.precision == "bfloat16"


def cpu_multiplies_bfloat16() -> bool:
    """Returns whether this machine's CPU has instructions for it; without them bfloat16 is slower than float32."""
    lines = CPU_FACTS.read_text().splitlines() if CPU_FACTS.exists() else []
    return any(BFLOAT16_FLAGS & set(line.split()) for line in lines if line.startswith(("flags", "Features")))
