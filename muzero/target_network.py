"""The target network: an older copy of the trained one whose values bootstrap n-step targets. Those targets are `targets.py`'s.

Legend: B batch, K unroll steps.
Source: arXiv:1911.08265, appendix H.
"""

import copy
from dataclasses import replace

import torch

from muzero.networks.network import MuZeroNetwork
from muzero.train_batch import TrainBatch


class TargetNetwork:
    """A copy of a network that changes only when it is refreshed.

    It is always used as it would be served, with the running statistics of batch normalisation: the value of a position then does
    not depend on what else is in the batch, and a batch of B*(K+1) late positions leaves no trace in the statistics.

    Attributes:
        network: the copy, without gradients.
    """

    def __init__(self, network: MuZeroNetwork) -> None:
        """Copies the network, on its device."""
        self.network = copy.deepcopy(network).eval().requires_grad_(False)

    def refresh(self, network: MuZeroNetwork) -> None:
        """Takes over the network's weights and statistics."""
        self.network.load_state_dict(network.state_dict())

    @torch.no_grad()
    def bootstrapped(self, batch: TrainBatch) -> TrainBatch:
        """Returns the batch with value targets to which this network's values of the bootstrap positions are added.

        Args:
            batch: with bootstrap_observations and bootstrap_factor.
        """
        observations, factor = batch.bootstrap_observations, batch.bootstrap_factor
        assert observations is not None and factor is not None, "the target network needs batches with bootstrap_frames"
        entry = observations.entry
        if len(entry) == 0:
            return batch
        _, value_logits, _ = self.network.initial(observations.frames, observations.to_play)
        value = self.network.value_codec.decode(value_logits.float())
        added = factor.flatten().index_select(0, entry) * value
        return replace(batch, target_value=batch.target_value.flatten().index_add(0, entry, added).view_as(factor))
