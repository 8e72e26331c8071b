"""The words and tables of the results page, in Markdown, from the rows and their results. Pictures are in `figures.py`."""

import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from statistics import median

from benchmarks.result import Result, Score
from benchmarks.row import Row

HEAD = """# Results

What this engine has learned, measured. Made by `make results` from the files in `benchmarks/results/`; `benchmarks.md` says how to
measure a row again and what the numbers mean. Intervals are 95 %. Minutes count from process start, all parts of a resumed run together."""
NOT_RUN = "not run yet"
VERDICTS = {True: "reached", False: "**missed**", None: "no target"}
OVERVIEW = ("row", "claim", "verdict, by seed", "result: median (range)", "minutes: median (range)", "environment steps: median (range)")
SEEDS = ("row", "seed", "result", "target", "target score first reached", "minutes", "env steps", "games", "learner steps", "commit")


def page(rows: Sequence[Row], results: Sequence[Result], pictures: Mapping[str, Sequence[Path]]) -> str:
    """Returns the whole page.

    Args:
        rows: all claims, in the order they are shown in.
        results: all results, by name and seed.
        pictures: files of each family's pictures, relative to the page.
    """
    sections = [HEAD, _overview(rows, results)]
    for family in dict.fromkeys(row.family for row in rows):
        of_family = [result for result in results if result.family == family]
        sections += _section(family, [row for row in rows if row.family == family], of_family, pictures.get(family, ()))
    return "\n\n".join(sections) + "\n"


def _overview(rows: Sequence[Row], results: Sequence[Result]) -> str:
    return _table(OVERVIEW, (_overview_cells(row, [result for result in results if result.name == row.name]) for row in rows))


def _overview_cells(row: Row, results: Sequence[Result]) -> tuple[str, ...]:
    if not results:
        return (row.name, row.claim, NOT_RUN, "", "", "")
    verdicts = ", ".join(f"s{result.seed} {VERDICTS[result.is_met]}" for result in results)
    missing = [str(seed) for seed in row.seeds if seed not in {result.seed for result in results}]
    unmeasured = f"; {NOT_RUN}: s{', s'.join(missing)}" if missing else ""
    firsts = [result.scores[0].value for result in results if result.scores]
    return (
        row.name,
        row.claim,
        verdicts + unmeasured,
        _spread([value for value in firsts if value is not None], "g"),
        _spread([result.minutes for result in results], ".1f"),
        _spread([result.env_steps for result in results], ",.0f"),
    )


def _section(family: str, rows: Sequence[Row], results: Sequence[Result], pictures: Sequence[Path]) -> list[str]:
    """Returns the paragraphs of one family of rows."""
    claims = "\n".join(f"- `{row.name}`: {row.claim}" for row in rows)
    if not results:
        return [f"## {family}", claims, f"{NOT_RUN.capitalize()}."]
    cells = (_seed_cells(result, score) for result in results for score in result.scores)
    paragraphs = [f"## {family}", claims, _table(SEEDS, cells)]
    paragraphs += [sentence for row in rows if (sentence := _comparison(row, results))]
    paragraphs += [f"![{path.stem}]({path.as_posix()})" for path in pictures]
    return [*paragraphs, _commands(results), _machines(results)]


def _seed_cells(result: Result, score: Score) -> tuple[str, ...]:
    reached = result.reached
    when = (
        "" if result.reach_score is None else "never" if reached is None else f"{reached.minutes:.1f} min, {reached.env_steps:,} env steps"
    )
    within = "" if result.max_env_steps is None else f" within {result.max_env_steps:,} env steps"
    commit = (result.commit or "none")[:10] + ("" if result.is_clean else ", changed")
    return (
        result.name,
        str(result.seed),
        _score(score),
        f"{score.target}{within}: {VERDICTS[score.is_met]}" if score.target else "",
        when,
        f"{result.minutes:.1f} of {result.limit_minutes:g}" if result.limit_minutes else f"{result.minutes:.1f}",
        f"{result.env_steps:,}",
        f"{result.games:,}",
        f"{score.learner_steps:,}",
        commit,
    )


def _score(score: Score) -> str:
    """Returns one measured number in words."""
    value = "unknown" if score.value is None else f"{score.value:.4g}"
    interval = "" if score.low is None and score.high is None else f" [{_end(score.low)}, {_end(score.high)}]"
    record = "" if score.opponent == "none" else f", {score.wins}-{score.draws}-{score.losses} against {score.opponent}"
    thinking = "" if score.simulations is None else f" with {score.simulations} simulations"
    milestone = "" if score.minute is None else f" at minute {score.minute:g}"
    return f"{score.measure.replace('_', ' ')} {value}{interval}{record}{thinking}{milestone}"


def _end(value: float | None) -> str:
    return "?" if value is None else f"{value:.3g}"


def _comparison(row: Row, results: Sequence[Result]) -> str:
    """Returns how the environment steps of a row compare to those of another one, empty without a claim about it or its results.

    A seed that never reached its target counts against the claim: as infinitely many steps of ours, as no more than it took of theirs.
    """
    if row.compared_to is None:
        return ""
    ours = [result.reached.env_steps if result.reached else math.inf for result in results if result.name == row.name]
    theirs = [(result.reached or result).env_steps for result in results if result.name == row.compared_to.row]
    if not ours or not theirs:
        return ""
    quotient = median(ours) / median(theirs)
    verdict = VERDICTS[quotient <= row.compared_to.at_most]
    return (
        f"Environment steps to the target, median: `{row.name}` {median(ours):,.0f}, `{row.compared_to.row}` {median(theirs):,.0f}; "
        f"quotient {quotient:.2f}, target <= {row.compared_to.at_most:g}: {verdict}."
    )


def _commands(results: Sequence[Result]) -> str:
    """Returns the commands of all results; those of the parts of a resumed run stand one below the other."""
    lines = []
    for result in results:
        lines.append(f"# {result.name}, seed {result.seed}: python benchmarks/learning.py {result.name} --seed {result.seed}")
        lines += [part.command for part in result.parts] + [score.command for score in result.scores]
    return "\n".join(["<details><summary>Commands</summary>", "", "```sh", *lines, "```", "", "</details>"])


def _machines(results: Sequence[Result]) -> str:
    """Returns the machines that the results were measured on."""
    machines = dict.fromkeys(result.machine for result in results)
    return "\n".join(
        f"Measured on {machine.cpu}, {machine.cores} cores, {machine.memory_gib:g} GiB, {machine.gpu or 'no GPU'}, {machine.os}, "
        f"Python {machine.python}, torch {machine.torch}."
        for machine in machines
    )


def _spread(values: Sequence[float], form: str) -> str:
    """Returns median and range of some numbers."""
    if not values:
        return "unknown"
    middle, low, high = (format(value, form) for value in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} ({low} to {high})"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)
