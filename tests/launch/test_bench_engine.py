"""The engine benchmark runs its real server and actors and reports one row per network or simulated device."""

import pytest

from launch.bench_engine import bench_config, bench_engine, bench_simulated
from muzero.errors import UserError


def test_bench_engine_reports_both_figures_of_a_network_and_says_how_far_it_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    report = bench_engine(networks=("1x4",), board=3, trees=4, simulations=4, seconds=0.1, rounds=1, free_leaves=())

    assert report["bench"] == "engine"
    (row,) = report["rows"]
    assert (row["network"], row["board"], row["trees"], row["leaves_per_message"], row["simulations"]) == ("1x4", 3, 4, 2, 4)
    assert row["simulations_per_second"] > 0
    assert row["efficiency"] == pytest.approx(row["simulations_per_second"] / row["raw_simulations_per_second"], rel=0.01)
    output = capsys.readouterr()
    assert output.out == "" and "network 1x4: measurement 1 of 1" in output.err


def test_a_simulated_device_is_kept_busy_by_several_actors_and_never_faster_than_it_is() -> None:
    (row,) = bench_simulated("simulated:0+1000", board=3, actors=2, games=4, simulations=4, seconds=0.3, rounds=1)["rows"]
    assert (row["network"], row["actors"], row["trees"]) == ("simulated:0+1000", 2, 8)
    assert row["raw_simulations_per_second"] == 1000.0
    assert 0.0 < row["device_busy_share"] <= 1.01
    assert 0.0 < row["efficiency"] <= 1.01
    assert 0.0 < row["server_cpu_microseconds_per_simulation"] < row["cpu_microseconds_per_simulation"]


def test_networks_are_compared_on_the_cpu_whatever_else_the_machine_has() -> None:
    assert bench_config("6x64", 64, 50).inference.device == "cpu"


def test_a_network_that_cannot_be_read_is_a_sentence() -> None:
    with pytest.raises(UserError, match="network 'big' is not blocks x channels: write for example 6x64"):
        bench_engine(networks=("big",))


def test_a_device_that_is_not_simulated_is_a_sentence() -> None:
    with pytest.raises(UserError, match="bench engine got the device 'cpu': only simulated devices can be chosen"):
        bench_simulated("cpu")
