"""The versioned double buffer through which the learner hands its weights to everyone. No torch, no messages.

Version v lies in half v % 2. The learner withdraws the stamp of the idle half (-1), fills it, stamps it with the new version
and only then moves the `VERSION` word. A reader takes the half that `VERSION` names and looks at its stamp before and after the
copy. A learner killed at any instruction leaves the half that `VERSION` names untouched.
"""

import time

import numpy as np

from engine.atomics import finish_reads, load, order_writes, store
from engine.errors import PeerDied
from engine.layout import WORDS_PER_LINE, WeightsWord
from engine.shared_memory import Segment
from muzero.types import Float32Array, Int64Array

READ_TIMEOUT_SECONDS = 10.0
"""A read fails only when two versions are published while it copies one; so long in a row means the memory is damaged."""
VERSION_WORD = WeightsWord.VERSION * WORDS_PER_LINE
WRITING = -1


class WeightStore:
    """The weights of the run: one writer, any number of readers."""

    def __init__(self, segment: Segment) -> None:
        """Uses a segment of `weights_layout`."""
        self._header: Int64Array = segment.arrays["header"]
        self._values: Float32Array = segment.arrays["values"]

    @property
    def version(self) -> int:
        """The newest complete version; 0 before the first."""
        return load(self._header, VERSION_WORD)

    def publish(self, values: Float32Array, version: int) -> None:
        """Makes these weights the newest version. Learner only.

        Args:
            values: float32 [W], finite.
            version: greater than `self.version`, and an odd number greater (normally 1) unless it is the first: each version
                lies in half version % 2, and the current one must stay untouched.

        Raises:
            ValueError: values are not finite, have another shape or dtype, or the version does not follow.
        """
        current = self.version
        _require_publishable(values, version, current, self._values.shape[1])
        half = version % 2
        store(self._header, _half_word(half), WRITING)
        order_writes()
        self._values[half] = values
        store(self._header, _half_word(half), version)
        store(self._header, VERSION_WORD, version)

    def read(self, out: Float32Array) -> int:
        """Copies the newest version and returns its number.

        Args:
            out: float32 [W]; untouched if nothing is published yet.

        Returns:
            The version copied, 0 for none.

        Raises:
            PeerDied: no untorn copy could be made in READ_TIMEOUT_SECONDS.
        """
        deadline = time.monotonic() + READ_TIMEOUT_SECONDS
        while True:
            version = self.version
            if version == 0 or self._copied(version, out):
                return version
            if time.monotonic() > deadline:
                raise PeerDied(f"weights of version {version} could not be read whole in {READ_TIMEOUT_SECONDS:.0f} s: restart the run.")

    def _copied(self, version: int, out: Float32Array) -> bool:
        """Copies a version and returns whether the copy is whole."""
        half = version % 2
        if load(self._header, _half_word(half)) != version:
            return False
        np.copyto(out, self._values[half], casting="no")
        finish_reads()
        return load(self._header, _half_word(half)) == version


def _half_word(half: int) -> int:
    return (WeightsWord.HALF_0_VERSION + half) * WORDS_PER_LINE


def _require_publishable(values: Float32Array, version: int, current: int, num_floats: int) -> None:
    if values.shape != (num_floats,) or values.dtype != np.float32:
        raise ValueError(f"weights are {values.dtype} {list(values.shape)}: publish float32 [{num_floats}].")
    if version < 1 or (current > 0 and (version <= current or (version - current) % 2 == 0)):
        raise ValueError(f"weights version {version} does not follow {current}: publish version {current + 1}.")
    if not np.isfinite(values).all():
        raise ValueError(
            f"weights of version {version} hold {int((~np.isfinite(values)).sum())} values that are not finite: nothing was published."
        )
