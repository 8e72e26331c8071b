"""Compiling a training step with torch.compile, and what a machine is told that cannot."""

import os

from engine.errors import MachineProblem
from muzero.kernel_cache import writable_folder
from muzero.train_step import Trainer
from muzero.types import Batch

CACHE_VARIABLES = {"TORCHINDUCTOR_CACHE_DIR": "muzero-training-kernels", "TRITON_CACHE_DIR": "muzero-training-kernels-triton"}
"""Where torch keeps compiled code, and our folder for it: its own is one in /tmp, which anyone may have made first."""


def compile_step(trainer: Trainer, batch: Batch) -> None:
    """Makes the kernels of a trainer's step in this process, for its number of threads. From then on what no kernel was made for runs
    without one: making it would keep the learner silent for so long that it counts as dead.

    Args:
        trainer: made with use_compiler.
        batch: as of `Trainer.compile`.

    Raises:
        MachineProblem: this machine lacks what torch.compile needs.
    """
    for variable, folder in CACHE_VARIABLES.items():
        if variable not in os.environ:
            os.environ[variable] = str(writable_folder(folder))
    import torch._inductor.config  # here: a second and 70 MB for runs that compile nothing
    from torch._dynamo.exc import TorchDynamoException

    torch._inductor.config.compile_threads = 1  # its workers would be processes that nobody supervises
    try:
        trainer.compile(batch)
    except TorchDynamoException as error:
        reason = str(error).strip().splitlines()[0]
        tools = "Triton for this GPU" if trainer.device.type == "cuda" else "g++ and Python's headers (python3-dev)"
        raise MachineProblem(
            f"learner.compile is true, but torch.compile failed ({reason}): install {tools}, or give --set learner.compile=false."
        ) from error
    torch.compiler.set_stance("eager_on_recompile")
