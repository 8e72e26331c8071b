"""Numbers that torch keeps for the backward pass: by arithmetic against what it really saves, on small networks."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine.activations import PLANES_PER_FRAME, training_numbers
from muzero.config import NetworkConfig
from muzero.losses import unroll
from muzero.networks import chess_encoder, shogi_encoder
from muzero.networks.network import build_network
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


def saved_numbers(config: NetworkConfig, spec: GameSpec) -> float:
    """Float32 numbers per sample that the unrolled network saves, each piece of memory counted once."""
    planes = np.zeros((spec.num_actions, *(spec.action_shape or (spec.num_actions,))), np.float32)
    network = build_network(spec, planes, config, seed=0).train()
    own = {tensor.untyped_storage().data_ptr() for tensor in (*network.parameters(), *network.buffers())}
    saved: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        if tensor.is_floating_point() and tensor.untyped_storage().data_ptr() not in own:
            saved[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    frames = torch.zeros((BATCH, spec.num_frames, *spec.frame_shape), dtype=getattr(torch, spec.frame_dtype))
    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        prediction = unroll(network, frames, torch.zeros(BATCH, dtype=torch.int8), torch.zeros((BATCH, UNROLL_STEPS), dtype=torch.int64))
        torch.log_softmax(prediction.policy_logits, dim=-1).square().sum()
    return sum(tensor.untyped_storage().nbytes() for tensor in saved.values()) / 4 / BATCH


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


def test_numbers_of_planes_are_those_of_the_networks() -> None:
    assert PLANES_PER_FRAME["chess"] == chess_encoder.PLANES_PER_FRAME
    assert PLANES_PER_FRAME["shogi"] == shogi_encoder.PLANES_PER_FRAME
