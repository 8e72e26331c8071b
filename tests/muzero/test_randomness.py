"""Random numbers follow from their five counters alone."""

from itertools import product

import numpy as np
import pytest

from muzero.randomness import Purpose, dirichlet_noise, game_seed, generator, gumbel_noise


def test_equal_counters_give_equal_numbers() -> None:
    one, other = (generator(5, Purpose.SELF_PLAY, 2, 3, 4).random(10) for _ in range(2))
    np.testing.assert_array_equal(one, other)


def test_each_counter_matters_and_streams_never_meet() -> None:
    streams = [
        generator(*numbers).random(4).tobytes() for numbers in product((0, 1), (Purpose.SELF_PLAY, Purpose.REPLAY), (0, 1), (0, 1), (0, 1))
    ]
    assert len(set(streams)) == 32


def test_long_streams_of_neighbours_do_not_overlap() -> None:
    here, there = (generator(0, Purpose.SELF_PLAY, 0, 0, move).integers(2**63, size=5000) for move in (0, 1))
    assert not set(here.tolist()) & set(there.tolist())


def test_game_seeds_are_in_range_and_differ() -> None:
    seeds = [game_seed(7, actor, game) for actor in range(4) for game in range(50)]
    assert all(0 <= seed < 2**31 for seed in seeds)
    assert len(set(seeds)) == 200


def test_dirichlet_noise_is_a_distribution_over_the_legal_actions() -> None:
    legal = np.array([True, False, True, True, False])
    noise = dirichlet_noise(generator(0, Purpose.SELF_PLAY), legal, alpha=0.3)
    assert noise.dtype == np.float32
    assert noise.sum() == pytest.approx(1.0, abs=1e-6)
    assert (noise[~legal] == 0.0).all()


def test_a_smaller_alpha_makes_peakier_noise() -> None:
    legal, random = np.ones(50, np.bool_), generator(1, Purpose.SELF_PLAY)
    peaks = [np.mean([dirichlet_noise(random, legal, alpha).max() for _ in range(50)]) for alpha in (0.03, 0.3, 3.0)]
    assert peaks[0] > peaks[1] > peaks[2]


def test_gumbel_noise_has_the_mean_of_its_distribution() -> None:
    noise = gumbel_noise(generator(2, Purpose.SELF_PLAY), 20_000)
    assert noise.dtype == np.float32
    assert noise.mean() == pytest.approx(0.5772, abs=0.03)  # Euler's constant
    assert noise.var() == pytest.approx(np.pi**2 / 6, abs=0.08)
