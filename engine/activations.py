"""How many numbers per sample a network's layers keep or need at once, by arithmetic alone. Bytes and devices are device_plan.py's.

Legend: s numbers of one hidden state or of the planes between two layers, E planes of an action.
"""

from math import ceil, prod

from muzero.config import NetworkConfig, TrainingConfig
from muzero.networks.shape import (
    MAX_TILED_ACTIONS,
    NUM_HEAD_PLANES,
    NUM_LEARNED_PLANES,
    has_point_policy,
    latent_shape,
    num_downsamplings,
    num_placeless_actions,
    projection_size,
    uses_planes,
)
from muzero.types import GameSpec

TENSORS_PER_BLOCK = 4
"""A residual block keeps for the backward pass: two outputs of convolutions and two of ReLUs."""
TENSORS_PER_CONVOLUTION = 2
"""A normalised convolution and its ReLU keep the output of either."""
TENSORS_PER_LAYER = 2
"""A layer of a perceptron keeps what its normalisation is given and what its ReLU makes."""
LIVE_TENSORS = 4
"""Inference without gradients holds a block's input, its two intermediate results and the hidden state it began with."""
PROJECTIONS_PER_PAIR = 10
"""The consistency head keeps of each pair: seven inputs and results of the projector's layers, two half as wide of the predictor, and what
the cosine is taken of."""
PLANES_PER_FRAME = {"board": 2, "chess": 14, "shogi": 45}
"""Planes that these encodings make of a frame; one constant plane or a few more do not count."""


def sample_numbers(config: NetworkConfig, spec: GameSpec, training: TrainingConfig) -> int:
    """Returns the numbers that one sample of a training step needs at once, with what the options of training add.

    Observations of the consistency loss are represented while the unroll is kept; those of the target network before it begins.
    """
    unroll_steps = training.unroll_steps
    numbers = training_numbers(config, spec, unroll_steps)
    if training.consistency_loss_weight > 0.0:
        numbers += unroll_steps * (consistency_numbers(config, spec, training) + root_numbers(config, spec))
    if training.target_network_steps is None:
        return numbers
    return max(numbers, (unroll_steps + 1) * root_numbers(config, spec))


def consistency_numbers(config: NetworkConfig, spec: GameSpec, training: TrainingConfig) -> int:
    """Returns the numbers that the consistency head keeps of a pair of hidden states."""
    shape = latent_shape(config, spec)
    return prod(shape) + PROJECTIONS_PER_PAIR * projection_size(training, shape)


def training_numbers(config: NetworkConfig, spec: GameSpec, unroll_steps: int) -> int:
    """Returns the numbers that torch keeps for the backward pass of one sample.

    Tests compare this with what torch keeps for residual networks, images and perceptrons.

    Args:
        config: the network.
        spec: the game.
        unroll_steps: K.
    """
    state = prod(latent_shape(config, spec))
    trunk = _trunk_numbers(config, spec)
    representation = _input_numbers(spec) + _entry_numbers(config, spec) + trunk
    dynamics = state + action_numbers(config, spec) + (TENSORS_PER_CONVOLUTION * state if uses_planes(config, spec) else 0) + trunk
    return representation + unroll_steps * dynamics + (unroll_steps + 1) * _head_numbers(config, spec)


def serving_numbers(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns the numbers that one leaf of a recurrent inference needs at once."""
    return LIVE_TENSORS * prod(latent_shape(config, spec)) + 2 * action_numbers(config, spec) + 2 * spec.num_actions


def root_numbers(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns the numbers that one position of an initial inference needs at once: its planes and the first layers' results."""
    widest = max((width * prod(sides) for width, sides, _ in _stages(config, spec)), default=0)
    return 2 * _input_numbers(spec) + LIVE_TENSORS * max(widest, prod(latent_shape(config, spec))) + 2 * spec.num_actions


def action_numbers(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns the numbers of one entry of the action table."""
    if not uses_planes(config, spec):
        return prod(spec.action_shape) if spec.action_shape else spec.num_actions
    if spec.action_shape:
        return prod(spec.action_shape)
    planes = spec.num_actions if spec.num_actions <= MAX_TILED_ACTIONS else NUM_LEARNED_PLANES
    return planes * prod(latent_shape(config, spec)[1:])


def _input_numbers(spec: GameSpec) -> int:
    """Returns the numbers that the encoder makes of an observation."""
    per_frame = PLANES_PER_FRAME[spec.encoding] * prod(spec.board_shape) if spec.encoding in PLANES_PER_FRAME else prod(spec.frame_shape)
    return spec.num_frames * per_frame


def _trunk_numbers(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns what the equal layers of h or g keep, and the scaling of the hidden state behind them."""
    state = prod(latent_shape(config, spec))
    per_layer = TENSORS_PER_BLOCK * config.num_blocks if uses_planes(config, spec) else TENSORS_PER_LAYER * config.num_layers
    return state * (per_layer + 1)


def _entry_numbers(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns what the layers between observation and trunk keep."""
    return sum(tensors * width * prod(sides) for width, sides, tensors in _stages(config, spec))


def _stages(config: NetworkConfig, spec: GameSpec) -> list[tuple[int, tuple[int, ...], int]]:
    """Returns (channels, sides, tensors kept) of each size that planes have between observation and trunk.

    Source: arXiv:1911.08265, appendix F; built by `muzero.networks.residual.halving_layers`.
    """
    if not uses_planes(config, spec):
        return []
    if (halvings := num_downsamplings(config, spec)) == 0:
        return [(config.num_channels, spec.board_shape, TENSORS_PER_CONVOLUTION)]
    sides = [tuple(ceil(side / 2**halving) for side in spec.board_shape) for halving in range(1, halvings + 1)]
    widths = ([max(1, config.num_channels // 2)] if halvings > 1 else []) + halvings * [config.num_channels]
    strided = [TENSORS_PER_CONVOLUTION + TENSORS_PER_BLOCK * blocks for blocks in (2, 3)]
    pooled = [1 + TENSORS_PER_BLOCK * 3] + (halvings - 2) * [1]
    return list(zip(widths, sides, [*strided, *pooled], strict=False))


def _head_numbers(config: NetworkConfig, spec: GameSpec) -> int:
    """Returns what the heads keep of one position: the hidden state, its planes, the hidden layers and two rows of logits."""
    shape = latent_shape(config, spec)
    planes = NUM_HEAD_PLANES * prod(shape[1:]) if uses_planes(config, spec) else 0
    points = prod(shape) if has_point_policy(config, spec) else 0
    hidden = (3 if num_placeless_actions(config, spec) else 2) * config.head_size
    return prod(shape) + TENSORS_PER_CONVOLUTION * (planes + points) + hidden + 2 * spec.num_actions
