"""The ring between real processes: concurrent, killed and stopped writers, and locks that die with their holder."""

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import PeerDied
from engine.record_locks import RecordLocks, create_lock_file
from engine.ring import Ring
from engine.shared_memory import Segment
from tests.engine.ring_examples import PROJECT, is_whole, make_layout, make_trajectory

WRITER = PROJECT / "tests/engine/ring_writer.py"
STEPS, TRAJECTORIES = 200, 30
ENDLESS = 1_000_000
WAIT_SECONDS = 60.0
HOLD_BYTE = """
import sys, time
from engine.record_locks import RecordLocks
with RecordLocks(int(sys.argv[1])).hold(5, time.monotonic() + 10):
    print("ready", flush=True)
    time.sleep(60)
"""


class SharedRing:
    """A ring for several processes; kills the writers it started when done."""

    def __init__(self) -> None:
        self.segment = Segment.create("ring", make_layout(STEPS, TRAJECTORIES), poison=True)
        self.lock_fd = create_lock_file("test-ring-locks")
        self.processes: list[subprocess.Popen[str]] = []

    def ring(self, writer_index: int = 0) -> Ring:
        return Ring(self.segment, self.lock_fd, writer_index)

    def start(self, *command: str) -> subprocess.Popen[str]:
        """Starts a Python process and waits until it says it is ready."""
        environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
        descriptors = [self.segment.fd, self.lock_fd]
        process = subprocess.Popen(
            [sys.executable, *command],
            pass_fds=descriptors,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    def start_writer(self, actor: int, first_game: int, num_games: int, *options: str) -> subprocess.Popen[str]:
        """Starts a writer that waits for `begin`."""
        numbers = (self.segment.fd, self.lock_fd, STEPS, TRAJECTORIES, actor, first_game, num_games)
        return self.start(str(WRITER), *map(str, numbers), *options)

    def close(self) -> None:
        for process in self.processes:
            process.kill()
            process.communicate(timeout=10)
        self.segment.close()
        os.close(self.lock_fd)


@pytest.fixture
def shared() -> Iterator[SharedRing]:
    with contextlib.closing(SharedRing()) as shared:
        yield shared


def begin(*writers: subprocess.Popen[str]) -> None:
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write("\n")
        writer.stdin.flush()


def wait_until(is_true) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def check_all_readable(ring: Ring) -> set[tuple[int, int]]:
    """Asserts that every trajectory that can be read is whole; returns their (actor, game)."""
    copies = [ring.read(sequence) for sequence in range(ring.oldest_sequence, ring.claimed_trajectories)]
    whole = [trajectory for trajectory in copies if trajectory is not None]
    assert all(is_whole(trajectory) for trajectory in whole)
    return {(trajectory.actor_index, trajectory.game_index) for trajectory in whole}


def is_stopped(process: subprocess.Popen[str]) -> bool:
    return Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"


def test_concurrent_writers_never_mix_and_lose_nothing(shared):
    ring, num_games = shared.ring(), 4000
    writers = [shared.start_writer(actor, 0, num_games) for actor in range(3)]
    seen: set[tuple[int, int]] = set()
    begin(*writers)
    while any(writer.poll() is None for writer in writers):
        seen |= check_all_readable(ring)
    assert [writer.returncode for writer in writers] == [0, 0, 0]
    assert len(seen) > 2 * TRAJECTORIES
    assert ring.claimed_trajectories == 3 * num_games
    assert ring.published_rows == 3 * sum(1 + game % 9 for game in range(num_games))


def test_writers_killed_at_random_instants_leave_a_ring_that_others_use(shared):
    ring, instants = shared.ring(), random.Random(7)
    survivor = shared.start_writer(1, 0, ENDLESS)
    begin(survivor)
    for life in range(20):
        victim = shared.start_writer(2, life * 1000, ENDLESS)
        begin(victim)
        time.sleep(instants.uniform(0.001, 0.02))
        victim.send_signal(signal.SIGKILL)
        victim.communicate(timeout=10)
        claimed = ring.claimed_trajectories
        wait_until(lambda claimed=claimed: ring.claimed_trajectories > claimed + 2 * TRAJECTORIES)
        check_all_readable(ring)
    assert survivor.poll() is None
    survivor.kill()
    survivor.wait(timeout=10)
    sequence = shared.ring(0).append(make_trajectory(0, 5))
    assert is_whole(ring.read(sequence))


def test_a_stopped_writer_is_waited_for_and_never_writes_over_newer_trajectories(shared):
    stopped = shared.start_writer(1, 8, 1, "stop")
    begin(stopped)
    wait_until(lambda: is_stopped(stopped))
    ring = shared.ring(0)
    with pytest.raises(PeerDied, match="actor 1 is alive but has not finished trajectory 0"):
        for game in range(2 * TRAJECTORIES):
            ring.append(make_trajectory(0, game, 9), deadline_seconds=0.2)
    assert ring.oldest_sequence == 0
    assert (1, 8) not in check_all_readable(ring)
    stopped.send_signal(signal.SIGCONT)
    assert stopped.wait(timeout=WAIT_SECONDS) == 0
    assert (1, 8) in check_all_readable(ring)
    for game in range(2 * TRAJECTORIES):
        ring.append(make_trajectory(0, game, 9), deadline_seconds=5.0)
    assert (1, 8) not in check_all_readable(ring)


def test_what_a_killed_writer_left_is_passed_by_others_and_by_its_successor(shared):
    for writer_index in (0, 1):
        killed = shared.start_writer(1, 8, 1, "stop")
        begin(killed)
        wait_until(lambda killed=killed: is_stopped(killed))
        killed.kill()
        killed.wait(timeout=10)
        ring = shared.ring(writer_index)
        for game in range(2 * TRAJECTORIES):
            ring.append(make_trajectory(writer_index, game, 9), deadline_seconds=1.0)
        assert (1, 8) not in check_all_readable(ring)
        assert len(check_all_readable(ring)) > 1


def test_a_waiting_writer_lets_go_of_what_it_can_so_that_two_never_wait_for_one_another(shared):
    stopped = [shared.start_writer(actor, 8, 1, "stop") for actor in (1, 2)]
    for writer in stopped:
        begin(writer)
        wait_until(lambda writer=writer: is_stopped(writer))
    stopped[0].kill()
    stopped[0].wait(timeout=10)
    successor = shared.ring(1)  # of the killed one, whose entry comes first; the other is alive
    with pytest.raises(PeerDied, match="actor 2 is alive"):
        successor.append(make_trajectory(1, 9, STEPS), deadline_seconds=0.1)
    assert successor.oldest_sequence == 1


def test_a_lock_dies_with_its_holder_and_nobody_else_gets_it_before(shared):
    locks = RecordLocks(shared.lock_fd)
    holder = shared.start("-c", HOLD_BYTE, str(shared.lock_fd))
    assert not locks.is_free(5)
    assert locks.is_free(4)
    with pytest.raises(PeerDied, match="held lock 5"), locks.hold(5, time.monotonic() + 0.05):
        pass
    holder.kill()
    holder.wait(timeout=10)
    assert locks.is_free(5)
    with locks.hold(5, time.monotonic() + 0.05):
        pass


def test_a_ring_leaves_nothing_in_dev_shm(shared):
    assert not [name for name in os.listdir("/dev/shm") if "muzero" in name]
