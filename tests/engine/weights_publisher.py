"""A process that publishes version after version until it is killed; started by test_weights.py. Usage: SEGMENT_FD NUM_FLOATS."""

import sys

import numpy as np

from engine.layout import weights_layout
from engine.shared_memory import Segment
from engine.weights import WeightStore

fd, num_floats = int(sys.argv[1]), int(sys.argv[2])
weights = WeightStore(Segment.attach(fd, weights_layout(num_floats)))
version = weights.version
while True:
    version += 1
    weights.publish(np.full(num_floats, version, dtype=np.float32), version)
