"""Differences in Elo and their intervals, by hand-computed numbers."""

import numpy as np
import pytest

from muzero.elo import elo_of, estimate_elo


def test_elo_of_a_score_by_hand() -> None:
    assert elo_of(0.5) == 0
    assert elo_of(10 / 11) == pytest.approx(400)
    assert (elo_of(0.64), elo_of(0.36)) == pytest.approx((99.95, -99.95), abs=0.01)


def test_interval_of_games_without_draws_is_wilsons() -> None:
    # 100 games, 50 won: (0.5 + 0.01921) / 1.03841 -+ sqrt(0.009604 + 0.000369) / 1.03841 = 0.40383 and 0.59617.
    estimate = estimate_elo(0.5, np.repeat([0.0, 1.0], 50))
    assert estimate.difference == 0
    assert (estimate.low, estimate.high) == (pytest.approx(-67.66, abs=0.05), pytest.approx(67.66, abs=0.05))


def test_draws_make_the_interval_narrower() -> None:
    # Half the games drawn: the variance is 1/8 instead of 1/4, so 100 games count as 200.
    drawn = estimate_elo(0.5, np.repeat([0.0, 0.5, 1.0], [25, 50, 25]))
    decided = estimate_elo(0.5, np.repeat([0.0, 1.0], 100))
    assert (drawn.low, drawn.high) == pytest.approx((decided.low, decided.high))


def test_a_score_of_all_or_nothing_has_one_bound() -> None:
    # 200 / (200 + 1.644854^2) = 0.986653, which is 747.5 points.
    won, lost = estimate_elo(1.0, np.ones(200)), estimate_elo(0.0, np.zeros(200))
    assert (won.difference, won.low, won.high) == (None, pytest.approx(747.5, abs=0.1), None)
    assert (lost.difference, lost.low, lost.high) == (None, None, -won.low)


def test_games_that_were_all_drawn_count_as_decided_ones() -> None:
    drawn, decided = estimate_elo(0.5, np.full(100, 0.5)), estimate_elo(0.5, np.repeat([0.0, 1.0], 50))
    assert (drawn.low, drawn.high) == (decided.low, decided.high)


def test_a_single_game_has_a_wide_interval() -> None:
    estimate = estimate_elo(0.5, np.array([0.5]))
    assert estimate.low < -200 and estimate.high > 200
    assert estimate_elo(1.0, np.zeros(0)).low < 0


def test_the_interval_covers_the_truth_in_about_95_of_100_matches() -> None:
    rng, truth = np.random.default_rng(0), elo_of(0.7 + 0.1)
    covered = 0
    for _ in range(1000):
        scores = rng.choice([1.0, 0.5, 0.0], p=[0.7, 0.2, 0.1], size=100)
        estimate = estimate_elo(float(scores.mean()), scores)
        covered += estimate.low <= truth <= estimate.high
    assert 930 <= covered <= 970
