"""The kind of network a game gets and the shape of its hidden state, by arithmetic: the plan of a run needs them without torch."""

from math import ceil, prod, sqrt

import msgspec

from muzero.config import NetworkConfig, TrainingConfig, require
from muzero.types import GameSpec

IMAGE_ENCODINGS = ("image", "image_actions")
IMAGE_HALVINGS = 4
"""Halvings of an image unless the configuration says otherwise: 96 x 96 becomes 6 x 6, 84 x 84 too."""
MAX_TILED_ACTIONS = 32
"""Up to so many actions without planes of their own are tiled one-hot; hundreds of such planes would dwarf the hidden state."""
NUM_LEARNED_PLANES = 8
"""Planes of each action where there are more."""
NUM_HEAD_PLANES = 8
"""Planes that all heads share, after a 1x1 convolution."""
MAX_PROJECTION_SIZE = 256
"""Width of the largest projection of a hidden state, for the consistency loss, unless the configuration says otherwise."""
SMALLEST_HALVED_IMAGE = 64
"""Images with a shorter side keep their size unless the configuration says otherwise."""


def uses_planes(config: NetworkConfig, spec: GameSpec) -> bool:
    """Returns whether the network is residual: asked for, or `auto` and the game shows planes.

    Raises:
        UserError: if a residual network is asked for, but the game shows vectors.
    """
    if config.kind == "auto":
        return bool(spec.board_shape)
    is_residual = config.kind == "residual"
    has_what_it_needs = bool(spec.board_shape) or not is_residual
    require(has_what_it_needs, f"network.kind is residual, but game '{spec.name}' has no planes: set network.kind to mlp.")
    return is_residual


def has_point_policy(config: NetworkConfig, spec: GameSpec) -> bool:
    """Returns whether a policy is said point by point: the moves have points, and a residual network keeps all of them."""
    return spec.moves_per_point > 0 and uses_planes(config, spec) and num_downsamplings(config, spec) == 0


def num_placeless_actions(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns the actions that the dense policy head has: all, or those that belong to no point, such as a pass."""
    return spec.num_actions - (spec.moves_per_point * prod(spec.board_shape) if has_point_policy(config, spec) else 0)


def num_downsamplings(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns how often a residual h halves height and width.

    Source: arXiv:1911.08265, appendix F, for the 4 halvings of images.
    """
    if config.num_downsamplings is not None:
        return config.num_downsamplings
    is_large_image = spec.encoding in IMAGE_ENCODINGS and min(spec.board_shape) >= SMALLEST_HALVED_IMAGE
    return IMAGE_HALVINGS if is_large_image else 0


def latent_shape(config: NetworkConfig, spec: GameSpec) -> tuple[int, ...]:
    """Returns the shape of one hidden state: (hidden_size,), or (num_channels, H, W) with the board's sides halved, rounded up.

    Raises:
        UserError: if a residual network is asked for, but the game shows vectors, or planes of actions of another size.
    """
    if not uses_planes(config, spec):
        return (config.hidden_size,)
    height, width = (ceil(side / 2 ** num_downsamplings(config, spec)) for side in spec.board_shape)
    require(
        not spec.action_shape or spec.action_shape[1:] == (height, width),
        f"the hidden state of game '{spec.name}' is {height} x {width}, but its action planes have shape {spec.action_shape}: "
        "set network.num_downsamplings to 0, and give the game action planes as large as its board.",
    )
    return (config.num_channels, height, width)


def projection_size(config: TrainingConfig, latent: tuple[int, ...]) -> int:
    """Returns P, the width of a projection of hidden states of this shape."""
    return config.projection_size or min(MAX_PROJECTION_SIZE, prod(latent))


def consistency_floats(config: TrainingConfig, latent: tuple[int, ...]) -> int:
    """Returns the parameters of the `ConsistencyHead` for hidden states of this shape, 0 where the loss is not trained."""
    if config.consistency_loss_weight == 0.0:
        return 0
    size = projection_size(config, latent)
    bottleneck = max(1, size // 2)
    projector = prod(latent) * size + 2 * size * size + 3 * 2 * size
    return projector + size * bottleneck + 2 * bottleneck + bottleneck * size + size


def resolved(config: NetworkConfig, spec: GameSpec) -> NetworkConfig:
    """Returns the configuration with what is automatic in it decided.

    Raises:
        UserError: as latent_shape, or the support of a categorical head does not hold the values of the game.
    """
    latent_shape(config, spec)
    _require_support(config, spec)
    if not uses_planes(config, spec):
        return msgspec.structs.replace(config, kind="mlp")
    return msgspec.structs.replace(config, kind="residual", num_downsamplings=num_downsamplings(config, spec))


def _require_support(config: NetworkConfig, spec: GameSpec) -> None:
    if config.value_head != "categorical" or spec.value_bounds is None:
        return
    largest = max(abs(bound) for bound in spec.value_bounds)
    on_support = sqrt(largest + 1.0) - 1.0 + 0.001 * largest if config.transform_values else largest
    require(
        on_support <= config.support_size,
        f"network.support_size is {config.support_size}, but values of game '{spec.name}' reach {largest:g}: "
        f"set network.support_size to at least {ceil(on_support)}.",
    )
