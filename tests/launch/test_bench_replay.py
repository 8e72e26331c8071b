"""The replay benchmark draws real batches from a full ring."""

from launch.bench_replay import bench_replay


def test_bench_replay_has_a_row_per_shape_with_its_limit():
    report = bench_replay(repeats=1, capacity_steps=1000)

    assert report["bench"] == "replay"
    assert [row["shape"] for row in report["rows"]] == ["go9", "atari84"]
    for row in report["rows"]:
        assert 0 < row["samples_per_second"] < row["copied_per_second"]
        assert row["capacity_steps"] == 1000


def test_a_sample_of_atari_holds_four_screens_and_six_policies_actions_and_rewards():
    atari = bench_replay(repeats=1, capacity_steps=1000)["rows"][1]

    assert atari["bytes_per_sample"] == 4 * 84 * 84 + 6 * (18 * (4 + 4) + 4 + 4)
