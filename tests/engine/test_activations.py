"""Numbers that torch keeps for the backward pass: by arithmetic against what it really saves, on small networks."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from engine.activations import PLANES_PER_FRAME, consistency_numbers, root_numbers, sample_numbers, training_numbers
from muzero.config import NetworkConfig, TrainingConfig
from muzero.losses import unroll
from muzero.networks import chess_encoder, shogi_encoder
from muzero.networks.consistency_head import make_consistency_head
from muzero.networks.network import build_network
from muzero.networks.shape import latent_shape, projection_size
from muzero.types import GameSpec

BATCH, UNROLL_STEPS = 4, 5
BOARD = GameSpec(
    name="board",
    num_players=2,
    num_actions=82,
    frame_shape=(9, 9),
    frame_dtype="int8",
    num_frames=8,
    encoding="board",
    board_shape=(9, 9),
    action_shape=(1, 9, 9),
    max_moves=162,
)
IMAGE = GameSpec(
    name="image",
    num_players=1,
    num_actions=6,
    frame_shape=(3, 65, 70),
    frame_dtype="uint8",
    num_frames=4,
    encoding="image",
    board_shape=(65, 70),
    max_moves=100,
)


class SavedTensors:
    """Collects the tensors that torch saves for the backward pass, each piece of memory once, but not a module's own."""

    def __init__(self, module: nn.Module) -> None:
        self._own = {tensor.untyped_storage().data_ptr() for tensor in (*module.parameters(), *module.buffers())}
        self._saved: dict[int, Tensor] = {}

    def pack(self, tensor: Tensor) -> Tensor:
        """Notes a tensor and gives it back."""
        if tensor.is_floating_point() and tensor.untyped_storage().data_ptr() not in self._own:
            self._saved[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    def numbers(self) -> float:
        """Returns how many float32 numbers they are."""
        return sum(tensor.untyped_storage().nbytes() for tensor in self._saved.values()) / 4


def saved_numbers(config: NetworkConfig, spec: GameSpec) -> float:
    """Float32 numbers per sample that the unrolled network saves, each piece of memory counted once."""
    planes = np.zeros((spec.num_actions, *(spec.action_shape or (spec.num_actions,))), np.float32)
    network = build_network(spec, planes, config, seed=0).train()
    saved = SavedTensors(network)
    frames = torch.zeros((BATCH, spec.num_frames, *spec.frame_shape), dtype=getattr(torch, spec.frame_dtype))
    with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor):
        prediction = unroll(network, frames, torch.zeros(BATCH, dtype=torch.int8), torch.zeros((BATCH, UNROLL_STEPS), dtype=torch.int64))
        torch.log_softmax(prediction.policy_logits, dim=-1).square().sum()
    return saved.numbers() / BATCH


@pytest.mark.parametrize(
    ("spec", "settings"),
    [
        (BOARD, {"kind": "residual", "num_blocks": 3, "num_channels": 24}),
        (BOARD, {"kind": "mlp", "hidden_size": 64}),
        *((IMAGE, {"kind": "residual", "num_downsamplings": halvings, "num_blocks": 2, "num_channels": 8}) for halvings in range(6)),
    ],
)
def test_estimate_is_within_a_tenth_of_what_torch_saves(spec: GameSpec, settings: dict[str, Any]) -> None:
    config = NetworkConfig(**settings)

    assert training_numbers(config, spec, UNROLL_STEPS) == pytest.approx(saved_numbers(config, spec), rel=0.1)


def test_estimate_grows_by_one_application_of_g_per_unrolled_step() -> None:
    config = NetworkConfig(kind="residual", num_blocks=16, num_channels=256, head_size=1)
    state, heads = 256 * 81, 256 * 81 + 2 * 8 * 81 + 3 + 2 * 82

    difference = training_numbers(config, BOARD, 5) - training_numbers(config, BOARD, 4)

    assert difference == (1 + 2 + 4 * 16 + 1) * state + 81 + heads


@pytest.mark.parametrize("config", [NetworkConfig(kind="mlp", hidden_size=64), NetworkConfig(num_channels=24)], ids=["mlp", "residual"])
def test_estimate_of_the_consistency_head_is_within_a_tenth_of_what_torch_saves(config: NetworkConfig) -> None:
    shape = latent_shape(config, BOARD)
    head = make_consistency_head(shape, projection_size(TrainingConfig(), shape), seed=0)
    saved = SavedTensors(head)
    states = torch.randn(64, *shape, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(saved.pack, lambda tensor: tensor):
        head(states, states.detach().clone())
    assert consistency_numbers(config, BOARD, TrainingConfig()) == pytest.approx(saved.numbers() / 64, rel=0.1)


def test_options_add_what_they_keep_and_observe() -> None:
    config, plain = NetworkConfig(num_blocks=1, num_channels=8), TrainingConfig(unroll_steps=3)
    numbers, root = training_numbers(config, BOARD, 3), root_numbers(config, BOARD)
    looking = TrainingConfig(unroll_steps=3, consistency_loss_weight=1.0)
    assert sample_numbers(config, BOARD, plain) == numbers
    assert sample_numbers(config, BOARD, looking) == numbers + 3 * (consistency_numbers(config, BOARD, TrainingConfig()) + root)
    shallow, target = NetworkConfig(kind="mlp", hidden_size=1, head_size=1), TrainingConfig(unroll_steps=3, target_network_steps=9)
    assert sample_numbers(shallow, BOARD, target) == 4 * root_numbers(shallow, BOARD)  # more than so small a network keeps


def test_numbers_of_planes_are_those_of_the_networks() -> None:
    assert PLANES_PER_FRAME["chess"] == chess_encoder.PLANES_PER_FRAME
    assert PLANES_PER_FRAME["shogi"] == shogi_encoder.PLANES_PER_FRAME
