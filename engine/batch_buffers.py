"""Makes the memory of a training batch, to be filled again and again. What its fields mean is said in `muzero/types.py`."""

import numpy as np

from muzero.config import TrainingConfig
from muzero.types import Batch, GameSpec


def make_batch_buffers(spec: GameSpec, training: TrainingConfig, policy_entries: int) -> Batch:
    """Returns a batch of zeros; what only the consistency loss or a target network asks for is there only with them.

    Args:
        spec: the game.
        training: batch size, unroll steps and options.
        policy_entries: P.
    """
    size, unroll = training.batch_size, training.unroll_steps
    observation = (spec.num_frames, *spec.frame_shape)
    batch = Batch(
        frames=np.zeros((size, *observation), dtype=spec.frame_dtype),
        to_play=np.zeros(size, dtype=np.int8),
        action=np.zeros((size, unroll), dtype=np.int32),
        target_value=np.zeros((size, unroll + 1), dtype=np.float32),
        target_reward=np.zeros((size, unroll), dtype=np.float32),
        policy_action=np.zeros((size, unroll + 1, policy_entries), dtype=np.int32),
        policy_weight=np.zeros((size, unroll + 1, policy_entries), dtype=np.float32),
        value_mask=np.zeros((size, unroll + 1), dtype=np.float32),
        reward_mask=np.zeros((size, unroll), dtype=np.float32),
        policy_mask=np.zeros((size, unroll + 1), dtype=np.float32),
        sample_weight=np.zeros(size, dtype=np.float32),
        row=np.zeros(size, dtype=np.int64),
        version=np.zeros(size, dtype=np.int64),
        is_fresh=np.zeros(size, dtype=np.bool_),
        policy_version=np.zeros((size, unroll + 1), dtype=np.int64),
    )
    if training.consistency_loss_weight > 0.0:
        batch.next_frames = np.zeros((size, unroll, *observation), dtype=spec.frame_dtype)
        batch.next_mask = np.zeros((size, unroll), dtype=np.float32)
        batch.next_to_play = np.zeros((size, unroll), dtype=np.int8)
    if training.target_network_steps is not None:
        batch.bootstrap_frames = np.zeros((size, unroll + 1, *observation), dtype=spec.frame_dtype)
        batch.bootstrap_to_play = np.zeros((size, unroll + 1), dtype=np.int8)
        batch.bootstrap_factor = np.zeros((size, unroll + 1), dtype=np.float32)
    return batch
