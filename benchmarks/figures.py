"""The pictures of the results page, drawn from results alone. Which of them a row wants is said by the result itself.

No window and no global state: each picture is a figure of its own, and the same results give the same bytes.
"""

from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter

from benchmarks.result import Point, Result, Score
from benchmarks.row import Plot

SIZE_INCHES = (10.0, 4.0)
DOTS_PER_INCH = 100
STYLES = ("-", "--", ":", "-.")
"""One for each seed of a row."""

Draw = Callable[[Figure, Sequence[Result]], None]


def draw_family(family: str, results: Sequence[Result], folder: Path) -> list[Path]:
    """Draws the pictures of one family of rows and returns their files.

    Args:
        family: its name, with which the names of the files begin.
        results: its results, by name and seed.
        folder: where the pictures go.
    """
    wanted = dict.fromkeys(plot for result in results for plot in result.plots)
    return [_draw(DRAWN[plot], results, folder / f"{family}-{plot}.png") for plot in wanted]


def _draw(draw: Draw, results: Sequence[Result], path: Path) -> Path:
    figure = Figure(figsize=SIZE_INCHES, dpi=DOTS_PER_INCH, layout="constrained")
    draw(figure, results)
    figure.savefig(path, metadata={"Software": None})
    return path


def _draw_curve(figure: Figure, results: Sequence[Result]) -> None:
    """Draws the run's own evaluations against minutes and against environment steps."""
    by_minutes, by_env_steps = figure.subplots(1, 2, sharey=True)
    _draw_course(by_minutes, results, lambda point: point.minutes)
    _draw_course(by_env_steps, results, lambda point: point.env_steps)
    by_minutes.set(xlabel="minutes of training", ylabel=_score_name(results))
    by_env_steps.set(xlabel="environment steps")
    by_env_steps.xaxis.set_major_formatter(EngFormatter(sep=""))  # 400k: whole numbers of six digits run into one another
    by_minutes.legend(fontsize="small")


def _draw_course(axes: Axes, results: Sequence[Result], position: Callable[[Point], float]) -> None:
    names = _names(results)
    for result in results:
        style = STYLES[_seeds(results, result.name).index(result.seed) % len(STYLES)]
        where, scores = [position(point) for point in result.curve], [point.score for point in result.curve]
        axes.plot(where, scores, style, color=_color(names.index(result.name)), label=_label(result), marker=".", markersize=4)
    for score in sorted({result.reach_score for result in results if result.reach_score is not None}):
        axes.axhline(score, color="grey", linewidth=0.8)
    axes.grid(alpha=0.3)


def _draw_dots(figure: Figure, results: Sequence[Result]) -> None:
    """Draws the first score of each row, each seed as a dot with its interval and the mean as a line."""
    axes, names = figure.subplots(), _names(results)
    for index, name in enumerate(names):
        scores = _known([result.scores[0] for result in results if result.name == name and result.scores])
        if not scores:
            continue
        offsets = [index + 0.12 * (place - (len(scores) - 1) / 2) for place in range(len(scores))]
        _draw_intervals(axes, offsets, scores, "o", _color(index))
        axes.hlines(sum(map(_value, scores)) / len(scores), index - 0.25, index + 0.25, color=_color(index))
    axes.set(ylabel=_opponent_name(results))
    axes.set_xticks(range(len(names)), [_short(name, results[0].family) for name in names])
    axes.grid(axis="y", alpha=0.3)


def _draw_simulations(figure: Figure, results: Sequence[Result]) -> None:
    """Draws Elo against the simulations per move of the one that was measured."""
    axes = figure.subplots()
    for index, result in enumerate(results):
        scores = _known([score for score in result.scores if score.simulations is not None])
        _draw_intervals(axes, [score.simulations or 0 for score in scores], scores, "o-", _color(index), _label(result))
    numbers = sorted({score.simulations for result in results for score in result.scores if score.simulations is not None})
    axes.set_xscale("log", base=2)
    axes.set_xticks(numbers, [str(number) for number in numbers])
    axes.set(xlabel="simulations per move", ylabel="Elo against the same checkpoint")
    axes.axhline(0.0, color="grey", linewidth=0.8)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _draw_milestones(figure: Figure, results: Sequence[Result]) -> None:
    """Draws the Elo that each milestone gained on the one before it, added up from the first one on."""
    axes = figure.subplots()
    for index, result in enumerate(results):
        gains = _known([score for score in result.scores if score.minute_before is not None])
        where = [score.minute_before or 0.0 for score in gains[:1]]
        where += [result.minutes if score.minute is None else score.minute for score in gains]
        total = list(accumulate((_value(score) for score in gains), initial=0.0))[: len(where)]
        axes.plot(where, total, "o-", color=_color(index), label=_label(result))
    axes.set(xlabel="minutes of training", ylabel="Elo, gains added up")
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _draw_intervals(axes: Axes, where: Sequence[float], scores: Sequence[Score], style: str, color: str, label: str = "") -> None:
    """Draws numbers with their intervals; an end that is not known has no bar."""
    values = [_value(score) for score in scores]
    below = [value - (value if score.low is None else score.low) for value, score in zip(values, scores, strict=True)]
    above = [(value if score.high is None else score.high) - value for value, score in zip(values, scores, strict=True)]
    axes.errorbar(where, values, yerr=[below, above], fmt=style, color=color, label=label, capsize=3)


def _names(results: Sequence[Result]) -> list[str]:
    return list(dict.fromkeys(result.name for result in results))


def _seeds(results: Sequence[Result], name: str) -> list[int]:
    return [result.seed for result in results if result.name == name]


def _color(index: int) -> str:
    return f"C{index % 10}"


def _label(result: Result) -> str:
    return f"{_short(result.name, result.family)}, seed {result.seed}"


def _short(name: str, family: str) -> str:
    return name.removeprefix(f"{family}-")


def _known(scores: Sequence[Score]) -> list[Score]:
    """Returns the scores that can be drawn: those with a number or a bound of it."""
    return [score for score in scores if (score.value, score.low, score.high) != (None, None, None)]


def _value(score: Score) -> float:
    """Returns a number, or the bound that is known of it."""
    return next((value for value in (score.value, score.low, score.high) if value is not None), 0.0)


def _score_name(results: Sequence[Result]) -> str:
    """Returns what the curves of these results show."""
    points = [point for result in results for point in result.curve]
    if any(point.losing_lines is not None for point in points):
        return "minus the losing lines"
    opponents = sorted({point.opponent for point in points})
    return "mean return" if opponents == ["none"] else f"score against {', '.join(opponents)}"


def _opponent_name(results: Sequence[Result]) -> str:
    return f"score against {', '.join(sorted({result.scores[0].opponent for result in results if result.scores}))}"


DRAWN: dict[Plot, Draw] = {
    "curve": _draw_curve,
    "dots": _draw_dots,
    "simulations": _draw_simulations,
    "milestones": _draw_milestones,
}
