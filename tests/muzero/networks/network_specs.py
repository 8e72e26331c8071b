"""Small games and batches that the network and training tests share. No tests."""

from dataclasses import replace

import numpy as np

from muzero.config import NetworkConfig
from muzero.types import Batch, Float32Array, GameSpec

MLP = NetworkConfig(kind="mlp", hidden_size=32, num_layers=1, head_size=16)
RESIDUAL = NetworkConfig(kind="residual", num_blocks=1, num_channels=8, head_size=16)
SCALAR = NetworkConfig(kind="mlp", hidden_size=32, num_layers=1, head_size=16, value_head="scalar")


def downsampling_config(num_downsamplings: int) -> NetworkConfig:
    """Returns a small residual network that halves its observation so often."""
    return NetworkConfig(kind="residual", num_blocks=1, num_channels=8, head_size=16, num_downsamplings=num_downsamplings)


def board_spec(size: int = 3, num_frames: int = 1) -> GameSpec:
    """Returns a game like tic-tac-toe on size x size cells."""
    return GameSpec(
        name="board",
        num_players=2,
        num_actions=size * size,
        frame_shape=(size, size),
        frame_dtype="int8",
        num_frames=num_frames,
        encoding="board",
        board_shape=(size, size),
        action_shape=(1, size, size),
        value_bounds=(-1.0, 1.0),
        max_moves=size * size,
    )


def vector_spec(num_frames: int = 1, num_players: int = 1) -> GameSpec:
    """Returns a game like CartPole."""
    return GameSpec(
        name="vector",
        num_players=num_players,
        num_actions=2,
        frame_shape=(4,),
        num_frames=num_frames,
        max_moves=500,
    )


def planes_spec(num_actions: int, num_players: int = 2) -> GameSpec:
    """Returns a game like breakthrough on 4 x 5 cells, whose actions are mere numbers."""
    return GameSpec(
        name="planes",
        num_players=num_players,
        num_actions=num_actions,
        frame_shape=(3, 4, 5),
        encoding="planes",
        board_shape=(4, 5),
        value_bounds=(-1.0, 1.0),
        max_moves=50,
    )


def points_spec(num_placeless: int) -> GameSpec:
    """Returns the same with two moves at each point, and further actions that belong to none."""
    return replace(planes_spec(2 * 4 * 5 + num_placeless), moves_per_point=2)


def image_spec(height: int = 21, width: int = 18, num_frames: int = 2, shows_actions: bool = False) -> GameSpec:
    """Returns a game like one of Atari's, in colour."""
    return GameSpec(
        name="image",
        num_players=1,
        num_actions=18,
        frame_shape=(3 * height * width + 1,) if shows_actions else (3, height, width),
        frame_dtype="uint8",
        num_frames=num_frames,
        encoding="image_actions" if shows_actions else "image",
        board_shape=(height, width),
        max_moves=500,
    )


def planes_of(spec: GameSpec) -> Float32Array:
    """Returns one-hot action planes, float32 [A, *action_shape], or the unit matrix."""
    identity = np.eye(spec.num_actions, dtype=np.float32)
    return identity.reshape(spec.num_actions, *spec.action_shape) if spec.action_shape else identity


def random_frames(spec: GameSpec, batch_size: int, rng: np.random.Generator) -> np.ndarray:
    """Returns frames of 0, 1 and 2, or of any byte where they are images."""
    largest = 255 if spec.frame_dtype == "uint8" else 2
    return rng.integers(0, largest + 1, (batch_size, spec.num_frames, *spec.frame_shape)).astype(spec.frame_dtype)


def random_batch(spec: GameSpec, batch_size: int, unroll_steps: int, seed: int) -> Batch:
    """Returns a batch of random observations and targets without any masks."""
    rng = np.random.default_rng(seed)
    steps, entries = unroll_steps, min(3, spec.num_actions)
    order = np.argsort(rng.random((batch_size, steps + 1, spec.num_actions)), axis=-1)
    return Batch(
        frames=random_frames(spec, batch_size, rng),
        to_play=rng.integers(0, spec.num_players, batch_size).astype(np.int8),
        action=rng.integers(0, spec.num_actions, (batch_size, steps)).astype(np.int32),
        target_value=rng.integers(-1, 2, (batch_size, steps + 1)).astype(np.float32),
        target_reward=rng.integers(-1, 2, (batch_size, steps)).astype(np.float32),
        policy_action=order[..., :entries].astype(np.int32),
        policy_weight=np.eye(entries, dtype=np.float32)[rng.integers(0, entries, (batch_size, steps + 1))],
        value_mask=np.ones((batch_size, steps + 1), np.float32),
        reward_mask=np.ones((batch_size, steps), np.float32),
        policy_mask=np.ones((batch_size, steps + 1), np.float32),
        sample_weight=np.ones(batch_size, np.float32),
        row=np.arange(batch_size),
        version=np.zeros(batch_size, np.int64),
        is_fresh=np.zeros(batch_size, np.bool_),
        policy_version=np.zeros((batch_size, steps + 1), np.int64),
    )


def random_full_batch(spec: GameSpec, batch_size: int, unroll_steps: int, seed: int) -> Batch:
    """Returns random_batch with all optional observations; the last two positions of each second sample lie past its end."""
    batch, rng = random_batch(spec, batch_size, unroll_steps, seed), np.random.default_rng(seed + 1000)
    shape = (spec.num_frames, *spec.frame_shape)
    steps, size = unroll_steps, batch_size
    batch.policy_mask[::2, -2:] = 0.0
    return replace(
        batch,
        next_frames=random_frames(spec, size * steps, rng).reshape(size, steps, *shape),
        next_mask=np.array(batch.policy_mask[:, 1:]),
        next_to_play=rng.integers(0, spec.num_players, (size, steps)).astype(np.int8),
        bootstrap_frames=random_frames(spec, size * (steps + 1), rng).reshape(size, steps + 1, *shape),
        bootstrap_to_play=rng.integers(0, spec.num_players, (size, steps + 1)).astype(np.int8),
        bootstrap_factor=rng.choice([0.0, 0.5, -0.25], (size, steps + 1)).astype(np.float32),
    )
