"""A process that writes to an inherited ring that is reanalyzed; started by test_fresh_processes.py.

Usage: fresh_writer.py SEGMENT_FD LOCK_FD STEPS TRAJECTORIES append|fresh
It says "ready" and goes on until it is killed: `append` appends trajectories whose game is their sequence, `fresh` writes fresh
targets to the trajectories that are overwritten next. Both never wait.
"""

import itertools
import sys

from engine.ring import Ring
from engine.shared_memory import Segment
from tests.engine.ring_examples import append, make_layout, write_fresh


def append_for_ever(ring: Ring) -> None:
    for game in itertools.count(ring.claimed_trajectories):
        append(ring, game, 1 + game % 9)


def reanalyze_for_ever(ring: Ring) -> None:
    for version in itertools.count():
        oldest = ring.oldest_sequence
        for sequence in range(oldest, min(oldest + 3, ring.claimed_trajectories)):
            write_fresh(ring, sequence, 0, 1 + sequence % 9, version)


def main() -> None:
    segment_fd, lock_fd, steps, trajectories = (int(text) for text in sys.argv[1:5])
    ring = Ring(Segment.attach(segment_fd, make_layout(steps, trajectories, is_reanalyzed=True)), lock_fd)

    print("ready", flush=True)
    {"append": append_for_ever, "fresh": reanalyze_for_ever}[sys.argv[5]](ring)


main()
