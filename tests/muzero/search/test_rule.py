"""The tables of a rule, by hand-computed numbers."""

import math

import pytest

from muzero.config import SearchConfig
from muzero.search.rule import considered_visit_table, exploration_table, make_rule
from tests.muzero.search.table_model import make_spec


def test_exploration_is_the_formula_of_the_paper():
    table = exploration_table(8, 1.25, 19652.0)

    assert len(table) == 10
    assert table[4] == pytest.approx(2.0 * (1.25 + math.log((4 + 19652 + 1) / 19652)))


def test_halving_of_four_actions_over_eight_simulations():
    table = considered_visit_table(4, 8)

    # 2 phases of 4 simulations: all four once, then the better two twice
    assert table[4].tolist() == [0, 0, 0, 0, 1, 1, 2, 2]
    assert table[1].tolist() == [0, 1, 2, 3, 4, 5, 6, 7]


def test_no_more_actions_are_considered_than_simulations_can_visit():
    rule = make_rule(SearchConfig(rule="gumbel", num_simulations=5), make_spec(100))

    assert rule.num_considered == 5


def test_two_players_make_the_discount_negative():
    config = SearchConfig(discount=0.9)

    assert make_rule(config, make_spec(3, num_players=2)).discount == pytest.approx(-0.9)
    assert make_rule(config, make_spec(3, num_players=1)).discount == pytest.approx(0.9)
