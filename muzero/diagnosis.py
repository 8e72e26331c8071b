"""What is right and wrong with a trained network, in numbers: averages over many stored positions. No network runs here, no drawing.

Legend: N positions, K unroll steps. A number that nothing was there to average for is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from muzero.dead_units import LayerUnits
from muzero.position_numbers import PositionNumbers
from muzero.types import BoolArray, Float32Array

NUM_BINS = 10
"""Bins of the calibration: enough to see a curve, few enough for a hundred positions each of the default 2,000."""
EDGE = 0.95
"""A value this near to the largest that the head can say is at the edge: nearly all of the distribution lies on the last bin."""
NUM_RANKS = 10
"""Ranks that are told apart; the last one stands for itself and all below."""


@dataclass(frozen=True)
class CalibrationBin:
    """Positions that the network values alike.

    Attributes:
        low, high: its predictions lie between them, in game points.
        positions: how many.
        predicted: mean of the network's values.
        target: mean of the n-step targets.
        outcome: mean of what really followed.
        outcome_error: standard error of that mean.
    """

    low: float
    high: float
    positions: int
    predicted: float
    target: float
    outcome: float
    outcome_error: float


@dataclass(frozen=True)
class DepthRow:
    """The averages at one unroll depth.

    Attributes:
        depth: k, unrolled actions.
        positions: stored positions there.
        value_spread, reward_spread: error of always saying the mean of the targets, to compare with the errors.
        played_first, best_first: share of positions where that action has rank 1.
        (all others): mean of the same name in `PositionNumbers`.
    """

    depth: int
    positions: int
    value_error: float | None
    value_spread: float | None
    absorbing_value_error: float | None
    reward_error: float | None
    reward_spread: float | None
    absorbing_reward_error: float | None
    network_entropy: float | None
    search_entropy: float | None
    policy_kl: float | None
    played_rank: float | None
    played_first: float | None
    best_rank: float | None
    best_first: float | None
    hidden_distance: float | None
    hidden_cosine: float | None
    unrelated_distance: float | None
    unrelated_cosine: float | None


MEANS = (
    "value_error",
    "absorbing_value_error",
    "reward_error",
    "absorbing_reward_error",
    "network_entropy",
    "search_entropy",
    "policy_kl",
    "played_rank",
    "best_rank",
    "hidden_distance",
    "hidden_cosine",
    "unrelated_distance",
    "unrelated_cosine",
)
"""Fields of a DepthRow that are plain means of what `PositionNumbers` calls the same."""


@dataclass(frozen=True)
class Diagnosis:
    """Everything that is reported of a network.

    Attributes:
        positions: N.
        num_actions: A.
        calibration: predicted value against outcome, in ascending order, without empty bins.
        calibration_error: mean over the positions of |predicted - outcome| of their bin, in game points.
        edge_share: share of the positions whose value or target is at least EDGE times the largest that the value head can say; 0 where
            nothing limits it.
        value_bias: mean of predicted minus mean of outcome; positive is too optimistic.
        depths: K+1 rows, the root first.
        played_ranks, best_ranks: at each depth the share of positions at rank 1, 2, ..., NUM_RANKS and below; empty without positions.
        layers: dead units, layer by layer.
    """

    positions: int
    num_actions: int
    calibration: list[CalibrationBin]
    calibration_error: float
    value_bias: float
    edge_share: float
    depths: list[DepthRow]
    played_ranks: list[list[float]]
    best_ranks: list[list[float]]
    layers: list[LayerUnits]


def diagnose(numbers: PositionNumbers, layers: Sequence[LayerUnits], num_actions: int, value_limit: float | None) -> Diagnosis:
    """Returns the averages over N positions.

    Args:
        numbers: of N >= 1 positions.
        layers: of the same network.
        num_actions: A.
        value_limit: the largest value that the value head can say, in game points; None where nothing limits it.
    """
    bins = calibration_bins(numbers.root_value, numbers.value_target[:, 0], numbers.outcome)
    total = len(numbers.outcome)
    depths = range(numbers.value_error.shape[1])
    return Diagnosis(
        positions=total,
        num_actions=num_actions,
        calibration=bins,
        calibration_error=sum(part.positions * abs(part.predicted - part.outcome) for part in bins) / total,
        value_bias=float(numbers.root_value.mean() - numbers.outcome.mean()),
        edge_share=_edge_share(numbers, value_limit),
        depths=[depth_row(numbers, depth) for depth in depths],
        played_ranks=[rank_shares(numbers.played_rank[:, depth]) for depth in depths],
        best_ranks=[rank_shares(numbers.best_rank[:, depth]) for depth in depths],
        layers=list(layers),
    )


def calibration_bins(predicted: Float32Array, target: Float32Array, outcome: Float32Array) -> list[CalibrationBin]:
    """Returns the bins, of equal width over the range of the predictions, that hold positions.

    Args:
        predicted, target, outcome: float32 [N], in game points.
    """
    edges = np.linspace(predicted.min(), predicted.max(), NUM_BINS + 1, dtype=np.float64)
    index = np.clip(np.searchsorted(edges, predicted, side="right") - 1, 0, NUM_BINS - 1)
    bins = []
    for number in np.unique(index):
        inside: BoolArray = index == number
        count = int(inside.sum())
        bins.append(
            CalibrationBin(
                low=float(edges[number]),
                high=float(edges[number + 1]),
                positions=count,
                predicted=float(predicted[inside].mean()),
                target=float(target[inside].mean()),
                outcome=float(outcome[inside].mean()),
                outcome_error=float(outcome[inside].std() / np.sqrt(count)),
            )
        )
    return bins


def depth_row(numbers: PositionNumbers, depth: int) -> DepthRow:
    """Returns the averages at one depth."""
    column = {name: _known(getattr(numbers, name)[:, depth]) for name in (*MEANS, "value_target", "reward_target")}
    return DepthRow(
        depth=depth,
        positions=len(column["value_target"]),
        value_spread=_spread(column["value_target"]),
        reward_spread=_spread(column["reward_target"]),
        played_first=_mean(column["played_rank"] == 1.0),
        best_first=_mean(column["best_rank"] == 1.0),
        **{name: _mean(column[name]) for name in MEANS},
    )


def rank_shares(rank: Float32Array) -> list[float]:
    """Returns the share of positions at rank 1, 2, ..., NUM_RANKS and below; empty without positions.

    Args:
        rank: float32 [N]; NaN does not count, a shared rank is rounded down.
    """
    known = _known(rank)
    if known.size == 0:
        return []
    counts = np.bincount(np.minimum(known.astype(np.int64), NUM_RANKS) - 1, minlength=NUM_RANKS)
    return [float(count) / known.size for count in counts]


def _edge_share(numbers: PositionNumbers, value_limit: float | None) -> float:
    largest = np.fmax(np.abs(numbers.root_value), np.abs(numbers.value_target[:, 0]))
    return 0.0 if value_limit is None else float((largest >= EDGE * value_limit).mean())


def _known(column: Float32Array) -> Float32Array:
    return column[~np.isnan(column)]


def _mean(column: Float32Array | BoolArray) -> float | None:
    return float(column.mean(dtype=np.float64)) if column.size else None


def _spread(target: NDArray[np.float32]) -> float | None:
    """Returns the mean distance from the mean, which is what a network that tells nothing apart learns to say."""
    return _mean(np.abs(target - target.mean())) if target.size else None
