import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from engine.layout import (
    ALIGNMENT_BYTES,
    WORDS_PER_LINE,
    Control,
    Counter,
    Gauge,
    RingWord,
    SegmentLayout,
    SharedArray,
    WeightsWord,
    max_trajectories_for,
    policy_entries_for,
    telemetry_layout,
    weights_layout,
)
from muzero.config import ReplayConfig
from tests.engine.ring_examples import make_layout

shapes = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3).map(tuple), min_size=1, max_size=6)


@given(shapes, st.sampled_from(["int8", "int32", "float32", "int64"]))
def test_arrays_are_aligned_do_not_overlap_and_fit(shapes, dtype):
    layout = SegmentLayout(tuple(SharedArray(f"a{index}", shape, dtype, "test") for index, shape in enumerate(shapes)))
    offsets, end = layout.offsets(), 0
    for array in layout.arrays:
        assert offsets[array.name] % ALIGNMENT_BYTES == 0
        assert offsets[array.name] >= end
        end = offsets[array.name] + array.size_bytes
    assert end <= layout.size_bytes


def test_every_word_has_a_place_of_its_own_cache_line():
    assert WORDS_PER_LINE * np.dtype(np.int64).itemsize == ALIGNMENT_BYTES
    for layout, words in ((make_layout(), RingWord), (weights_layout(1), WeightsWord), (telemetry_layout(1), Control)):
        assert layout.arrays[0].shape == (len(words) * WORDS_PER_LINE,)


def test_counters_and_gauges_fit_their_blocks():
    shapes = {array.name: array.shape for array in telemetry_layout(3).arrays}
    assert len(Counter) <= shapes["counters"][1]
    assert len(Gauge) <= shapes["gauges"][1]


def test_every_array_names_its_writer():
    for layout in (make_layout(), weights_layout(10), telemetry_layout(2)):
        assert all(array.writer for array in layout.arrays)


def test_size_of_the_ring_by_hand():
    # header 4 lines; 7 index arrays of 16 int64; frame 360 -> 384; to_play 40 -> 64; action, reward and root_value 160 -> 192;
    # policy_action and policy_weight 480 -> 512; version 320; surprise 192
    assert make_layout(40, 16).size_bytes == 256 + 7 * 128 + 384 + 64 + 3 * 192 + 2 * 512 + 320 + 192


def test_index_and_policy_are_sized_for_small_and_large_runs():
    assert max_trajectories_for(ReplayConfig(capacity_steps=1000, min_steps=1)) == 256
    assert max_trajectories_for(ReplayConfig(capacity_steps=200_000)) == 50_000
    assert max_trajectories_for(ReplayConfig(capacity_steps=200_000, capacity_games=300)) == 300
    assert policy_entries_for(9, 64) == 9
    assert policy_entries_for(362, 64) == 64
