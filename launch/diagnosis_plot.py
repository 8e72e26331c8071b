"""The picture of a diagnosis: six panels, drawn without a display. What to read in each is in `docs/diagnosis.md`.

matplotlib is an optional dependency: import this file only where a picture is wanted.
"""

import io
import textwrap
from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

Record = dict[str, Any]
WIDTH_INCHES, PANELS_INCHES, LINE_INCHES = 15.0, 9.8, 0.19
"""Width, height of the panels together, and what each line of the verdict adds to the height below them."""
DOTS_PER_INCH = 80
VERDICT_COLUMNS = 175
"""Letters in a line of the verdict."""
MIN_BIN_POSITIONS = 20
"""Bins of the calibration with fewer are points of their own: where games end in +1 or -1, two standard errors of 20 are 0.4 points, and
a line through them would be a zigzag of luck."""
LEGEND_TOP, LEGEND_COLUMNS = -0.16, 2
"""Legends stand below the label of the axis, where there are no lines."""
MARGIN = 0.05
"""Share of a panel's height between its frame and its lines."""
SPARSE_DOTS = (0, (1, 4))
"""Leaves the line below it to be seen where the two are one."""
BLUE, ORANGE, GREEN, GREY = "#1f77b4", "#d55e00", "#2a9d5c", "#9a9a9a"


def draw(record: Record) -> bytes:
    """Returns the picture of a diagnosis as a PNG file.

    Args:
        record: as `launch.diagnose.diagnose_run` makes it.
    """
    lines = [line for sentence in record["verdict"] for line in textwrap.wrap(f"- {sentence}", VERDICT_COLUMNS, subsequent_indent="  ")]
    below = LINE_INCHES * (len(lines) + 2)
    height = PANELS_INCHES + below
    figure = Figure(figsize=(WIDTH_INCHES, height), dpi=DOTS_PER_INCH)
    panels = figure.subplots(2, 3).flatten()
    for panel, paint in zip(panels, PANELS, strict=True):
        paint(panel, record)
    figure.suptitle(f"{record['environment']} after {record['learner_steps']:,} learner steps, {record['positions']:,} stored positions")
    figure.text(0.02, (below - LINE_INCHES) / height, "\n".join(lines), va="top", fontsize=10)
    figure.tight_layout(rect=(0.0, below / height, 1.0, 1.0))
    content = io.BytesIO()
    figure.savefig(content, format="png")
    return content.getvalue()


def _calibration(axes: Axes, record: Record) -> None:
    """Predicted value against what followed, with the number of positions behind each point."""
    bins = record["calibration"]
    predicted = [part["predicted"] for part in bins]
    ends = [min(predicted), max(predicted)]
    axes.plot(ends, ends, color=GREY, linestyle="--", label="perfect")
    solid = [part for part in bins if part["positions"] >= MIN_BIN_POSITIONS]
    joined, outcome = [part["predicted"] for part in solid], [part["outcome"] for part in solid]
    spread = [2.0 * part["outcome_error"] for part in bins]
    axes.plot(joined, outcome, color=BLUE)
    axes.errorbar(predicted, [part["outcome"] for part in bins], spread, color=BLUE, fmt="o", label="outcome, 2 standard errors")
    axes.plot(joined, [part["target"] for part in solid], color=ORANGE, linestyle=SPARSE_DOTS, zorder=3)
    axes.plot(predicted, [part["target"] for part in bins], color=ORANGE, linestyle="", marker=".", zorder=3, label="n-step target")
    counts = axes.twinx()
    counts.bar(predicted, [part["positions"] for part in bins], width=_bar_width(bins), color=GREY, alpha=0.25)
    counts.set_ylabel("positions (bars)")
    axes.set_zorder(counts.get_zorder() + 1)  # the lines stand before the bars
    axes.patch.set_visible(False)
    _finish(axes, "value calibration", "predicted value (points)", "points")


def _bar_width(bins: Sequence[Record]) -> float:
    return max(float(bins[0]["high"] - bins[0]["low"]), 1e-3) * 0.8


