"""Measures the search alone: tree work per simulation and tree, with a network that costs nothing."""

import statistics
import time
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, top_priors
from muzero.types import Float32Array, GameSpec, InitialReply, Observation, RecurrentReply

NUM_REPLIES = 16
RULES: tuple[Literal["puct", "gumbel"], ...] = ("puct", "gumbel")


def bench_search(*, actions: Sequence[int] = (18, 82, 362), trees: int = 64, simulations: int = 50, repeats: int = 5) -> dict[str, Any]:
    """Returns the processor time of a search per simulation and tree, as the median of several searches.

    Args:
        actions: sizes of the action space to measure.
        trees: B.
        simulations: simulations per search.
        repeats: searches timed per row; one more is run first, so that compiling is not timed.

    Returns:
        {"bench": "search", "rows": [{"rule", "actions", "trees", "simulations", "ns_per_simulation"}]}
    """
    rows = [
        {
            "rule": rule,
            "actions": num_actions,
            "trees": trees,
            "simulations": simulations,
            "ns_per_simulation": round(_nanoseconds_per_simulation(rule, num_actions, trees, simulations, repeats), 1),
        }
        for rule in RULES
        for num_actions in actions
    ]
    return {"bench": "search", "rows": rows}


def _nanoseconds_per_simulation(rule: Literal["puct", "gumbel"], num_actions: int, trees: int, simulations: int, repeats: int) -> float:
    """Returns one figure of the table."""
    config = SearchConfig(rule=rule, num_simulations=simulations, discount=0.997)
    search = BatchedSearch(config, num_trees=trees, spec=_benchmark_spec(num_actions))
    random = np.random.default_rng(num_actions)
    initial = InitialReply(*_value_and_logits(random, trees, num_actions), version=0)
    replies = [_random_reply(random, trees, num_actions, search.num_priors) for _ in range(NUM_REPLIES)]
    noise = random.gumbel(size=(trees, num_actions)) if rule == "gumbel" else random.dirichlet([0.3] * num_actions, size=trees)
    times = [_timed_search(search, initial, replies, noise.astype(np.float32)) for _ in range(repeats + 1)]
    return statistics.median(times[1:]) / (trees * simulations)


def _timed_search(search: BatchedSearch, initial: InitialReply, replies: list[RecurrentReply], noise: Float32Array) -> float:
    """Returns the processor time of one search, in nanoseconds."""
    observation = Observation(np.zeros((search.num_trees, 1, 1), np.float32), np.zeros(search.num_trees, np.int8))
    legal_actions = np.ones((search.num_trees, search.num_actions), np.bool_)
    start = time.process_time_ns()
    steps = search.steps(observation, legal_actions, noise)
    next(steps)
    steps.send(initial)
    try:
        for simulation in range(search.num_nodes):
            steps.send(replies[simulation % NUM_REPLIES])
    except StopIteration:
        return float(time.process_time_ns() - start)
    raise RuntimeError("the search asked for more nodes than it has.")


def _value_and_logits(random: np.random.Generator, trees: int, num_actions: int) -> tuple[Float32Array, Float32Array]:
    """Returns values uniform in [-1, 1) and standard normal logits."""
    value = random.uniform(-1.0, 1.0, trees).astype(np.float32)
    return value, random.standard_normal((trees, num_actions), dtype=np.float32)


def _random_reply(random: np.random.Generator, trees: int, num_actions: int, num_priors: int) -> RecurrentReply:
    """Returns what a network might say of B new nodes."""
    value, policy_logits = _value_and_logits(random, trees, num_actions)
    reward = 0.1 * random.standard_normal(trees, dtype=np.float32)
    return RecurrentReply(reward, value, *top_priors(policy_logits, num_priors))


def _benchmark_spec(num_actions: int) -> GameSpec:
    """Returns a one-player game without known bounds."""
    return GameSpec(
        name="benchmark",
        num_players=1,
        num_actions=num_actions,
        frame_shape=(1,),
        frame_dtype="float32",
        num_frames=1,
        encoding="vector",
        action_shape=(),
        value_bounds=None,
        max_moves=1,
    )
