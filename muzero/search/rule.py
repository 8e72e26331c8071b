"""The settings of a search in the form its kernels take, with the tables they look up; the choices are in puct.py and gumbel.py."""

import math
from typing import NamedTuple

import numpy as np

from muzero.config import SearchConfig
from muzero.search.tree import Float64Array
from muzero.types import GameSpec, Int32Array

PUCT = 0
GUMBEL = 1


class Rule(NamedTuple):
    """How children are chosen and returns discounted.

    Attributes:
        kind: PUCT or GUMBEL.
        num_actions: A.
        discount: discount per move, negative for two players.
        is_bounded: whether the lowest and highest return are known.
        min_value: that lowest return, or infinity.
        max_value: that highest return, or -infinity.
        value_scale: c_scale of the completed Q (Gumbel).
        max_visit_init: c_visit of the completed Q (Gumbel).
        known_span: highest less lowest return that the completed Q are scaled by, or 0 where each node's own span is (Gumbel).
        num_considered: actions that enter sequential halving (Gumbel).
        exploration: float64 [S + 2], factor of prior / (1 + visits) in a node of that visit count (pUCT).
        considered_visit: int32 [M + 1, S], visit count of the root actions that simulation s may choose among, when m of at
            most M actions are considered (Gumbel).
    """

    kind: int
    num_actions: int
    discount: float
    is_bounded: bool
    min_value: float
    max_value: float
    value_scale: float
    max_visit_init: float
    known_span: float
    num_considered: int
    exploration: Float64Array
    considered_visit: Int32Array


def make_rule(config: SearchConfig, spec: GameSpec) -> Rule:
    """Returns the rule that these settings and this game ask for."""
    low, high = spec.value_bounds or (math.inf, -math.inf)
    num_considered = min(config.num_considered_actions, spec.num_actions, config.num_simulations)
    return Rule(
        kind=GUMBEL if config.rule == "gumbel" else PUCT,
        num_actions=spec.num_actions,
        discount=config.discount * spec.turn_sign,
        is_bounded=spec.value_bounds is not None,
        min_value=float(low),
        max_value=float(high),
        value_scale=config.gumbel_value_scale,
        max_visit_init=config.gumbel_max_visit_init,
        known_span=float(high - low) if config.use_value_bounds and spec.value_bounds else 0.0,
        num_considered=num_considered,
        exploration=exploration_table(config.num_simulations, config.pb_c_init, config.pb_c_base),
        considered_visit=considered_visit_table(num_considered, config.num_simulations),
    )


def exploration_table(num_simulations: int, pb_c_init: float, pb_c_base: float) -> Float64Array:
    """Returns the factor of prior / (1 + visits) for every visit count of a node.

    Returns:
        float64 [S + 2]: entry N is sqrt(N) * (c1 + log((N + c2 + 1) / c2)).

    Source: arXiv:1911.08265, appendix B, equation 2.
    """
    count = np.arange(num_simulations + 2, dtype=np.float64)
    return np.sqrt(count) * (pb_c_init + np.log((count + pb_c_base + 1.0) / pb_c_base))


def considered_visit_table(num_considered: int, num_simulations: int) -> Int32Array:
    """Returns the schedule of sequential halving for every number of considered actions.

    Returns:
        int32 [M + 1, S]: entry (m, s) is the visit count an action must have to be chosen by simulation s.

    Source: Danihelka et al., ICLR 2022, section 3.2; Karnin et al., ICML 2013.
    """
    rows = [_considered_visits(m, num_simulations) for m in range(num_considered + 1)]
    return np.array(rows, dtype=np.int32)


def _considered_visits(num_considered: int, num_simulations: int) -> list[int]:
    """Returns one row of the schedule: all m actions share the first phase, then half of them the next, down to two."""
    if num_considered <= 1:
        return list(range(num_simulations))
    num_phases = math.ceil(math.log2(num_considered))
    schedule: list[int] = []
    visit, remaining = 0, num_considered
    while len(schedule) < num_simulations:
        for _ in range(max(1, num_simulations // (num_phases * remaining))):
            schedule += [visit] * remaining
            visit += 1
        remaining = max(2, remaining // 2)
    return schedule[:num_simulations]