def _errors(axes: Axes, record: Record) -> None:
    """Absolute errors of value and reward, with those of the best constants."""
    _lines(axes, record, {"value_error": (BLUE, "-"), "value_spread": (BLUE, "--")}, "value", "value, best constant")
    _lines(axes, record, {"reward_error": (ORANGE, "-"), "reward_spread": (ORANGE, "--")}, "reward", "reward, best constant")
    _lines(axes, record, {"absorbing_value_error": (GREEN, ":")}, "value past the end")
    _show_zero(axes)
    _finish(axes, "absolute error", "unroll depth k", "points")


def _policy(axes: Axes, record: Record) -> None:
    """Entropies of network and search and their divergence."""
    _lines(
        axes, record, {"network_entropy": (BLUE, "-"), "search_entropy": (GREEN, "-")}, "entropy of the network", "entropy of the search"
    )
    _lines(axes, record, {"policy_kl": (ORANGE, "-")}, "KL(search || network)")
    _show_zero(axes)
    _finish(axes, "policy", "unroll depth k", "nats")


def _ranks(axes: Axes, record: Record) -> None:
    """How far down the network's policy the search's favourite and the played move are, at the root and at the last depth there is."""
    last = max(depth for depth, shares in enumerate(record["best_ranks"]) if shares)
    series = [("best", 0, BLUE), ("played", 0, ORANGE), ("best", last, GREEN)]
    names = {"best": "search's favourite", "played": "played move"}
    for index, (kind, depth, color) in enumerate(series):
        shares = record[f"{kind}_ranks"][depth]
        places = [rank + (index - 1) * 0.27 for rank in range(1, len(shares) + 1)]
        axes.bar(places, shares, width=0.27, color=color, label=f"{names[kind]}, k = {depth}")
    num_ranks = len(record["best_ranks"][0])
    axes.set_xticks(range(1, num_ranks + 1), [*map(str, range(1, num_ranks)), f"{num_ranks}+"])
    _finish(axes, "rank in the network's policy", "rank (1 = likeliest)", "share of positions")


def _dead_units(axes: Axes, record: Record) -> None:
    """The share of units of each layer that are always 0."""
    layers = record["layers"]
    names = [layer["layer"] for layer in layers]
    axes.barh(names, [layer["dead"] / layer["units"] for layer in layers], color=BLUE)
    if not any(layer["dead"] for layer in layers):
        axes.text(0.5, 0.5, "none dead", ha="center", va="center", transform=axes.transAxes)
    axes.set_xlim(0.0, 1.0)
    axes.invert_yaxis()
    axes.tick_params(axis="y", labelsize=max(4, min(8, 160 // max(1, len(names)))))
    axes.set_title("dead units")
    axes.set_xlabel("share of the layer")


def _drift(axes: Axes, record: Record) -> None:
    """Distance of the unrolled hidden state from the real one, beside that of unrelated positions."""
    _lines(axes, record, {"hidden_distance": (BLUE, "-"), "unrelated_distance": (BLUE, "--")}, "distance", "distance, unrelated")
    _lines(axes, record, {"hidden_cosine": (ORANGE, "-"), "unrelated_cosine": (ORANGE, "--")}, "cosine", "cosine, unrelated")
    _show_zero(axes)
    _finish(axes, "hidden state: unrolled against real", "unroll depth k", "relative distance, cosine")


PANELS: tuple[Callable[[Axes, Record], None], ...] = (_calibration, _errors, _policy, _ranks, _dead_units, _drift)
"""In reading order."""


def _lines(axes: Axes, record: Record, styles: dict[str, tuple[str, str]], *labels: str) -> None:
    """Draws columns of the depths; depths that lack a number are left out."""
    for (name, (color, style)), label in zip(styles.items(), labels, strict=True):
        rows = [row for row in record["depths"] if row[name] is not None]
        axes.plot([row["depth"] for row in rows], [row[name] for row in rows], color=color, linestyle=style, marker=".", label=label)


def _show_zero(axes: Axes) -> None:
    """Makes 0 a part of the panel, with a margin to its frame."""
    low, high = axes.dataLim.intervaly
    low, high = min(0.0, low), max(0.0, high)
    margin = MARGIN * (high - low or 1.0)
    axes.set_ylim(low - margin, high + margin)


def _finish(axes: Axes, title: str, x_label: str, y_label: str) -> None:
    axes.set_title(title)
    axes.set_xlabel(x_label)
    axes.set_ylabel(y_label)
    axes.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, LEGEND_TOP), ncols=LEGEND_COLUMNS, frameon=False)
