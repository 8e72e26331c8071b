"""A process that appends trajectories to an inherited ring; started by test_ring.py.

Usage: ring_writer.py SEGMENT_FD LOCK_FD STEPS TRAJECTORIES ACTOR FIRST_GAME NUM_GAMES [stop]
It says "ready" and begins when it is sent a line. With `stop` it stops itself (SIGSTOP) in the middle of copying its first trajectory.
"""

import os
import signal
import sys
from typing import Any

from engine.ring import Ring
from engine.shared_memory import Segment
from tests.engine.ring_examples import make_layout, make_trajectory


class StoppingArray:
    """Stands for a step array of the ring; whoever writes to it is stopped first."""

    def __init__(self, array: Any) -> None:
        self._array = array
        self.shape, self.dtype = array.shape, array.dtype

    def __len__(self) -> int:
        return len(self._array)

    def __setitem__(self, rows: slice, values: Any) -> None:
        os.kill(os.getpid(), signal.SIGSTOP)
        self._array[rows] = values


def main() -> None:
    segment_fd, lock_fd, steps, trajectories, actor, first_game, num_games = (int(text) for text in sys.argv[1:8])
    segment = Segment.attach(segment_fd, make_layout(steps, trajectories))
    ring = Ring(segment, lock_fd, actor)
    if sys.argv[8:] == ["stop"]:
        ring.arrays["root_value"] = StoppingArray(ring.arrays["root_value"])
    print("ready", flush=True)
    sys.stdin.readline()
    for game in range(first_game, first_game + num_games):
        ring.append(make_trajectory(actor, game, 1 + game % 9), deadline_seconds=20.0)


main()
