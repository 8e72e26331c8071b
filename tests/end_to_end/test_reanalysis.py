"""A run with reanalyzers as real processes: the share of fresh targets holds, it is measured, and deaths do not end it."""

from pathlib import Path

import pytest

from tests.end_to_end.launched_run import LaunchedRun
from tests.end_to_end.test_deaths import kill_a_role

pytestmark = pytest.mark.timeout(300)
FLAGS = ("--actors", "1", "--reanalyzers", "1", "--set", "reanalyze.batch_size=32", "--set", "reanalyze.chunk_steps=8")
AGE_STARTS = (0, 1, *(2**index for index in range(1, 15)))


def test_the_share_of_fresh_targets_holds_through_the_deaths_of_a_reanalyzer_and_the_server(tmp_path: Path) -> None:
    with LaunchedRun.new(tmp_path / "run", *FLAGS, "--set", "evaluation.is_enabled=false", "--steps", "100000") as run:
        run.wait_for_steps(100)
        assert run.roles().keys() == {"actor-0", "server", "learner", "reanalyzer-0"}
        for number, name in enumerate(("reanalyzer-0", "server"), start=1):
            positions = run.newest()["reanalyzed_positions"]
            kill_a_role(run, name, restarts=number)
            run.wait_for("more reanalysis", lambda positions=positions: run.newest()["reanalyzed_positions"] > positions + 200)
        run.wait_for_steps(run.newest()["learner_steps"] + 100)
        newest = run.newest()
    assert abs(newest["fresh_fraction"] - 0.8) < 0.03  # of the last ten seconds only
    assert 0 < newest["reanalysis_share"] < 1
    assert newest["reanalyzed_per_second"] > 0 and newest["policy_divergence"] >= 0
    counts = newest["fresh_age_histogram"]
    least = sum(count * start for count, start in zip(counts, AGE_STARTS, strict=True)) / sum(counts)
    assert least <= newest["fresh_age_mean"] <= 2 * least + 1
