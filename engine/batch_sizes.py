"""How many leaves a forward pass of the server can have, and which sizes get a CUDA graph; by arithmetic alone, without torch."""

from engine.config import RunConfig
from engine.slots import clients_of, evaluation_trees

SMALLEST_BUCKET = 8


def largest_batch(config: RunConfig, num_slots: int, typical_batch: int = 0) -> int:
    """Returns the leaves of the largest forward pass: a batch is full only once a request made it larger than max_batch.

    Args:
        config: the run.
        num_slots: trees in flight.
        typical_batch: leaves in a usual forward pass; outside a run, in `muzero eval`, that is all trees at once.
    """
    largest_request = max(evaluation_trees(config), *(client.num_trees for client in clients_of(config)))
    return min(max(config.inference.max_batch + largest_request, typical_batch), num_slots)


def batch_buckets(max_batch: int) -> tuple[int, ...]:
    """Returns the batch sizes that get a graph: powers of two from 8 up to the first that holds max_batch."""
    buckets = [SMALLEST_BUCKET]
    while buckets[-1] < max_batch:
        buckets.append(2 * buckets[-1])
    return tuple(buckets)
