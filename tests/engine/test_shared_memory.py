import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from engine import shared_memory
from engine.errors import NotEnoughMemory, RunFailed
from engine.layout import POISON_BYTE, SegmentLayout, SharedArray, weights_layout
from engine.shared_memory import Segment, available_memory_bytes
from tests.engine.ring_examples import make_layout

LAYOUT = SegmentLayout((SharedArray("header", (8,), "int64", "test"), SharedArray("data", (3, 5), "float32", "test")))
WRITE_SEVEN = """
import sys
from engine.shared_memory import Segment
from engine.layout import SegmentLayout, SharedArray
layout = SegmentLayout((SharedArray("header", (8,), "int64", "test"), SharedArray("data", (3, 5), "float32", "test")))
Segment.attach(int(sys.argv[1]), layout).arrays["data"][2, 4] = 7.0
assert "numba" not in sys.modules and "torch" not in sys.modules
"""


def test_a_new_segment_is_zero_and_shaped_as_declared():
    segment = Segment.create("test", LAYOUT)
    assert segment.arrays["data"].shape == (3, 5)
    assert segment.arrays["data"].dtype == np.float32
    assert all(not array.any() for array in segment.arrays.values())
    segment.close()


def test_a_child_process_writes_where_the_parent_reads_and_its_exit_removes_nothing():
    segment = Segment.create("test", LAYOUT)
    for _ in range(2):
        subprocess.run([sys.executable, "-c", WRITE_SEVEN, str(segment.fd)], pass_fds=[segment.fd], check=True, timeout=60)
    assert segment.arrays["data"][2, 4] == 7.0
    segment.close()


def test_a_segment_leaves_nothing_in_dev_shm():
    before = set(os.listdir("/dev/shm"))
    segment = Segment.create("test", LAYOUT)
    assert set(os.listdir("/dev/shm")) <= before
    segment.close()


def test_memory_of_a_segment_is_allocated_at_once():
    segment = Segment.create("test", weights_layout(100_000))
    assert os.fstat(segment.fd).st_blocks * 512 >= segment.size_bytes
    segment.close()


def test_descriptors_do_not_leak_into_children_that_are_not_given_them():
    segment = Segment.create("test", LAYOUT)
    assert not os.get_inheritable(segment.fd)
    segment.close()


def test_attaching_with_another_layout_is_refused():
    segment = Segment.create("test", LAYOUT)
    with pytest.raises(RunFailed, match="another configuration"):
        Segment.attach(segment.fd, weights_layout(1000))
    segment.close()


def test_poison_fills_the_data_but_not_the_bookkeeping():
    segment = Segment.create("ring", make_layout(), poison=True)
    assert (segment.arrays["frame"].view(np.uint8) == POISON_BYTE).all()
    assert (segment.arrays["reward"].view(np.uint8) == POISON_BYTE).all()
    assert not segment.arrays["header"].any()
    assert not segment.arrays["entry_stamp"].any()
    segment.close()


@pytest.mark.parametrize(
    "make", [lambda: Segment.create("ring", LAYOUT, remedy="lower X"), lambda: Segment.private(LAYOUT, remedy="lower X")]
)
def test_a_segment_over_four_fifths_of_the_memory_is_refused_with_bytes_and_remedy(monkeypatch, make):
    monkeypatch.setattr(shared_memory, "available_memory_bytes", lambda: LAYOUT.size_bytes)
    with pytest.raises(NotEnoughMemory, match=f"needs {LAYOUT.size_bytes} bytes.*of {LAYOUT.size_bytes} available.*lower X"):
        make()


def test_a_limited_cgroup_leaves_its_limit_minus_what_cannot_be_reclaimed(tmp_path: Path):
    (tmp_path / "memory.max").write_text("1000\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("anon 500\ninactive_file 200\n")
    headroom = shared_memory._headroom(tmp_path, "memory.max", "memory.current", "inactive_file")
    assert headroom == 500


def test_an_unlimited_cgroup_does_not_limit(tmp_path: Path):
    (tmp_path / "memory.max").write_text("max\n")
    (tmp_path / "memory.current").write_text("700\n")
    (tmp_path / "memory.stat").write_text("inactive_file 200\n")
    headroom = shared_memory._headroom(tmp_path, "memory.max", "memory.current", "inactive_file")
    assert headroom == shared_memory.UNLIMITED_BYTES


def test_available_memory_is_what_the_machine_has_at_most():
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert 0 < available_memory_bytes() <= total


def test_a_closed_segment_has_no_descriptor_but_views_live_on():
    segment = Segment.create("test", LAYOUT)
    data = segment.arrays["data"]
    segment.close()
    data[:] = 3.0
    assert data.sum() == 45.0
    with pytest.raises(ValueError, match="no file descriptor"):
        _ = segment.fd
