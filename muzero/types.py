"""The values that the parts of the algorithm hand to one another: game facts, observations, requests, replies, trajectories.

No logic lives here. Axis letters: B trees or games, A actions, K unroll steps, T steps of a trajectory, P stored policy
entries, k priors sent per node. Arrays are numpy arrays unless said otherwise.
"""

from collections.abc import Generator
from dataclasses import dataclass
from math import prod
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

Float32Array: TypeAlias = NDArray[np.float32]
Int32Array: TypeAlias = NDArray[np.int32]
Int64Array: TypeAlias = NDArray[np.int64]
Int8Array: TypeAlias = NDArray[np.int8]
BoolArray: TypeAlias = NDArray[np.bool_]
UInt8Array: TypeAlias = NDArray[np.uint8]
FrameArray: TypeAlias = NDArray[Any]

NO_ACTION = -1
"""The action of a row that was searched but not played: the last row of a trajectory that was cut, used for bootstrapping."""
HISTORY_ONLY = -2
"""The action of a row that repeats a frame of the piece before: the first rows of a later piece of a long episode, kept so that its
observations have their history. They are never drawn."""


@dataclass(frozen=True, kw_only=True)
class GameSpec:
    """What the engine needs to know of a game before it starts.

    Attributes:
        name: the name it was made by.
        num_players: 1, or 2 for a zero-sum game whose players alternate strictly.
        num_actions: A, the size of the action space.
        frame_shape: shape of the compact frame stored per step.
        frame_dtype: numpy dtype name of the frame, "int8", "uint8" or "float32".
        num_frames: how many of the latest frames make one observation.
        encoding: which layer decodes frames on the device, see `muzero/networks/encoder.py`:
            "vector": float32 [D];
            "board": int8 [H, W], 0 empty, 1 first player's stone, 2 second player's;
            "planes": float32 [C, H, W], shown as they are;
            "image": uint8 [C, H, W], divided by 255;
            "image_actions": uint8 [C * H * W + 1], an image and the action that led to it plus 1 (0 at the start);
            "chess": int8 [CHESS_FRAME_SIZE], "shogi": int8 [SHOGI_FRAME_SIZE], see `muzero/games/chess.py` and `shogi.py`.
        board_shape: (H, W) of the planes the encoding makes, () for vectors.
        action_shape: shape [C, H, W] of the planes that show an action to the dynamics, or () for one-hot [A].
        moves_per_point: P, where action P * (W * row + column) + kind is a move at that point of the board, for every point and kind, and
            further actions, such as a pass, follow; 0 where actions have no place on the board. A residual network then says its
            policy point by point.
        value_bounds: lowest and highest possible return, or None when unknown.
        max_moves: longest possible episode, in moves.
    """

    name: str
    num_players: int
    num_actions: int
    frame_shape: tuple[int, ...]
    frame_dtype: str = "float32"
    num_frames: int = 1
    encoding: str = "vector"
    board_shape: tuple[int, ...] = ()
    action_shape: tuple[int, ...] = ()
    moves_per_point: int = 0
    value_bounds: tuple[float, float] | None = None
    max_moves: int

    @property
    def frame_bytes(self) -> int:
        """Bytes of one stored frame."""
        return prod(self.frame_shape) * np.dtype(self.frame_dtype).itemsize

    @property
    def turn_sign(self) -> float:
        """-1 when the next position is seen by the opponent, else 1; multiplies the discount in search and targets."""
        return -1.0 if self.num_players == 2 else 1.0


@dataclass(frozen=True)
class Observation:
    """A batch of observations in their compact form; the planes are made on the device.

    Attributes:
        frames: spec.frame_dtype [B, num_frames, *frame_shape], oldest first, zeros before the start of the episode.
        to_play: int8 [B], the player to move, 0 or 1.
    """

    frames: FrameArray
    to_play: Int8Array


@dataclass(frozen=True)
class InitialRequest:
    """Asks for the root of each of B trees: run h and f, keep the hidden state as node 0 of the tree."""

    observation: Observation


@dataclass(frozen=True)
class RecurrentRequest:
    """Asks for one new node in each of B trees: run g and f on a stored hidden state, keep the result as `new_node`.

    Attributes:
        parent_node: int32 [B], node whose hidden state is continued, in [0, new_node).
        action: int32 [B], action taken from it, in [0, A).
        new_node: index of the new node, the same in all trees because each simulation adds exactly one.
    """

    parent_node: Int32Array
    action: Int32Array
    new_node: int


@dataclass(frozen=True)
class InitialReply:
    """Answers an InitialRequest.

    Attributes:
        value: float32 [B], in game points, seen by the player to move.
        policy_logits: float32 [B, A], unmasked.
        version: version of the weights that answered.
    """

    value: Float32Array
    policy_logits: Float32Array
    version: int


@dataclass(frozen=True)
class RecurrentReply:
    """Answers a RecurrentRequest.

    Attributes:
        reward: float32 [B], in game points, seen by the player who acted.
        value: float32 [B], in game points, seen by the player to move in the new node.
        prior: float32 [B, k], the k = min(A, num_simulations) largest policy probabilities, descending.
        prior_action: int32 [B, k], their actions.
    """

    reward: Float32Array
    value: Float32Array
    prior: Float32Array
    prior_action: Int32Array


Request: TypeAlias = InitialRequest | RecurrentRequest
Reply: TypeAlias = InitialReply | RecurrentReply


class Model(Protocol):
    """The narrow waist: what a search needs of a network, wherever that runs.

    The hidden state is opaque. A model keeps it itself, for a fixed batch of trees, addressed by node number; the search only
    ever names nodes.
    """

    def initial_inference(self, request: InitialRequest) -> InitialReply:
        """Starts B trees at these observations."""

    def recurrent_inference(self, request: RecurrentRequest) -> RecurrentReply:
        """Adds one node to each tree."""


