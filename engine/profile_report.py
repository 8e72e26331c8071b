"""A profile as text: `profile.md`, with the verdict first. The figures are those of `engine/profile_figures.py`."""

from collections.abc import Iterable

from engine.profile_figures import Distribution, Figures, Phase
from engine.recording import MAIN_THREAD

BAR_WIDTH = 40


def report_of(figures: Figures, environment: str) -> str:
    """Returns the report of a profile, in Markdown.

    Args:
        figures: of the recording.
        environment: name of the world.
    """
    parts = (
        f"# Profile of {environment}, {figures.seconds:.1f} s",
        f"**{figures.verdict.sentence}**",
        "`profile.json.gz` opens in https://ui.perfetto.dev (it stays on your machine). docs/profiling.md says what each phase is.",
        f"{figures.num_spans:,} spans were recorded{_lost(figures)}.",
        "## Rates",
        _table(("", "per second"), _rates(figures)),
        "## Learner and actors",
        _table(("", ""), _balance(figures)),
        "## Cores",
        _table(("role", "cores used"), _cores(figures)),
        "## Time by role and phase",
        _table(("role", "phase", "share", "spans", "mean ms"), map(_phase_row, figures.phases)),
        "## Distributions",
        _table(("", "count", "mean", "p50", "p95", "p99"), _distributions(figures)),
        _histogram("Leaves per forward pass", figures.batch_size, ""),
        _histogram("From request to reply, as actors see it", figures.latency_milliseconds, " ms"),
        _histogram("Forward pass of the server", figures.forward_milliseconds, " ms"),
    )
    return "\n\n".join(part for part in parts if part) + "\n"


def _lost(figures: Figures) -> str:
    if not figures.num_lost_spans:
        return ""
    return f"; {figures.num_lost_spans:,} older ones were overwritten, so that shares are those of the end of the interval"


def _rates(figures: Figures) -> list[tuple[str, str]]:
    return [
        ("simulations", _number(figures.simulations_per_second)),
        ("moves (environment steps)", _number(figures.moves_per_second)),
        ("games", _number(figures.games_per_second)),
        ("learner steps", _number(figures.learner_steps_per_second)),
        ("samples trained on", _number(figures.samples_per_second)),
        ("positions reanalyzed", _number(figures.reanalyzed_per_second)),
    ]


def _balance(figures: Figures) -> list[tuple[str, str]]:
    load = figures.load
    return [
        ("device busy", f"{load.device_busy:.1%}"),
        ("server busy", f"{load.server_busy:.1%}"),
        ("learner busy", f"{load.learner_busy:.1%}"),
        ("learner paused by the replay ratio", f"{load.learner_paused:.1%}"),
        ("learner waiting for fresh positions", f"{load.fresh_waited:.1%}"),
        ("learner waiting for data", f"{load.data_waited:.1%}"),
        ("actors paused by the replay ratio", f"{load.actors_paused:.1%}"),
        ("actors waiting for replies", f"{load.actors_waiting:.1%}"),
        ("replay ratio, and its target", f"{figures.replay_ratio:.3g}, {load.replay_ratio:g}"),
        ("policy lag in versions", f"{figures.policy_lag_versions:.2f}"),
    ]


def _cores(figures: Figures) -> list[tuple[str, str]]:
    load = figures.load
    rows = [(role, f"{cores:.2f}") for role, cores in load.cores_of.items()]
    return [*rows, ("idle", f"{load.idle_cores:.2f} of {load.num_cores:g}")]


def _phase_row(phase: Phase) -> tuple[str, ...]:
    role = phase.group if phase.thread == MAIN_THREAD else f"{phase.group}, {phase.thread} thread"
    return role, phase.phase, f"{phase.share:.1%}", f"{phase.count:,}", f"{phase.mean_milliseconds:.3f}"


def _distributions(figures: Figures) -> list[tuple[str, ...]]:
    named = {
        "leaves per forward pass": figures.batch_size,
        "request to reply, ms": figures.latency_milliseconds,
        "forward pass, ms": figures.forward_milliseconds,
        "queue age at the server, ms": figures.queue_milliseconds,
    }
    return [
        (name, f"{values.count:,}", *(f"{value:.3g}" for value in (values.mean, values.p50, values.p95, values.p99)))
        for name, values in named.items()
    ]


def _histogram(title: str, values: Distribution, unit: str) -> str:
    """Returns a histogram as text, "" where there is nothing to count."""
    if not values.count:
        return ""
    first = next(index for index, count in enumerate(values.bins) if count)
    lines = []
    for index in range(first, len(values.bins)):
        low, high = values.unit * 2 ** (index - 1) if index else 0.0, values.unit * 2**index
        bar = "#" * round(BAR_WIDTH * values.bins[index] / max(values.bins))
        lines.append(f"{f'{low:g} to {high:g}{unit}':>20}  {values.bins[index]:>9,}  {bar}".rstrip())
    return f"{title}:\n\n```\n" + "\n".join(lines) + "\n```"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
