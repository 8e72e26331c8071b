"""What one row of the results ledger is made of. The rows themselves are in `rows.py`."""

from typing import Literal

import msgspec

Measure = Literal["score", "losing_lines", "mean_return", "elo"]
"""A number of the JSON of `muzero eval`."""
Plot = Literal["curve", "dots", "simulations", "milestones"]
"""What is drawn: the run's own evaluations over time, the final score of each row and seed, Elo against simulations per move, or
Elo against the minute of the milestone."""
Settings = dict[str, bool | int | float | str]
"""Dotted key -> value."""
RUN = "{run}"
"""Stands for the run's folder in the name of an opponent."""


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """One `muzero eval` after the training, or one between each two milestones of the run."""

    opponent: str = "random"
    """Name of the opponent; `{run}` stands for the run's folder. Ignored between milestones."""
    games: int = 200
    """Games or episodes."""
    simulations: int | None = None
    """Simulations per move; the run's own if None."""
    measure: Measure = "score"
    """The number that counts."""
    at_least: float | None = None
    """Target: the number must not be below this."""
    at_most: float | None = None
    """Target: the number must not be above this."""
    is_between_milestones: bool = False
    """Whether each milestone, and at last the end of the run, plays the milestone before it."""


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """A claim about two rows: how many environment steps this one needs to its target, as a part of the other's."""

    row: str
    """Name of the other row."""
    at_most: float
    """Target for the quotient of the medians over the seeds."""


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One claim with everything that is needed to measure it."""

    name: str
    """Name on the command line and of the result's file."""
    family: str
    """Rows of one family share a section and their plots."""
    claim: str
    """What should be true, as a sentence."""
    env: str = ""
    """World that is learned, or was by the run that is measured."""
    preset: str = "default"
    """Preset of the training."""
    settings: Settings = {}
    """Settings that differ from the preset."""
    minutes: float = 0.0
    """Limit of the training, from process start, all parts of a resumed run counted."""
    seeds: tuple[int, ...] = (1, 2)
    """Seeds that the claim is measured with."""
    evaluations: tuple[Evaluation, ...] = ()
    """What is measured after the training."""
    reach_score: float | None = None
    """Score of the run's own evaluations that counts as reaching the target, for the minutes and environment steps it took."""
    max_env_steps: int | None = None
    """Environment steps within which it must be reached."""
    compared_to: Comparison | None = None
    """A claim about this row and another one."""
    trained_by: str | None = None
    """Name of the row whose run is measured, where nothing is trained for this one."""
    plots: tuple[Plot, ...] = ("curve",)
    """What is drawn of it."""
