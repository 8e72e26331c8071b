"""The head of the self-supervised consistency loss: how like an unrolled hidden state is to an observed one. Only training has it:
it is no part of the network that is published.

Legend: n pairs of hidden states, P size of a projection.
Source: EfficientZero, arXiv:2111.00210, section 4.1; SimSiam, arXiv:2011.10566.
"""

from math import prod

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConsistencyHead(nn.Module):
    """A projector of three layers and a predictor of two, narrower in the middle.

    Both are normalised over the batch and never used outside of training, so they keep no running statistics.
    """

    def __init__(self, latent_shape: tuple[int, ...], size: int) -> None:
        """Makes both.

        Args:
            latent_shape: shape of one hidden state.
            size: P.
        """
        super().__init__()
        first, second = normalized_layer(prod(latent_shape), size), normalized_layer(size, size)
        self.projector = nn.Sequential(*first, nn.ReLU(), *second, nn.ReLU(), *normalized_layer(size, size))
        bottleneck = max(1, size // 2)
        self.predictor = nn.Sequential(*normalized_layer(size, bottleneck), nn.ReLU(), nn.Linear(bottleneck, size))

    def forward(self, unrolled: Tensor, observed: Tensor) -> Tensor:
        """Returns minus the cosine between predicted and observed projections, float32 [n] in [-1, 1].

        The observed side is a target: no gradient goes through it, neither to its hidden states nor to the projector.

        Args:
            unrolled: [n, *latent_shape], n >= 2.
            observed: [n, *latent_shape].
        """
        prediction: Tensor = self.predictor(self.projector(unrolled.flatten(1)))
        with torch.no_grad():
            target: Tensor = self.projector(observed.flatten(1))
        return -functional.cosine_similarity(prediction.float(), target.float(), dim=1)


def normalized_layer(num_inputs: int, num_outputs: int) -> list[nn.Module]:
    """Returns a linear layer without bias and its batch normalisation."""
    return [nn.Linear(num_inputs, num_outputs, bias=False), nn.BatchNorm1d(num_outputs, track_running_stats=False)]


def make_consistency_head(latent_shape: tuple[int, ...], size: int, seed: int) -> ConsistencyHead:
    """Returns a head drawn from `seed`; torch's global generator is left as it was.

    Args:
        latent_shape, size: as of ConsistencyHead.
        seed: in [0, 2**63).
    """
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)
        return ConsistencyHead(latent_shape, size)
