"""The learner benchmark runs a real run and the bare step in turns, and counts only the time in which no governor paused the learner."""

import pytest

from launch.bench_learner import Turn, bench_learner
from launch.bench_run import Look
from launch.live_run import run_config
from tests.launch.live_run_examples import TINY

pytestmark = pytest.mark.timeout(300)


def test_bench_learner_reports_the_live_step_beside_the_bare_one() -> None:
    config = run_config("tictactoe", {**TINY, "replay.replay_ratio": 4.0})

    report = bench_learner(config=config, task="tiny", seconds=0.5, rounds=2)

    assert report["bench"] == "learner"
    (row,) = report["rows"]
    assert (row["task"], row["batch_size"], row["threads"]) == ("tiny", 16, 1)
    for side in ("steps_per_second", "bare_steps_per_second"):
        assert 0 < row[f"{side}_min"] <= row[side] <= row[f"{side}_max"]
    assert row["share_of_bare"] > 0 and row["data_wait_share"] >= 0 and 0 <= row["throttled_share"] <= 1


def test_time_in_which_a_governor_paused_the_learner_does_not_count() -> None:
    live = Look(
        elapsed_seconds=10.0,
        learner_steps=60,
        env_steps=0,
        simulations=0,
        learner_throttled_seconds=4.0,
        data_wait_seconds=0.3,
        cpu_seconds=0.0,
    )
    turn = Turn(live, bare_steps_per_second=12.5)

    assert (turn.steps_per_second, turn.throttled_share) == (10.0, 0.4)
    assert turn.data_wait_share == pytest.approx(0.05)
