"""The search benchmark reports one row per rule and size."""

from launch.bench_search import bench_search


def test_bench_search_has_a_row_per_rule_and_size():
    report = bench_search(actions=(3, 5), trees=2, simulations=4, repeats=1)

    assert report["bench"] == "search"
    assert [(row["rule"], row["actions"]) for row in report["rows"]] == [("puct", 3), ("puct", 5), ("gumbel", 3), ("gumbel", 5)]
    assert all(row["ns_per_simulation"] > 0 and row["trees"] == 2 and row["simulations"] == 4 for row in report["rows"])
