import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from engine import weights as weights_module
from engine.atomics import store
from engine.errors import PeerDied
from engine.layout import WORDS_PER_LINE, WeightsWord, weights_layout
from engine.shared_memory import Segment
from engine.weights import WeightStore
from tests.engine.ring_examples import PROJECT

NUM_FLOATS = 20_000


def constant(value: float) -> np.ndarray:
    return np.full(NUM_FLOATS, value, dtype=np.float32)


@pytest.fixture
def store_of_weights():
    return WeightStore(Segment.private(weights_layout(NUM_FLOATS)))


def test_nothing_is_read_before_the_first_version(store_of_weights):
    out = constant(9.0)
    assert store_of_weights.read(out) == 0
    assert (out == 9.0).all()


def test_the_newest_version_is_read(store_of_weights):
    out = constant(0.0)
    for version in (1, 2, 3):
        store_of_weights.publish(constant(version * 10.0), version)
    assert store_of_weights.version == 3
    assert store_of_weights.read(out) == 3
    assert (out == 30.0).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_never_published(store_of_weights, bad):
    store_of_weights.publish(constant(1.0), 1)
    values = constant(2.0)
    values[-1] = bad
    with pytest.raises(ValueError, match="1 values that are not finite"):
        store_of_weights.publish(values, 2)
    assert store_of_weights.version == 1


@pytest.mark.parametrize("version", [-1, 0, 3, 5, 7])
def test_a_version_that_would_overwrite_or_precede_the_current_one_is_refused(store_of_weights, version):
    store_of_weights.publish(constant(1.0), 5)
    with pytest.raises(ValueError, match="publish version 6"):
        store_of_weights.publish(constant(2.0), version)


@pytest.mark.parametrize("values", [np.zeros(3, np.float32), np.zeros(NUM_FLOATS, np.float64)])
def test_weights_of_another_shape_or_dtype_are_refused(store_of_weights, values):
    with pytest.raises(ValueError, match="publish float32"):
        store_of_weights.publish(values, 1)


def test_a_publish_that_dies_in_the_middle_leaves_the_current_version(store_of_weights, monkeypatch):
    store_of_weights.publish(constant(1.0), 1)
    stores = []

    def store_and_die_at_the_third(header, word, value):
        stores.append(word)
        if len(stores) == 3:
            raise KeyboardInterrupt
        store(header, word, value)

    monkeypatch.setattr(weights_module, "store", store_and_die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        store_of_weights.publish(constant(2.0), 2)
    out = constant(0.0)
    assert store_of_weights.read(out) == 1
    assert (out == 1.0).all()


def test_a_version_that_stays_torn_is_an_error_not_a_hang(monkeypatch):
    segment = Segment.private(weights_layout(NUM_FLOATS))
    store_of_weights = WeightStore(segment)
    store_of_weights.publish(constant(1.0), 1)
    store(segment.arrays["header"], WeightsWord.HALF_1_VERSION * WORDS_PER_LINE, -1)
    monkeypatch.setattr(weights_module, "READ_TIMEOUT_SECONDS", 0.05)
    with pytest.raises(PeerDied, match="version 1 could not be read"):
        store_of_weights.read(constant(0.0))


def test_no_torn_weights_are_read_from_a_publisher_that_never_pauses_and_is_killed():
    segment = Segment.create("weights", weights_layout(NUM_FLOATS))
    store_of_weights, out = WeightStore(segment), constant(0.0)
    script = PROJECT / "tests/engine/weights_publisher.py"
    versions = []
    for _ in range(2):
        command = [sys.executable, str(script), str(segment.fd), str(NUM_FLOATS)]
        process = subprocess.Popen(command, pass_fds=[segment.fd], env={**os.environ, "PYTHONPATH": str(PROJECT)})
        last, deadline = store_of_weights.version, time.monotonic() + 60
        while store_of_weights.version < last + 5000 and time.monotonic() < deadline:
            versions.append(store_of_weights.read(out))
            assert (out == versions[-1]).all()
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=10)
        assert store_of_weights.read(out) == store_of_weights.version
        assert (out == store_of_weights.version).all()
    assert versions == sorted(versions)
    assert len(set(versions)) > 20
    segment.close()
