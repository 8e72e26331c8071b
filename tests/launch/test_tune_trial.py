"""When a trial begins to measure, what it measures and how it ends, told by recorded statuses; one trial is real."""

from dataclasses import replace
from pathlib import Path

import pytest

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.status import Status
from engine.stop_signals import StopSignals
from launch.tune_trial import PATIENCE_SECONDS, TrialDisplay, TrialEnded, TrialStopped, last_words, measure_trial, trial_config
from muzero.config import ReplayConfig, TrainingConfig
from tests.engine.run_examples import tiny_config

CONFIG = RunConfig(training=TrainingConfig(batch_size=100), replay=ReplayConfig(replay_ratio=4.0, min_steps=1000))


def looked_at(display: TrialDisplay, status: Status, seconds: float, *, env_steps: int, learner_steps: int) -> None:
    """Shows a display how far its run is."""
    roles, simulations = dict.fromkeys(status.roles, "READY"), 25 * env_steps
    far = {"env_steps": env_steps, "learner_steps": learner_steps, "simulations": simulations}
    display.update(replace(status, elapsed_seconds=seconds, roles=roles, restarts=0, **far))


def display_of(phases: list[str]) -> TrialDisplay:
    display = TrialDisplay(trial_config(CONFIG), 2.0, phases.append)
    display.start(CONFIG, Path("nowhere"))
    return display


def test_measuring_begins_when_the_learner_has_caught_up(status: Status) -> None:
    phases: list[str] = []
    display = display_of(phases)
    for seconds in (9.0, 10.0):
        looked_at(display, status, seconds, env_steps=500, learner_steps=0)
    looked_at(display, status, 11.0, env_steps=600, learner_steps=10)  # 1,000 of 2,400 samples
    looked_at(display, status, 12.0, env_steps=700, learner_steps=24)  # 2,400 of 2,800 and two batches on their way
    looked_at(display, status, 13.0, env_steps=800, learner_steps=32)

    with pytest.raises(TrialEnded) as ended:
        looked_at(display, status, 14.5, env_steps=950, learner_steps=38)

    figures = ended.value.outcome
    assert not isinstance(figures, RunFailed)
    assert (figures.moves_per_second, figures.learner_steps_per_second, figures.limit) == (100.0, 5.6, "learner")
    assert figures.simulations_per_second == 2500.0
    assert phases == [
        "starting",
        "waits for the first learner steps",
        *["waits until learning is steady"] * 2,
        "measured 1 of 2 s",
        "measured 2 of 2 s",
    ]


def test_a_slow_learner_is_measured_once_it_holds_the_actors_back(status: Status) -> None:
    display = display_of([])  # 100 steps before learning, 50 + 64 of slack, 32 games
    for seconds in (0.0, 1.0):
        looked_at(display, status, seconds, env_steps=5000, learner_steps=1)
    for seconds, learner_steps in ((11.0, 20), (12.0, 30), (13.0, 100)):  # the actors may have played 3,300 moves at last
        looked_at(display, status, seconds, env_steps=5000, learner_steps=learner_steps)
    looked_at(display, status, 14.0, env_steps=5000, learner_steps=190)  # 4,964, and one move of each game

    with pytest.raises(TrialEnded) as ended:
        looked_at(display, status, 16.0, env_steps=5050, learner_steps=192)

    assert not isinstance(ended.value.outcome, RunFailed)
    assert ended.value.outcome.moves_per_second == 25.0


def test_a_run_that_does_not_become_steady_is_given_up(status: Status) -> None:
    display = display_of([])
    display.update(replace(status, elapsed_seconds=-200.0, learner_steps=0, roles={"learner": "STARTING"}, restarts=0))
    looked_at(display, status, 0.0, env_steps=0, learner_steps=0)

    with pytest.raises(TrialEnded) as ended:
        looked_at(display, status, PATIENCE_SECONDS + 1, env_steps=70, learner_steps=0)

    assert "not steady within 180 s (70 moves, 0 learner steps): set fewer games" in str(ended.value.outcome)


def test_the_death_of_a_process_ends_the_trial_with_its_last_words(status: Status, tmp_path: Path) -> None:
    display = TrialDisplay(trial_config(CONFIG), 2.0, lambda phase: None)
    display.start(CONFIG, tmp_path)
    (tmp_path / "crash").mkdir()
    (tmp_path / "crash" / "learner-0.txt").write_text("Traceback\n  line\nOutOfMemoryError: CUDA out of memory.\n")
    display.message("learner ended with exit code 1: starting it again in 0.5 s")

    with pytest.raises(TrialEnded) as ended:
        looked_at(display, status, 1.0, env_steps=0, learner_steps=0)

    assert str(ended.value.outcome) == "learner ended with exit code 1 (OutOfMemoryError: CUDA out of memory)."
    assert last_words(tmp_path / "other") == ""


def test_a_trial_neither_ends_nor_evaluates_nor_saves_by_itself() -> None:
    config = trial_config(RunConfig(steps=5, minutes=1.0))

    assert (config.steps, config.minutes, config.evaluation.is_enabled, config.checkpoint.milestone_minutes) == (None, None, False, None)
    assert config.replay.min_steps == config.training.batch_size < RunConfig().replay.min_steps
    for section in ("actors", "inference", "learner", "search", "network"):
        assert getattr(config, section) == getattr(RunConfig(), section)


def test_a_signal_that_came_before_is_heeded() -> None:
    signals = StopSignals()
    signals.handle(2, None)

    with pytest.raises(TrialStopped):
        measure_trial(CONFIG, 1.0, signals)


def test_a_signal_ends_a_real_trial_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    signals = StopSignals()

    with pytest.raises(TrialStopped):
        measure_trial(tiny_config(actors={"num_actors": 1}), 1.0, signals, show=lambda text: signals.handle(2, None))

    assert signals.exit_code == 130
    assert list(tmp_path.iterdir()) == []


@pytest.mark.timeout(300)
def test_a_real_run_is_measured_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)

    figures = measure_trial(tiny_config(actors={"num_actors": 1}), 1.0, StopSignals())

    assert min(figures.moves_per_second, figures.learner_steps_per_second) > 0
    assert figures.simulations_per_second == pytest.approx(8 * figures.moves_per_second, rel=0.2)
    assert list(tmp_path.iterdir()) == []
