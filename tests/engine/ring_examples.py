"""Rings and trajectories that the tests of the ring, the replay and the archive share. No assertions of the tests themselves.

Every number of a trajectory follows from (actor, game, row), so that a reader can tell a mixed or torn one.
"""

from pathlib import Path

import numpy as np

from engine.layout import SegmentLayout, ring_layout
from engine.ring import Ring
from engine.shared_memory import Segment
from muzero.types import NO_ACTION, GameSpec, Trajectory

PROJECT = Path(__file__).parents[2]
POLICY_ENTRIES = 3
SPEC = GameSpec(
    name="example",
    num_players=2,
    num_actions=9,
    frame_shape=(3, 3),
    frame_dtype="int8",
    num_frames=2,
    encoding="board",
    action_shape=(1, 3, 3),
    value_bounds=(-1.0, 1.0),
    max_moves=9,
)


def make_layout(steps: int = 40, trajectories: int = 16) -> SegmentLayout:
    return ring_layout(SPEC, capacity_steps=steps, max_trajectories=trajectories, policy_entries=POLICY_ENTRIES)


def make_ring(steps: int = 40, trajectories: int = 16) -> Ring:
    """Returns a ring in plain memory, without locks."""
    return Ring(Segment.private(make_layout(steps, trajectories)), None)


def make_trajectory(actor: int = 0, game: int = 0, length: int = 5, *, is_terminal: bool = True) -> Trajectory:
    pattern = (actor * 1_000_003 + game * 101 + np.arange(length)) % 2**20
    action = (pattern % 9).astype(np.int32)
    if not is_terminal:
        action[-1] = NO_ACTION
    weight = np.zeros((length, POLICY_ENTRIES), dtype=np.float32)
    weight[:, 0] = 1.0
    return Trajectory(
        frame=np.broadcast_to((pattern % 100)[:, None, None], (length, 3, 3)).astype(np.int8),
        to_play=(np.arange(length) % 2).astype(np.int8),
        action=action,
        reward=pattern.astype(np.float32),
        root_value=-pattern.astype(np.float32),
        policy_action=np.repeat(pattern[:, None], POLICY_ENTRIES, axis=1).astype(np.int32),
        policy_weight=weight,
        version=pattern.astype(np.int64),
        surprise=pattern.astype(np.float32),
        legal_bits=np.zeros((length, 0), np.uint8),
        is_terminal=is_terminal,
        actor_index=actor,
        game_index=game,
        first_move=0,
    )


def are_equal(left: Trajectory, right: Trajectory) -> bool:
    return all(np.array_equal(value, getattr(right, name)) for name, value in vars(left).items())


def is_whole(trajectory: Trajectory) -> bool:
    """Returns whether every number is the one that (actor, game) asks for."""
    wanted = make_trajectory(trajectory.actor_index, trajectory.game_index, len(trajectory), is_terminal=trajectory.is_terminal)
    return are_equal(trajectory, wanted)
