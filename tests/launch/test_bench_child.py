"""A process of a benchmark that dies is told in a sentence, not waited for."""

from contextlib import closing

import pytest

from engine.errors import PeerDied
from launch.bench_child import BenchChild
from launch.bench_echo import EchoTask


def test_a_process_that_cannot_start_is_a_sentence() -> None:
    task = EchoTask(address="nowhere", reply_bytes=1, is_bare=False)  # no address of ZeroMQ
    with (
        closing(BenchChild("launch.bench_echo", task)) as child,
        pytest.raises(PeerDied, match="launch.bench_echo gave no answer in 300 s or died"),
    ):
        child.wait_until_ready()
