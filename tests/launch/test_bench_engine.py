"""The engine benchmark runs its real server and reports one row per network."""

import pytest

from launch.bench_engine import bench_engine
from muzero.errors import UserError


def test_bench_engine_reports_both_figures_of_a_network_and_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report = bench_engine(networks=("1x4",), board=3, trees=4, simulations=4, seconds=0.1, rounds=1)

    assert report["bench"] == "engine"
    (row,) = report["rows"]
    assert (row["network"], row["board"], row["trees"], row["simulations"]) == ("1x4", 3, 4, 4)
    assert row["simulations_per_second"] > 0
    assert row["efficiency"] == pytest.approx(row["simulations_per_second"] / row["raw_simulations_per_second"], rel=0.01)
    output = capsys.readouterr()
    assert output.out == "" and "network 1x4: measurement 1 of 1" in output.err


def test_a_network_that_cannot_be_read_is_a_sentence() -> None:
    with pytest.raises(UserError, match="network 'big' is not blocks x channels: write for example 6x64"):
        bench_engine(networks=("big",))