@dataclass(frozen=True)
class SearchResult:
    """What a search of B trees says about their roots.

    Attributes:
        visit_count: int32 [B, A], visits of the root's children; 0 for illegal actions.
        policy: float32 [B, A], the policy target: visit shares (pUCT) or the improved policy (Gumbel); sums to 1.
        root_value: float32 [B], mean of the network's value of the root and of every return backed up to it, in discounted game
            points, seen by the player to move.
        action: int32 [B], the greedy choice: most visited (pUCT) or the winner of sequential halving (Gumbel, with its noise).
        surprise: float32 [B], KL(policy || the network's prior over the legal actions, without noise), in nats, at least 0.
        version: version of the weights that evaluated the roots.
    """

    visit_count: Int32Array
    policy: Float32Array
    root_value: Float32Array
    action: Int32Array
    surprise: Float32Array
    version: int


SearchSteps: TypeAlias = Generator[Request, Any, SearchResult]
"""A search in slices: yields requests, is sent the replies, returns its result. Whoever drives it decides where the network runs."""


class SearchAborted(Exception):
    """Thrown into a SearchSteps generator when the hidden states of its nodes are lost: the search starts again at its root."""


@dataclass
class Trajectory:
    """One episode or a cut piece of one, as self-play hands it to the replay buffer.

    If `is_terminal`, the episode ended by its rules after the last row's action. If not, it was cut: the last row was searched
    but not played (its action is NO_ACTION) and only its root_value is used, to bootstrap.

    Attributes:
        frame: spec.frame_dtype [T, *frame_shape], the compact frame before each action.
        to_play: int8 [T], the player to move.
        action: int32 [T], the action played; HISTORY_ONLY in rows before the first one that may be drawn.
        reward: float32 [T], what that action earned the player who took it.
        root_value: float32 [T], the search's value of the root.
        policy_action: int32 [T, P], actions of the stored policy target, padded with 0 (weight 0).
        policy_weight: float32 [T, P], their probabilities; they sum to 1, or to 0 where the search was too short for a target.
        version: int64 [T], version of the weights that searched.
        surprise: float32 [T], KL(search policy || network policy) at the root in nats, at least 0; 0 where there is no policy target.
        legal_bits: uint8 [T, L], the legal actions as np.packbits packs them, L = ceil(A / 8); L = 0 where nothing is reanalyzed.
        is_terminal: see above.
        actor_index: who played it.
        game_index: which of that actor's games it was.
        first_move: move number of the first row that may be drawn; greater than 0 for a later piece of a long episode.
    """

    frame: FrameArray
    to_play: Int8Array
    action: Int32Array
    reward: Float32Array
    root_value: Float32Array
    policy_action: Int32Array
    policy_weight: Float32Array
    version: Int64Array
    surprise: Float32Array
    legal_bits: UInt8Array
    is_terminal: bool
    actor_index: int
    game_index: int
    first_move: int

    def __len__(self) -> int:
        return len(self.action)


@dataclass
class Batch:
    """A batch of B unrolled samples for one training step, as numpy arrays in memory the caller owns.

    Attributes:
        frames: spec.frame_dtype [B, num_frames, *frame_shape], observation of the first position.
        to_play: int8 [B].
        action: int32 [B, K], actions of the unroll; past the end any legal index.
        target_value: float32 [B, K+1], in game points, seen by the player to move at that step.
        target_reward: float32 [B, K], reward of action i, seen by the player who took it.
        policy_action: int32 [B, K+1, P].
        policy_weight: float32 [B, K+1, P].
        value_mask: float32 [B, K+1], 1 where the value is trained: everywhere, but past the cut of a cut trajectory.
        reward_mask: float32 [B, K], the same for rewards.
        policy_mask: float32 [B, K+1], 1 where a searched policy exists: not in absorbing states.
        sample_weight: float32 [B], importance weight, 1 on average.
        row: int64 [B], absolute row of the first position in the replay buffer, to report priorities back.
        version: int64 [B], version of the weights that first searched the first position, in self-play.
        is_fresh: bool [B], whether the sample's policy targets come from reanalysis.
        policy_version: int64 [B, K+1], version of the weights whose search gave each policy target; of the first position past the end.
        next_frames: spec.frame_dtype [B, K, num_frames, *frame_shape], observations of the positions after each action, zeros past
            the end; None unless the consistency loss is trained.
        next_mask: float32 [B, K], 1 where that position is stored, searched in full or not; None as above.
        next_to_play: int8 [B, K], their players; None as above.
        bootstrap_frames: spec.frame_dtype [B, K+1, num_frames, *frame_shape], observations that the n-step values bootstrap from,
            zeros where they do not; None unless there is a target network.
        bootstrap_to_play: int8 [B, K+1], their players; None as above.
        bootstrap_factor: float32 [B, K+1], what the target network's value there is multiplied by and added to target_value with,
            which then lacks that part; 0 where nothing is bootstrapped; None as above.
    """

    frames: FrameArray
    to_play: Int8Array
    action: Int32Array
    target_value: Float32Array
    target_reward: Float32Array
    policy_action: Int32Array
    policy_weight: Float32Array
    value_mask: Float32Array
    reward_mask: Float32Array
    policy_mask: Float32Array
    sample_weight: Float32Array
    row: Int64Array
    version: Int64Array
    is_fresh: BoolArray
    policy_version: Int64Array
    next_frames: FrameArray | None = None
    next_mask: Float32Array | None = None
    next_to_play: Int8Array | None = None
    bootstrap_frames: FrameArray | None = None
    bootstrap_to_play: Int8Array | None = None
    bootstrap_factor: Float32Array | None = None
