"""The search over settings, with a made-up machine instead of runs."""

from collections.abc import Callable

import pytest

from engine.config import InferenceConfig, LearnerConfig, RunConfig
from engine.errors import NotEnoughMemory, RunFailed
from launch.tune_search import Figures, Search
from launch.tune_values import SETTINGS, value_of, values_to_try

CONFIG = RunConfig(inference=InferenceConfig(device="cpu"), learner=LearnerConfig(device="cpu"))
NUM_CORES = 4
Speed = Callable[[RunConfig], float]


class Machine:
    """Measures by a formula, and remembers what was asked."""

    def __init__(self, speed: Speed) -> None:
        self.speed = speed
        self.names: list[str] = []

    def measure(self, config: RunConfig, name: str) -> Figures:
        self.names.append(name)
        return Figures(self.speed(config), 0.0, 0.0, "cores")


def searched(speed: Speed) -> Search:
    """Returns a search that is over."""
    search = Search(CONFIG, Machine(speed).measure, num_cores=NUM_CORES, has_gpu=False)
    search.run()
    return search


def found(search: Search) -> dict[str, int]:
    """Returns what differs from where the search began."""
    return {key: value_of(search.best, key) for key in SETTINGS if value_of(search.best, key) != value_of(CONFIG, key)}


def test_the_fastest_value_of_each_setting_is_kept() -> None:
    search = searched(lambda config: 100.0 * config.actors.num_actors + config.actors.games_per_actor + 50 * config.learner.num_threads)

    assert found(search) == {"actors.num_actors": 4, "actors.games_per_actor": 64, "learner.num_threads": 4}
    assert [(trial.setting, trial.value) for trial in search.trials if trial.is_kept] == list(found(search).items())


def test_nothing_is_kept_that_is_not_ahead_by_more_than_noise() -> None:
    search = searched(lambda config: 100.0 + 2.9 * (config.actors.num_actors == 3))

    assert found(search) == {}
    assert len(search.trials) == sum(1 + len(values_to_try(key, CONFIG, NUM_CORES, has_gpu=False)) for key in SETTINGS)


def test_a_value_that_was_fast_once_is_not_kept() -> None:
    lucky = iter([100.0, 100.0, 150.0])  # what there was, two values of the first setting
    search = searched(lambda config: next(lucky, 100.0))

    assert found(search) == {}
    first_six = [(trial.setting, trial.value) for trial in search.trials[:6]]
    assert first_six[2:5] == [("actors.num_actors", 3), ("actors.num_actors", 4), (None, None)]
    assert first_six[5] == ("actors.num_actors", 3)  # once more, beside the best so far


def test_a_machine_that_slows_down_does_not_hide_what_is_faster() -> None:
    moment = iter(range(1000))
    search = searched(lambda config: (1.5 if config.actors.groups == 4 else 1.0) * 0.995 ** next(moment))

    assert found(search) == {"actors.groups": 4}


def test_the_end_goes_back_to_the_beginning_if_that_is_not_slower() -> None:
    kept: list[bool] = []

    def speed(config: RunConfig) -> float:
        kept.append(config.actors.num_actors == 4)
        return 200.0 if kept[-1] and sum(kept) < 3 else 100.0

    search = searched(speed)

    assert any(trial.is_kept for trial in search.trials)
    assert search.trials[-2].config == CONFIG and search.best == CONFIG


def test_what_cannot_run_is_a_row_with_its_reason() -> None:
    def speed(config: RunConfig) -> float:
        if config.actors.num_actors > 2:
            raise NotEnoughMemory("too little memory for 4 actors.\nTraceback of somebody")
        return 100.0

    failed = [trial for trial in searched(speed).trials if trial.figures is None]

    assert [(trial.setting, trial.value) for trial in failed] == [("actors.num_actors", 3), ("actors.num_actors", 4)]
    assert {trial.problem for trial in failed} == {"too little memory for 4 actors."}


def test_what_the_user_has_must_run() -> None:
    def speed(config: RunConfig) -> float:
        raise RunFailed("learner was killed by SIGKILL.")

    with pytest.raises(RunFailed, match="SIGKILL"):
        searched(speed)


def test_what_was_found_before_a_stop_can_be_read() -> None:
    def speed(config: RunConfig) -> float:
        if config.actors.groups != CONFIG.actors.groups:
            raise KeyboardInterrupt
        return float(config.actors.num_actors)

    search = Search(CONFIG, Machine(speed).measure, num_cores=NUM_CORES, has_gpu=False)
    with pytest.raises(KeyboardInterrupt):
        search.run()

    assert found(search) == {"actors.num_actors": 4}
    assert (search.moves_per_second(CONFIG), search.moves_per_second(search.best)) == (2.0, 4.0)


def test_a_trial_is_named_after_what_it_changes() -> None:
    machine = Machine(lambda config: 1.0)
    Search(CONFIG, machine.measure, num_cores=NUM_CORES, has_gpu=False).run()

    assert machine.names[0] == "trial 1 of about 21, the best so far"
    assert machine.names[1] == "trial 2 of about 21, actors.num_actors = 1"
    assert len(machine.names) == 21
