"""The results page and its pictures, from sample results alone."""

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.result import Result, write_result
from benchmarks.row import Comparison, Row
from tests.benchmarks.examples import point, result, score

pytest.importorskip("matplotlib")


def elo(value: float, **changes: object) -> object:
    return score(value, measure="elo", low=value - 50, high=None if value > 200 else value + 50, target="", is_met=None, **changes)


ROWS = (
    Row(name="wins", family="wins", claim="It wins.", seeds=(1, 2)),
    Row(name="loses", family="loses", claim="It loses nothing.", seeds=(1,)),
    Row(name="waits", family="waits", claim="It will do something."),
    Row(name="more-without", family="more", claim="It lands."),
    Row(
        name="more-with", family="more", claim="It lands sooner.", seeds=(1, 2, 3), compared_to=Comparison(row="more-without", at_most=0.6)
    ),
    Row(name="thinks", family="thinks", claim="It thinks.", trained_by="wins", seeds=(1,)),
)
RESULTS = (
    result("wins", 1),
    result("wins", 2, minutes=4.9, is_clean=False, scores=(score(0.65, is_met=False),), is_met=False, reached=None),
    result("loses", 1, curve=(point(1.0, 300, -9.0, 9), point(2.0, 700, 0.0, 0)), reach_score=None),
    result("more-without", 1, family="more", plots=("dots", "curve")),
    result("more-with", 1, family="more", plots=("dots", "curve"), compared_to=Comparison(row="more-without", at_most=0.6)),
    result(
        "thinks",
        1,
        limit_minutes=0.0,
        is_met=None,
        parts=(),
        plots=("simulations", "milestones"),
        scores=(
            elo(-120.0, simulations=1),
            elo(340.0, simulations=64),
            elo(20.0, minute=30.0, minute_before=15.0),
            elo(340.0, minute_before=30.0),
        ),
    ),
)


def rendered(tmp_path: Path, results: tuple[Result, ...] = RESULTS) -> Path:
    """Renders these results in a folder and returns the folder of the page."""
    from benchmarks.render import render

    for path in (tmp_path / "results").glob("*.json"):
        path.unlink()
    for one in results:
        write_result(one, tmp_path / "results")
    (tmp_path / "docs").mkdir(exist_ok=True)
    return render(ROWS, tmp_path / "results", tmp_path / "docs").parent


@pytest.fixture(scope="module")
def docs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The rendered page of all samples with its pictures."""
    return rendered(tmp_path_factory.mktemp("rendered"))


def line_of(page: str, beginning: str) -> str:
    (line,) = [line for line in page.splitlines() if line.startswith(beginning)]
    return line


def test_the_table_says_what_was_reached_missed_and_not_run(docs: Path) -> None:
    page = (docs / "results.md").read_text()
    expected = "| wins | It wins. | s1 reached, s2 **missed** | 0.7 (0.65 to 0.75) | 4.7 (4.5 to 4.9) | 1,000 (1,000 to 1,000) |"
    assert line_of(page, "| wins | It") == expected
    assert line_of(page, "| waits |") == "| waits | It will do something. | not run yet |  |  |  |"
    assert "s1 reached; not run yet: s2, s3" in line_of(page, "| more-with | It")


def test_each_seed_has_a_line_with_interval_moment_and_commit(docs: Path) -> None:
    page = (docs / "results.md").read_text()
    assert line_of(page, "| wins | 1 |") == (
        "| wins | 1 | score 0.75 [0.6, 0.9], 14-2-4 against random | >= 0.7: reached | 3.2 min, 800 env steps | 4.5 of 5 | 1,000 | 100 "
        "| 500 | 0123456789 |"
    )
    assert line_of(page, "| wins | 2 |").endswith("| >= 0.7: **missed** | never | 4.9 of 5 | 1,000 | 100 | 500 | 0123456789, changed |")
    assert "elo 340 [290, ?], 14-2-4 against random with 64 simulations" in page
    assert "Measured on A CPU, 2 cores, 15.6 GiB, no GPU, Debian, Python 3.11.9, torch 2.13.0." in page


def test_two_rows_are_compared_by_their_environment_steps(docs: Path) -> None:
    page = (docs / "results.md").read_text()
    assert "median: `more-with` 800, `more-without` 800; quotient 1.00, target <= 0.6: **missed**." in page


def test_a_seed_that_never_reached_its_target_counts_against_the_comparison(tmp_path: Path) -> None:
    ours = (result("more-with", seed, family="more", compared_to=ROWS[4].compared_to) for seed in (1, 2))
    never = result("more-with", 3, family="more", compared_to=ROWS[4].compared_to, reached=None)
    theirs = result("more-without", 1, family="more", env_steps=5000, reached=None)
    page = (rendered(tmp_path, (*ours, never, theirs)) / "results.md").read_text()
    assert "median: `more-with` 800, `more-without` 5,000; quotient 0.16" in page
    page = (rendered(tmp_path, (never, theirs)) / "results.md").read_text()
    assert "median: `more-with` inf, `more-without` 5,000; quotient inf, target <= 0.6: **missed**." in page


def test_every_picture_is_there_and_shown(docs: Path) -> None:
    pictures = sorted(path.name for path in (docs / "results").iterdir())
    expected = ["loses-curve", "more-curve", "more-dots", "thinks-milestones", "thinks-simulations", "wins-curve"]
    assert pictures == [f"{name}.png" for name in expected]
    page = (docs / "results.md").read_text()
    assert all(f"(results/{name})" in page for name in pictures)


def test_the_same_results_give_the_same_bytes(docs: Path, tmp_path: Path) -> None:
    again = rendered(tmp_path)
    files = [path.relative_to(docs) for path in docs.rglob("*.*")]
    assert [str(path) for path in files if (docs / path).read_bytes() != (again / path).read_bytes()] == []


def test_pictures_of_results_that_are_gone_go_too(tmp_path: Path) -> None:
    rendered(tmp_path)
    docs = rendered(tmp_path, RESULTS[:1])
    assert [path.name for path in (docs / "results").iterdir()] == ["wins-curve.png"]


def test_a_page_without_results_lists_every_row(tmp_path: Path) -> None:
    page = (rendered(tmp_path, ()) / "results.md").read_text()
    assert page.count("not run yet") == len(ROWS)
    assert page.count("Not run yet.") == len({row.family for row in ROWS})


def test_results_of_seeds_that_no_row_claims_are_left_out(tmp_path: Path) -> None:
    docs = rendered(tmp_path, (result("wins", 9), result("loses", 1)))
    page = (docs / "results.md").read_text()
    assert line_of(page, "| wins |") == "| wins | It wins. | not run yet |  |  |  |"
    assert [path.name for path in (docs / "results").iterdir()] == ["loses-curve.png"]


def test_without_matplotlib_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from benchmarks.render import main

    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for name in [name for name in sys.modules if name.startswith(("matplotlib.", "benchmarks.figures"))]:
        monkeypatch.delitem(sys.modules, name)
    done = CliRunner().invoke(main, catch_exceptions=False)
    assert (done.exit_code, done.stderr.count("\n")) == (1, 1)
    assert "pip install 'muzero-engine[results]'" in done.stderr
