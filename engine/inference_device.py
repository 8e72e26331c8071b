"""What the inference server asks of a device: batches go in, answers come out in the same order, and nobody waits inside.

The devices are in cpu_device.py, cuda_device.py and simulated_device.py; inference_devices.py makes the one that a setting names.
"""

from typing import NamedTuple, Protocol

from muzero.types import Float32Array, InitialReply, Int64Array, Observation, RecurrentReply

MAX_IN_FLIGHT = 2
"""Most batches in any device: one that is computed, one that waits behind it."""


class Batch(NamedTuple):
    """Roots and leaves that a device evaluates together. Axes: R roots, N leaves; each may be 0.

    Attributes:
        slot: int64 [R], slots of the trees to start.
        observation: of those, None where R is 0.
        rows: int64 [3, N], rows of the pool with the parents and for the new nodes, and actions; `slot * num_nodes + node`. It is
            only valid until the answer was taken.
    """

    slot: Int64Array
    observation: Observation | None
    rows: Int64Array


class Answer(NamedTuple):
    """What the network says of a batch.

    Attributes:
        initial: about the roots, None without any.
        recurrent: about the leaves, None without any.
    """

    initial: InitialReply | None
    recurrent: RecurrentReply | None


class Finished(NamedTuple):
    """A batch that is done; its arrays may be overwritten once MAX_IN_FLIGHT further batches were submitted.

    Attributes:
        answer: see Answer.
        moment: when the device was done with it, in seconds on the monotonic clock.
    """

    answer: Answer
    moment: float


class InferenceDevice(Protocol):
    """A network with its hidden states on some device.

    Attributes:
        version: version of the weights in use, 0 before the first.
        max_in_flight: most batches submitted and not taken yet, at most MAX_IN_FLIGHT; known from the first weights on.
        descriptors: become readable when a batch is done; none for a device that knows when. Known from the first weights on.
    """

    version: int
    max_in_flight: int
    descriptors: tuple[int, ...]

    def load(self, values: Float32Array, version: int) -> None:
        """Swaps the weights; only called while no batch is in flight.

        Args:
            values: float32 [W], as published.
            version: their version.
        """

    def submit(self, batch: Batch) -> None:
        """Begins with a batch, or queues it behind the one in flight."""

    def seconds_left(self, now: float) -> float:
        """Returns how long the oldest batch still takes at this moment; infinity where only the descriptors tell."""

    def take(self) -> Finished | None:
        """Returns the oldest batch if it is done, in the order of submitting."""

    def close(self) -> None:
        """Ends what the device runs in this process."""
