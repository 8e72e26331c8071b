"""What a network says of stored positions beside what was stored: one number per position and unroll depth. No averages.

Legend: N positions, K unroll steps, A actions, P stored policy entries. Depth k is the state after k unrolled actions; 0 is the root.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import torch
from torch import Tensor

from muzero.losses import UnrollableNetwork, policy_cross_entropy
from muzero.networks.heads import Prediction
from muzero.train_batch import TrainBatch, to_device
from muzero.types import Batch, BoolArray, Float32Array, FrameArray, Int8Array, Int32Array

SMALLEST_NORM = 1e-6
"""A hidden state of zeros would divide by zero."""


@dataclass(frozen=True)
class StoredPositions:
    """N stored positions with the K that followed each of them.

    Attributes:
        batch: the positions as training sees them, with targets and masks.
        frames: [N, K+1, num_frames, *frame_shape], the observation after k actions; anything where none is stored.
        to_play: int8 [N, K+1], the player to move there.
        action: int32 [N, K+1], the action played there, negative where none was.
        is_stored: bool [N, K+1], whether that position is stored; past an end it is not.
        outcome: float32 [N], the discounted return from the first position to the end of its trajectory, in game points, seen by
            the player to move.
    """

    batch: Batch
    frames: FrameArray
    to_play: Int8Array
    action: Int32Array
    is_stored: BoolArray
    outcome: Float32Array


@dataclass(frozen=True)
class PositionNumbers:
    """Everything that is measured of N positions, float32 [N, K+1] unless said otherwise; NaN where there is nothing to measure.

    Attributes:
        root_value: [N], the network's value of the first position, in game points.
        outcome: [N], see StoredPositions.
        value_target, reward_target: what training aims at; rewards belong to the action before, so that depth 0 has none.
        value_error, reward_error: absolute, in game points, at stored positions and played actions.
        absorbing_value_error, absorbing_reward_error: the same past the end of an episode.
        network_entropy, search_entropy: of the predicted policy over all actions and of the stored one, in nats.
        policy_kl: KL(search || network), in nats.
        played_rank, best_rank: rank of the played and of the search's favourite action in the predicted policy, 1 first; equal
            logits share their mean rank.
        hidden_distance, hidden_cosine: between the unrolled hidden state and the representation of the real observation, relative
            to the length of the latter.
        unrelated_distance, unrelated_cosine: the same between representations of two positions that have nothing to do with each other.
    """

    root_value: Float32Array
    outcome: Float32Array
    value_target: Float32Array
    value_error: Float32Array
    absorbing_value_error: Float32Array
    reward_target: Float32Array
    reward_error: Float32Array
    absorbing_reward_error: Float32Array
    network_entropy: Float32Array
    search_entropy: Float32Array
    policy_kl: Float32Array
    played_rank: Float32Array
    best_rank: Float32Array
    hidden_distance: Float32Array
    hidden_cosine: Float32Array
    unrelated_distance: Float32Array
    unrelated_cosine: Float32Array

    @classmethod
    def concatenate(cls, parts: Sequence[Self]) -> Self:
        """Returns the numbers of all positions of several parts."""
        return cls(**{field.name: np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(cls)})


@torch.inference_mode()
def measure(network: UnrollableNetwork, positions: StoredPositions, device: torch.device) -> PositionNumbers:
    """Returns what the network, in evaluation mode, says of N positions, unrolled along the actions that were played.

    Args:
        network: lies on the device.
        positions: N of them.
        device: where the network computes.
    """
    batch = to_device(positions.batch, device)
    hidden_states = _unroll(network, batch)
    states = network.predict(torch.cat(hidden_states))
    prediction = Prediction(*(logits.float().view(len(hidden_states), len(batch.to_play), -1) for logits in states))
    value = network.value_codec.decode(prediction.value_logits).T.cpu().numpy()
    reward = network.reward_codec.decode(prediction.reward_logits).T.cpu().numpy()
    return PositionNumbers(
        root_value=value[:, 0],
        outcome=positions.outcome,
        **_value_numbers(value, positions),
        **_reward_numbers(reward, positions),
        **_policy_numbers(prediction.policy_logits, batch, positions),
        **_hidden_numbers(network, hidden_states, positions, device),
    )


def _unroll(network: UnrollableNetwork, batch: TrainBatch) -> list[Tensor]:
    """Returns the hidden states of depth 0 to K."""
    hidden_states = [network.represent(batch.frames, batch.to_play)]
    for step in range(batch.action.shape[1]):
        hidden_states.append(network.dynamics(hidden_states[-1], batch.action[:, step]))
    return hidden_states


def _value_numbers(value: Float32Array, positions: StoredPositions) -> dict[str, Float32Array]:
    target, is_stored = positions.batch.target_value, positions.is_stored
    is_absorbing = ~is_stored & (positions.batch.value_mask > 0.0)
    return {
        "value_target": _where(is_stored, target),
        "value_error": _where(is_stored, np.abs(value - target)),
        "absorbing_value_error": _where(is_absorbing, np.abs(value)),
    }


def _reward_numbers(reward: Float32Array, positions: StoredPositions) -> dict[str, Float32Array]:
    """Compares rewards one depth later than the actions that earned them."""
    batch = positions.batch
    target = np.pad(batch.target_reward, ((0, 0), (1, 0)))
    is_trained = np.pad(batch.reward_mask > 0.0, ((0, 0), (1, 0)))
    is_played = np.pad(positions.action[:, :-1] >= 0, ((0, 0), (1, 0))) & is_trained
    return {
        "reward_target": _where(is_played, target),
        "reward_error": _where(is_played, np.abs(reward - target)),
        "absorbing_reward_error": _where(is_trained & ~is_played, np.abs(reward)),
    }


def _policy_numbers(policy_logits: Tensor, batch: TrainBatch, positions: StoredPositions) -> dict[str, Float32Array]:
    log_probability = torch.log_softmax(policy_logits, dim=-1)
    entropy = torch.special.entr(log_probability.exp()).sum(-1)
    search_entropy = torch.special.entr(batch.policy_weight).sum(-1).T
    kl = policy_cross_entropy(policy_logits, batch) - search_entropy
    best = batch.policy_action.gather(2, batch.policy_weight.argmax(-1, keepdim=True)).squeeze(-1)
    played = torch.from_numpy(positions.action).to(policy_logits.device).long()
    is_searched = positions.batch.policy_mask > 0.0
    return {
        "network_entropy": _masked(is_searched, entropy),
        "search_entropy": _masked(is_searched, search_entropy),
        "policy_kl": _masked(is_searched, kl),
        "played_rank": _masked(positions.action >= 0, _rank(policy_logits, played.clamp_min(0).T)),
        "best_rank": _masked(is_searched, _rank(policy_logits, best.T)),
    }


def _rank(policy_logits: Tensor, action: Tensor) -> Tensor:
    """Returns the rank of an action in each policy, float32 [K+1, N], 1 for the likeliest; equal logits share their mean rank.

    Args:
        policy_logits: [K+1, N, A].
        action: int64 [K+1, N].
    """
    chosen = policy_logits.gather(2, action.unsqueeze(-1))
    num_above, num_equal = (policy_logits > chosen).sum(-1), (policy_logits == chosen).sum(-1)
    return num_above + (num_equal + 1) / 2.0


def _hidden_numbers(
    network: UnrollableNetwork, hidden_states: Sequence[Tensor], positions: StoredPositions, device: torch.device
) -> dict[str, Float32Array]:
    names = ("hidden_distance", "hidden_cosine", "unrelated_distance", "unrelated_cosine")
    columns: dict[str, list[Tensor]] = {name: [] for name in names}
    for depth, unrolled in enumerate(hidden_states):
        frames, to_play = (torch.from_numpy(np.ascontiguousarray(array[:, depth])) for array in (positions.frames, positions.to_play))
        real = network.represent(frames.to(device), to_play.to(device)).flatten(1).float()
        numbers = (*_difference(unrolled.flatten(1).float(), real), *_difference(real.roll(1, 0), real))
        for name, column in zip(names, numbers, strict=True):
            columns[name].append(column)
    both_stored = positions.is_stored & np.roll(positions.is_stored, 1, axis=0) & (len(positions.outcome) > 1)
    masks = (positions.is_stored, positions.is_stored, both_stored, both_stored)
    return {name: _masked(mask, torch.stack(columns[name])) for name, mask in zip(names, masks, strict=True)}


def _difference(state: Tensor, real: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the distance between hidden states over the length of the second, and their cosine, float32 [N] each."""
    distance = (state - real).norm(dim=1) / real.norm(dim=1).clamp_min(SMALLEST_NORM)
    return distance, torch.nn.functional.cosine_similarity(state, real, dim=1)


def _masked(mask: BoolArray, numbers: Tensor) -> Float32Array:
    """Returns numbers of steps-first tensors, [K+1, N], as float32 [N, K+1] with NaN where the mask is False."""
    return _where(mask, numbers.T.float().cpu().numpy())


def _where(mask: BoolArray, numbers: Float32Array) -> Float32Array:
    return np.where(mask, numbers, np.float32(np.nan)).astype(np.float32)
