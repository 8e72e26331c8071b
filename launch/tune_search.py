"""The search of `muzero tune`: in which order settings are tried, and which change is kept. How a run is measured is `tune_trial.py`'s."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import NamedTuple

from engine.config import RunConfig
from launch.tune_values import SETTINGS, changed, values_to_try
from muzero.errors import MuZeroError

MARGIN = 1.03
"""A value is kept if it is faster than the best so far by this factor, twice: two trials of the same settings differ by nearly as much."""


class Figures(NamedTuple):
    """How fast a run was, over the time of a trial.

    Attributes:
        moves_per_second: environment steps of all actors while the learner keeps up the replay ratio: what is compared.
        simulations_per_second: simulations of their searches.
        learner_steps_per_second: gradient steps.
        limit: what limited it, the name of an `engine.verdict.Limit`.
    """

    moves_per_second: float
    simulations_per_second: float
    learner_steps_per_second: float
    limit: str


@dataclass(frozen=True)
class Trial:
    """One measurement.

    Attributes:
        config: what was run.
        setting: dotted key of what differs from the best so far, None where nothing does.
        value: of that setting, None as well.
        figures: what was measured, None where that failed.
        problem: the sentence of why it failed, "" where it did not.
        is_kept: whether the value was kept after this trial.
    """

    config: RunConfig
    setting: str | None
    value: int | None
    figures: Figures | None
    problem: str = ""
    is_kept: bool = False


Measure = Callable[[RunConfig, str], Figures]
"""Measures a configuration, whose name is shown meanwhile; raises MuZeroError where it cannot run. Anything else ends the search."""


class Search:
    """Coordinate descent over SETTINGS, each once; what was found so far can be read at any time.

    Attributes:
        original: the configuration that it began with.
        best: the configuration to recommend.
        trials: what was measured, in order.
    """

    def __init__(self, config: RunConfig, measure: Measure, *, num_cores: int, has_gpu: bool) -> None:
        """Remembers where to begin; measures nothing.

        Args:
            config: what the user has.
            measure: see Measure.
            num_cores: cores that a run may use.
            has_gpu: whether a device `auto` is a GPU.
        """
        self.original = self.best = config
        self.trials: list[Trial] = []
        self._measure, self._num_cores, self._has_gpu = measure, num_cores, has_gpu

    def run(self) -> None:
        """Measures until all settings were tried.

        Raises:
            MuZeroError: what the user has cannot run.
        """
        self.trials.append(Trial(self.best, None, None, self._measure(self.best, self._name(None, None))))
        for setting in SETTINGS:
            self._try_values(setting)
        if self.best != self.original:
            self._compare_with_the_original()

    def moves_per_second(self, config: RunConfig) -> float:
        """Returns how fast a configuration was that was measured: the median of its trials, of which one alone may be off by a sixth."""
        return statistics.median(trial.figures.moves_per_second for trial in self.trials if trial.config == config and trial.figures)

    def _try_values(self, setting: str) -> None:
        """Tries the values of a setting beside the best so far, then the fastest of them and the best so far once more."""
        values = self._values(setting)
        before = self._best_so_far() if values else None
        if before is None:
            return
        tried = {value: self._try_value(setting, value) for value in values}
        fastest = max(values, key=lambda value: _speed(tried[value]))
        if _is_ahead(tried[fastest], before):
            before = self._try(self.best)
            if _is_ahead(self._try_value(setting, fastest), before):
                self._keep_last()

    def _best_so_far(self) -> Figures | None:
        """Returns how fast the best so far is now: measured, unless the last trial did just that."""
        last = self.trials[-1]
        return last.figures if last.config == self.best else self._try(self.best)

    def _try(self, config: RunConfig, setting: str | None = None, value: int | None = None) -> Figures | None:
        """Measures a configuration, whose name is what it changes; returns None where it cannot run."""
        figures, problem = None, ""
        try:
            figures = self._measure(config, self._name(setting, value))
        except MuZeroError as error:
            problem = str(error).partition("\n")[0]  # behind it stand the tracebacks of what died
        self.trials.append(Trial(config, setting, value, figures, problem))
        return figures

    def _try_value(self, setting: str, value: int) -> Figures | None:
        return self._try(changed(self.best, setting, value), setting, value)

    def _keep_last(self) -> None:
        """Makes what the last trial ran the best so far."""
        self.trials[-1] = replace(self.trials[-1], is_kept=True)
        self.best = self.trials[-1].config

    def _compare_with_the_original(self) -> None:
        """Goes back to where it began unless the best is faster beside it: noise may have been followed."""
        before = self._try(self.original)
        if _speed(self._try(self.best)) <= _speed(before):
            self.best = self.original

    def _values(self, setting: str) -> list[int]:
        return values_to_try(setting, self.best, self._num_cores, has_gpu=self._has_gpu)

    def _name(self, setting: str | None, value: int | None) -> str:
        """Returns what the next trial is called, with about how many there are: as many as where nothing better is found."""
        expected = sum(1 + len(values) for values in map(self._values, SETTINGS) if values)
        what = "the best so far" if setting is None else f"{setting} = {value}"
        return f"trial {len(self.trials) + 1} of about {max(expected, len(self.trials) + 1)}, {what}"


def _speed(figures: Figures | None) -> float:
    """Returns what is compared; what could not run is slowest."""
    return figures.moves_per_second if figures else 0.0


def _is_ahead(figures: Figures | None, before: Figures | None) -> bool:
    """Returns whether one trial was faster than another by more than noise."""
    return before is not None and _speed(figures) > MARGIN * _speed(before)
