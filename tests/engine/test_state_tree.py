"""Nested state comes back from its files as it was."""

from pathlib import Path

import numpy as np

from engine.state_tree import load_tree, save_tree


def test_a_nested_state_survives_its_files(tmp_path: Path) -> None:
    tree = {
        "numbers": [1, 2.5, None, True, "text", 2**70],
        "nested": {"array": np.arange(6, dtype=np.int64).reshape(2, 3), "list": [np.zeros(0, np.float32), {"x": np.float64(0.5)}]},
        "scalar": np.array(3.0, np.float32),
    }
    save_tree(tree, tmp_path / "state")
    loaded = load_tree(tmp_path / "state")
    assert loaded["numbers"] == tree["numbers"]
    np.testing.assert_array_equal(loaded["nested"]["array"], tree["nested"]["array"])
    assert loaded["nested"]["array"].dtype == np.int64
    assert loaded["nested"]["list"][0].shape == (0,)
    assert loaded["nested"]["list"][1]["x"] == 0.5
    assert loaded["scalar"].shape == ()
