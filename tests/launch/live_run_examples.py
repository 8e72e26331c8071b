"""A tiny run that the tests of live benchmarks share. No assertions."""

from collections.abc import Mapping

from launch.live_run import Setting

TINY: Mapping[str, Setting] = {
    "search.num_simulations": 4,
    "network.hidden_size": 16,
    "training.batch_size": 16,
    "training.unroll_steps": 2,
    "replay.min_steps": 60,
    "actors.num_actors": 1,
    "actors.games_per_actor": 4,
    "evaluation.is_enabled": False,
}
