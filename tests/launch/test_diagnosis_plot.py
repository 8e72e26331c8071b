"""What the panels of a diagnosis draw of numbers that are easily misread. Whether a picture comes out is in `test_diagnose.py`."""

from typing import Any

import pytest

pytest.importorskip("matplotlib")

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from launch.diagnosis_plot import MIN_BIN_POSITIONS, PANELS


def panel(index: int, record: dict[str, Any]) -> Axes:
    """Returns one panel, drawn."""
    axes: Axes = Figure().subplots()
    PANELS[index](axes, record)
    return axes


def test_bins_of_few_positions_are_points_that_no_line_joins() -> None:
    amounts = [MIN_BIN_POSITIONS, MIN_BIN_POSITIONS - 1, MIN_BIN_POSITIONS]
    bins = [
        {"low": x, "high": x + 1, "positions": amount, "predicted": x, "target": x, "outcome": x, "outcome_error": 0.1}
        for x, amount in enumerate(amounts)
    ]
    lines = panel(0, {"calibration": bins}).lines
    joined = [list(line.get_xdata()) for line in lines if line.get_linestyle() != "None" and line.get_label() != "perfect"]
    points = [list(line.get_xdata()) for line in lines if line.get_linestyle() == "None" and line.get_marker() in ("o", ".")]
    assert joined == [[0, 2], [0, 2]]
    assert points == [[0, 1, 2], [0, 1, 2]]


def test_lines_at_zero_and_below_keep_off_the_frame() -> None:
    depths = [
        {"depth": k, "hidden_distance": 0.0, "unrelated_distance": 1.0, "hidden_cosine": 1.0, "unrelated_cosine": -0.2} for k in (0, 1)
    ]
    low, high = panel(5, {"depths": depths}).get_ylim()
    assert low < -0.2 and high > 1.0


@pytest.mark.parametrize(("dead", "texts"), [(0, ["none dead"]), (3, [])])
def test_an_empty_panel_of_dead_units_says_so(dead: int, texts: list[str]) -> None:
    axes = panel(4, {"layers": [{"layer": "heads.hidden", "units": 10, "dead": dead}]})
    assert [text.get_text() for text in axes.texts] == texts
