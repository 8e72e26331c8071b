"""Fresh targets between real processes: one appends as fast as it can in a tiny ring while others reanalyze what it overwrites."""

import contextlib
import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator

import numpy as np
import pytest

from engine.atomics import finish_reads
from engine.layout import NO_VERSION
from engine.record_locks import create_lock_file
from engine.ring import Ring
from engine.shared_memory import Segment
from tests.engine.ring_examples import PROJECT, append, make_layout, make_trajectory, write_fresh

STEPS, TRAJECTORIES = 60, 16


class SharedRing:
    """A ring for several processes; kills those it started when done."""

    def __init__(self) -> None:
        self.segment = Segment.create("ring", make_layout(STEPS, TRAJECTORIES, is_reanalyzed=True), poison=True)
        self.lock_fd = create_lock_file("test-fresh-locks")
        self.ring = Ring(self.segment, self.lock_fd)
        self.processes: list[subprocess.Popen[str]] = []

    def start(self, role: str) -> subprocess.Popen[str]:
        """Starts a process and waits until it begins."""
        numbers = (self.segment.fd, self.lock_fd, STEPS, TRAJECTORIES)
        process = subprocess.Popen(
            [sys.executable, str(PROJECT / "tests/engine/fresh_writer.py"), *map(str, numbers), role],
            pass_fds=numbers[:2],
            env={**os.environ, "PYTHONPATH": str(PROJECT)},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

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


def check_fresh_rows(ring: Ring) -> int:
    """Asserts that all fresh targets that can be read are whole and of their own trajectory; returns how many rows have some."""
    num_fresh = 0
    for sequence in range(ring.oldest_sequence, ring.claimed_trajectories):
        entry = ring.entry(sequence)
        if entry is None:
            continue
        rows = ring.rows(entry.start, entry.length)
        before = ring.arrays["fresh_version"][rows].copy()
        finish_reads()
        action, weight = ring.arrays["fresh_policy_action"][rows].copy(), ring.arrays["fresh_policy_weight"][rows].copy()
        value = ring.arrays["fresh_value"][rows].copy()
        finish_reads()
        after = ring.arrays["fresh_version"][rows].copy()
        if not ring.is_valid(sequence):
            continue
        is_whole = (before == after) & (before != NO_VERSION)
        assert (action[is_whole] == sequence).all()
        assert (weight[is_whole] == before[is_whole, None]).all()
        original = make_trajectory(game=sequence, length=entry.length).root_value
        assert np.isin(value, [sequence, *original]).all()
        num_fresh += int(is_whole.sum())
    return num_fresh


def appended_meanwhile(ring: Ring, seconds: float) -> tuple[int, int]:
    """Checks the ring for a while; returns how many trajectories were appended and how many fresh rows were seen."""
    claimed, seen, deadline = ring.claimed_trajectories, 0, time.monotonic() + seconds
    while time.monotonic() < deadline:
        seen += check_fresh_rows(ring)
    return ring.claimed_trajectories - claimed, seen


def test_fresh_targets_never_touch_a_newer_trajectory(shared: SharedRing) -> None:
    writers = [shared.start(role) for role in ("append", "fresh", "fresh")]
    appended, seen = appended_meanwhile(shared.ring, seconds=2.0)
    assert [writer.poll() for writer in writers] == [None] * 3
    assert appended > 10 * TRAJECTORIES and seen > 100
    for writer in writers:
        writer.kill()
        writer.wait(timeout=10)
    check_fresh_rows(shared.ring)


def test_reanalyzers_killed_at_random_instants_leave_a_ring_that_others_use(shared: SharedRing) -> None:
    instants, appender = random.Random(7), shared.start("append")
    for _ in range(4):
        victim = shared.start("fresh")
        time.sleep(instants.uniform(0.01, 0.05))
        victim.kill()
        victim.communicate(timeout=10)
        appended, _ = appended_meanwhile(shared.ring, seconds=0.3)
        assert appended > TRAJECTORIES
    assert appender.poll() is None
    appender.kill()
    appender.wait(timeout=10)
    sequence = append(shared.ring, shared.ring.claimed_trajectories)
    assert write_fresh(shared.ring, sequence, 0, 5, version=1)
    assert check_fresh_rows(shared.ring) >= 5
