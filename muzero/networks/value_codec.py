"""How a head's outputs mean a number: as a distribution over bins or as one scalar, and the loss of each. No layers.

Legend: S outputs of the head.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from muzero.config import NetworkConfig
from muzero.value_transform import from_support, inverse_transform, support, transform, two_hot


class ValueCodec(nn.Module):
    """Decodes the outputs of a value or reward head into game points and measures their loss.

    Categorical: S = 2 * support_size + 1 logits over integer bins. Scalar: one output, squashed into the bounds where the
    game has them. Both live on the scale of h(x) if `transform_values`, but bounded scalars never do.
    """

    bins: Tensor

    def __init__(self, config: NetworkConfig, bounds: tuple[float, float] | None) -> None:
        """Makes a codec.

        Args:
            config: kind of head, support and transform.
            bounds: lowest and highest value in game points, or None.
        """
        super().__init__()
        self.bounds = bounds
        self.is_categorical = config.value_head == "categorical"
        self.is_squashed = not self.is_categorical and bounds is not None
        self.is_transformed = config.transform_values and not self.is_squashed
        self.num_outputs = 2 * config.support_size + 1 if self.is_categorical else 1
        self.register_buffer("bins", support(config.support_size), persistent=False)

    @property
    def limit(self) -> float | None:
        """The largest number in game points that the bins can say, None without bins or where bounds keep all numbers within them."""
        if not self.is_categorical or self.bounds is not None:
            return None
        return float(inverse_transform(self.bins[-1]) if self.is_transformed else self.bins[-1])

    def decode(self, logits: Tensor) -> Tensor:
        """Returns the number in game points, float32 [...], within the bounds.

        Args:
            logits: [..., S].
        """
        if self.is_squashed:
            return self._squash(logits)
        value = from_support(logits, self.bins) if self.is_categorical else logits.float().squeeze(-1)
        value = inverse_transform(value) if self.is_transformed else value
        return value if self.bounds is None else value.clamp(*self.bounds)

    def loss(self, logits: Tensor, target: Tensor) -> Tensor:
        """Returns the cross-entropy (categorical) or squared error (scalar), float32 [...].

        Args:
            logits: [..., S].
            target: float32 [...], in game points.

        Source: arXiv:1911.08265, appendix F and G.
        """
        if self.is_squashed:
            return (self._squash(logits) - target).square()
        target = transform(target) if self.is_transformed else target
        if not self.is_categorical:
            return (logits.float().squeeze(-1) - target).square()
        return -(two_hot(target, self.bins) * functional.log_softmax(logits.float(), dim=-1)).sum(-1)

    def _squash(self, logits: Tensor) -> Tensor:
        low, high = self.bounds or (0.0, 0.0)
        return (low + high) / 2.0 + (high - low) / 2.0 * torch.tanh(logits.float().squeeze(-1))
