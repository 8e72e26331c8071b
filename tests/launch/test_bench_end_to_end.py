"""The end-to-end benchmark runs real runs on the peers' tasks; what is the same in those is checked against what the peers say."""

import pytest

from engine.learning import head_size, network_size
from launch.bench_end_to_end import bench_end_to_end, task_config
from launch.end_to_end_tasks import TASKS, PeerTask, Rates
from tests.launch.live_run_examples import TINY

FACTS = {
    "cartpole 3.46M": ("cartpole", 25, 256, 5, 0.896),
    "cartpole 1.5k": ("cartpole", 50, 128, 10, 3.285),
    "tictactoe 126k": ("tictactoe", 25, 128, 5, 0.973),
}
"""World, simulations, batch, unrolled steps, and target updates * batch / target moves."""


@pytest.mark.timeout(300)
def test_bench_end_to_end_has_a_row_per_task_with_the_peer_and_the_target_beside_it() -> None:
    task = PeerTask("tiny", "tictactoe", TINY, "nobody", 1000, 1000, Rates(10.0, 1.0), 1.5, target=Rates(200.0, 25.0))

    report = bench_end_to_end(tasks=[task], seconds=2.0, windows=2)

    assert report["bench"] == "end-to-end"
    (row,) = report["rows"]
    assert (row["task"], row["games"], row["replay_ratio"], row["peer"], row["peer_replay_ratio"]) == ("tiny", 4, 2.0, "nobody", 1.6)
    assert (row["peer_moves_per_second"], row["peer_updates_per_second"], row["peer_cpu_seconds_per_wall_second"]) == (10.0, 1.0, 1.5)
    for figure in ("moves", "updates"):
        assert 0 < row[f"{figure}_per_second_min"] <= row[f"{figure}_per_second"] <= row[f"{figure}_per_second_max"]
    assert row["moves_ratio"] == pytest.approx(row["moves_per_second"] / 200.0, abs=0.001)
    assert row["updates_ratio"] == pytest.approx(row["updates_per_second"] / 25.0, abs=0.001)
    assert row["simulations_per_second"] > row["moves_per_second"] and row["cpu_seconds_per_wall_second"] > 0


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_a_task_is_the_peers_in_all_that_is_promised(task: PeerTask) -> None:
    config = task_config(task)
    *facts, ratio = FACTS[task.name]
    search, training = config.search, config.training

    assert [config.env.name, search.num_simulations, training.batch_size, training.unroll_steps] == facts
    assert config.replay.replay_ratio == pytest.approx(ratio, abs=0.001)
    assert task.peer_parameters <= network_size(config) + head_size(config) <= 1.02 * task.peer_parameters
    assert task.peer_searched_parameters <= network_size(config) <= 1.07 * task.peer_searched_parameters


@pytest.mark.parametrize("task", TASKS, ids=lambda task: task.name)
def test_no_task_ends_by_itself_or_leaves_the_evaluator_out(task: PeerTask) -> None:
    config = task_config(task)

    assert config.evaluation.is_enabled and config.evaluation.stop_score is None
    assert config.last_step == 1_000_000 and config.minutes is None
