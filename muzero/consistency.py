"""The self-supervised consistency loss over an unrolled batch: pairs unrolled with observed hidden states. How alike two of them are is
`muzero.networks.consistency_head`'s.

Legend: B batch, K unroll steps, n positions with an observation.
Source: EfficientZero, arXiv:2111.00210, section 4.1.
"""

from typing import Protocol

import torch
from torch import Tensor

from muzero.networks.consistency_head import ConsistencyHead
from muzero.train_batch import TrainBatch

MIN_PAIRS = 2
"""Fewer cannot be normalised over the batch."""


class ObservingNetwork(Protocol):
    """What the loss needs of a network."""

    def represent_as_served(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns hidden states of observations, without gradient."""


def consistency_loss(network: ObservingNetwork, head: ConsistencyHead, hidden_states: list[Tensor], batch: TrainBatch) -> Tensor:
    """Returns the mean over the batch of the sum over the K unrolled steps, each weighing 1/K, scalar in [-1, 1].

    Steps past the end or the cut of a trajectory, where nothing was observed, count 0.

    Args:
        network: represents the observations.
        head: compares.
        hidden_states: K+1 times [B, *latent_shape], as the unroll gave them; the first one is not used.
        batch: with next_observations.
    """
    observations = batch.next_observations
    assert observations is not None, "the consistency loss needs batches with next_frames"
    entry, num_steps = observations.entry, len(hidden_states) - 1
    if len(entry) < MIN_PAIRS:
        return batch.sample_weight.new_zeros(())
    unrolled = torch.stack(hidden_states[1:], dim=1).flatten(0, 1).index_select(0, entry)
    loss = head(unrolled, network.represent_as_served(observations.frames, observations.to_play))
    weight = batch.sample_weight.index_select(0, entry // num_steps)
    total: Tensor = (loss * weight).sum() / batch.action.numel()
    return total
