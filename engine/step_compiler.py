"""Compiling a training step with torch.compile, and what a machine is told that cannot."""

from engine.errors import MachineProblem
from muzero.train_step import Trainer
from muzero.types import Batch


def compile_step(trainer: Trainer, batch: Batch) -> None:
    """Makes the kernels of a trainer's step in this process.

    Args:
        trainer: made with use_compiler.
        batch: as of `Trainer.compile`.

    Raises:
        MachineProblem: this machine lacks what torch.compile needs.
    """
    import torch._inductor.config  # here: a second and 70 MB for runs that compile nothing
    from torch._dynamo.exc import TorchDynamoException

    torch._inductor.config.compile_threads = 1  # its workers would be processes that nobody supervises
    try:
        trainer.compile(batch)
    except TorchDynamoException as error:
        reason = str(error).strip().splitlines()[0]
        raise MachineProblem(
            f"learner.compile is true, but torch.compile failed ({reason}): install g++ and Python's headers (python3-dev), or give "
            "--set learner.compile=false."
        ) from error
