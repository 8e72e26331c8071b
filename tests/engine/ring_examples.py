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


def make_layout(steps: int = 40, trajectories: int = 16, *, is_reanalyzed: bool = False) -> SegmentLayout:
    return ring_layout(
        SPEC, capacity_steps=steps, max_trajectories=trajectories, policy_entries=POLICY_ENTRIES, is_reanalyzed=is_reanalyzed
    )


def make_ring(steps: int = 40, trajectories: int = 16, *, is_reanalyzed: bool = False) -> Ring:
    """Returns a ring in plain memory, without locks."""
    return Ring(Segment.private(make_layout(steps, trajectories, is_reanalyzed=is_reanalyzed)), None)


def make_trajectory(actor: int = 0, game: int = 0, length: int = 5, *, is_terminal: bool = True, is_reanalyzed: bool = False) -> Trajectory:
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
        legal_bits=np.repeat((pattern % 256).astype(np.uint8)[:, None], 2 if is_reanalyzed else 0, axis=1),
        is_terminal=is_terminal,
        actor_index=actor,
        game_index=game,
        first_move=0,
    )


def append(ring: Ring, game: int, length: int = 5, *, is_terminal: bool = True) -> int:
    """Appends a trajectory to a ring that is reanalyzed; returns its sequence."""
    return ring.append(make_trajectory(game=game, length=length, is_terminal=is_terminal, is_reanalyzed=True))


def write_fresh(ring: Ring, sequence: int, offset: int, num_rows: int, version: int) -> bool:
    """Writes fresh targets that name their trajectory and version: actions and value the sequence, weights the version."""
    action = np.full((num_rows, POLICY_ENTRIES), sequence, dtype=np.int32)
    weight = np.full((num_rows, POLICY_ENTRIES), version, dtype=np.float32)
    return ring.write_fresh(sequence, offset, action, weight, np.full(num_rows, sequence, dtype=np.float32), version)


def are_equal(left: Trajectory, right: Trajectory) -> bool:
    return all(np.array_equal(value, getattr(right, name)) for name, value in vars(left).items())


def is_whole(trajectory: Trajectory) -> bool:
    """Returns whether every number is the one that (actor, game) asks for."""
    wanted = make_trajectory(trajectory.actor_index, trajectory.game_index, len(trajectory), is_terminal=trajectory.is_terminal)
    return are_equal(trajectory, wanted)
