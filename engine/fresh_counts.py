"""What the learner counts of the fresh targets it trains on: how many, and how old. How they come about is `reanalysis.py`'s."""

import numpy as np

from engine.layout import NUM_AGE_BINS, Counter
from engine.state_tree import StateTree
from engine.telemetry import ProcessBlock
from muzero.types import Batch, Int64Array

AGE_BIN_STARTS = 2 ** np.arange(NUM_AGE_BINS - 1, dtype=np.int64)
"""Ages in versions from which on the second, third, ... bin counts: 1, 2, 4, 8, ..."""


class FreshCounts:
    """Growing counts of the whole run, resumed parts included.

    Attributes:
        samples: samples trained on whose policy targets were fresh.
        policy_targets: policy targets trained on.
        fresh_policy_targets: those of them that were fresh.
        age_versions: sum over the fresh ones of the versions between reanalysis and training.
        ages: int64 [NUM_AGE_BINS], the fresh ones by their age.
    """

    def __init__(self) -> None:
        self.samples = self.policy_targets = self.fresh_policy_targets = self.age_versions = 0
        self.ages = np.zeros(NUM_AGE_BINS, np.int64)

    def count(self, batch: Batch, version: int) -> None:
        """Counts a batch that is trained on.

        Args:
            batch: the batch.
            version: version of the weights published last.
        """
        is_target = batch.policy_mask > 0
        is_fresh = is_target & batch.is_fresh[:, None]
        age = np.maximum(0, version - batch.policy_version[is_fresh])
        self.samples += int(batch.is_fresh.sum())
        self.policy_targets += int(is_target.sum())
        self.fresh_policy_targets += len(age)
        self.age_versions += int(age.sum())
        self.ages += np.bincount(np.searchsorted(AGE_BIN_STARTS, age, side="right"), minlength=NUM_AGE_BINS)

    def report(self, block: ProcessBlock, ages: Int64Array) -> None:
        """Writes the counts to the learner's telemetry and to the histogram of the run."""
        block.set(Counter.FRESH_SAMPLES, self.samples)
        block.set(Counter.POLICY_TARGETS, self.policy_targets)
        block.set(Counter.FRESH_POLICY_TARGETS, self.fresh_policy_targets)
        block.set(Counter.FRESH_AGE_VERSIONS, self.age_versions)
        ages[:] = self.ages

    def state(self) -> dict[str, StateTree]:
        """Returns the counts for an exact resume."""
        return {
            "samples": self.samples,
            "policy_targets": self.policy_targets,
            "fresh_policy_targets": self.fresh_policy_targets,
            "age_versions": self.age_versions,
            "ages": self.ages.copy(),
        }

    def load_state(self, state: dict[str, StateTree]) -> None:
        """Restores what `state` returned."""
        self.samples, self.policy_targets = state["samples"], state["policy_targets"]
        self.fresh_policy_targets, self.age_versions = state["fresh_policy_targets"], state["age_versions"]
        self.ages[:] = state["ages"]
