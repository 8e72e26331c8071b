"""Playout-cap randomisation: how many moves are searched in full, and what the short searches of the others leave."""

import numpy as np
import pytest

from muzero.config import SearchConfig, SelfPlayConfig
from muzero.errors import UserError
from muzero.playout_cap import fast_search_config
from tests.muzero.self_player import SEARCH, TICTACTOE, Player

FULL, FAST = SEARCH.num_simulations, 2
ALL_FAST = 1e-9


def test_the_share_of_full_searches_is_the_one_asked_for() -> None:
    player = Player(num_games=2, full_search_fraction=0.25, fast_simulations=FAST).moves(400)

    assert set(player.search_lengths) == {FULL, FAST}
    assert player.search_lengths.count(FULL) / 400 == pytest.approx(0.25, abs=0.06)


def test_without_a_share_every_search_is_full() -> None:
    assert set(Player().moves(20).search_lengths) == {FULL}


def test_fast_searches_leave_a_value_and_no_policy_target() -> None:
    player = Player(num_games=1, full_search_fraction=0.5, fast_simulations=FAST).moves(60)
    rows = sum(len(trajectory) for trajectory in player.trajectories)
    is_full = np.array(player.search_lengths[:rows]) == FULL
    weights, actions, surprise, values = (
        np.concatenate([getattr(trajectory, name) for trajectory in player.trajectories])
        for name in ("policy_weight", "policy_action", "surprise", "root_value")
    )

    np.testing.assert_allclose(weights.sum(axis=1), is_full, atol=1e-5)
    np.testing.assert_array_equal(actions[~is_full], 0)
    np.testing.assert_array_equal(surprise[~is_full], 0.0)
    assert (surprise[is_full] > 0.0).mean() > 0.8  # a forced last move surprises nobody
    assert (values != 0.0).all()


def test_simulations_are_counted_as_they_were_done() -> None:
    player = Player(num_games=3, full_search_fraction=0.5, fast_simulations=FAST).moves(50)

    assert player.num_simulations == 3 * sum(player.search_lengths)


def first_game(search: SearchConfig, seed: int, fraction: float) -> list[int]:
    player = Player(TICTACTOE, 1, search=search, seed=seed, full_search_fraction=fraction, fast_simulations=FAST)
    player.until(lambda: bool(player.trajectories))
    return player.trajectories[0].action.tolist()


@pytest.mark.parametrize(
    ("rule", "fraction", "num_different"),
    [("gumbel", ALL_FAST, "one"), ("gumbel", 1.0, "several"), ("puct", ALL_FAST, "several")],
)
def test_fast_gumbel_moves_lack_noise_and_fast_puct_moves_keep_the_temperature(rule: str, fraction: float, num_different: str) -> None:
    search = SearchConfig(rule=rule, num_simulations=FULL)  # type: ignore[arg-type]

    games = {tuple(first_game(search, seed, fraction)) for seed in range(6)}

    assert (len(games) == 1) == (num_different == "one")


@pytest.mark.parametrize(("fraction", "is_noisy"), [(ALL_FAST, False), (1.0, True)])
def test_fast_puct_searches_lack_noise(fraction: float, is_noisy: bool) -> None:
    """Greedy play of searches of equal length differs between seeds by the noise at the root alone."""
    search = SearchConfig(rule="puct", num_simulations=FULL, dirichlet_fraction=0.9)
    settings = {"temperature_moves": 0, "full_search_fraction": fraction, "fast_simulations": FULL}
    players = [Player(num_games=1, search=search, seed=seed, **settings) for seed in range(6)]

    games = {tuple(player.moves(9).trajectories[0].action.tolist()) for player in players}

    assert (len(games) > 1) == is_noisy


def test_a_fast_search_longer_than_a_full_one_is_refused() -> None:
    config = SelfPlayConfig(full_search_fraction=0.5, fast_simulations=9)

    with pytest.raises(UserError, match=r"self_play.fast_simulations is 9, more than search.num_simulations \(8\): set at most 8"):
        fast_search_config(config, SearchConfig(num_simulations=8))


def test_the_length_of_fast_searches_does_not_matter_where_all_are_full() -> None:
    assert fast_search_config(SelfPlayConfig(fast_simulations=9), SearchConfig(num_simulations=8)) is None
