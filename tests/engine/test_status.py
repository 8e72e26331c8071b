"""The status of a run, by numbers worked out by hand."""

import math

import pytest

from engine.config import RunConfig
from engine.layout import Control, Counter, Gauge, State, telemetry_layout
from engine.shared_memory import Segment
from engine.status import Status, StatusReader, status_record
from engine.telemetry import ProcessIndices, Telemetry
from muzero.config import EnvConfig, ReplayConfig, TrainingConfig

INDICES = ProcessIndices.of(2, has_evaluator=True)
CONFIG = RunConfig(training=TrainingConfig(training_steps=1000), replay=ReplayConfig(capacity_steps=5000, replay_ratio=4.0))


class Run:
    """A run whose numbers a test sets by hand."""

    def __init__(self, config: RunConfig = CONFIG, indices: ProcessIndices = INDICES) -> None:
        self.indices = indices
        self.telemetry = Telemetry(Segment.private(telemetry_layout(indices.num_processes)).arrays)
        self.reader = StatusReader(self.telemetry, config, indices, started=0.0)
        self.actors = [self.telemetry.block(index) for index in indices.actors]
        self.server = self.telemetry.block(indices.servers[0])
        self.learner = self.telemetry.block(indices.learner)

    def read(self, now: float) -> Status:
        """Returns the status at a time."""
        return self.reader.read(now, {"actor-0": "READY"}, 3)


def test_fresh_run_knows_nothing_yet() -> None:
    status = Run().read(0.0)
    assert (status.elapsed_seconds, status.learner_steps, status.training_steps, status.env_steps) == (0.0, 0, 1000, 0)
    assert (status.env_steps_per_second, status.batch_size_mean, status.replay_ratio) == (0.0, 0.0, 0.0)
    unknown = (status.total_loss, status.learning_rate, status.return_mean, status.length_mean, status.score)
    assert all(math.isnan(value) for value in unknown)
    assert (status.losing_lines, status.evaluations, status.eta_seconds, status.throttled) == (-1, 0, None, "none")
    assert (status.replay_ratio_target, status.ring_capacity, status.roles, status.restarts) == (4.0, 5000, {"actor-0": "READY"}, 3)


def test_what_a_resumed_run_restores_are_no_returns_and_no_losses() -> None:
    run = Run()
    run.actors[0].set(Counter.GAMES, 300)
    run.learner.set(Counter.SAMPLES, 50_000)
    status = run.read(1.0)
    assert all(math.isnan(value) for value in (status.return_mean, status.length_mean, status.total_loss, status.learning_rate))
    run.actors[1].set_gauge(Gauge.RETURN_MEAN, -0.5)
    run.actors[1].set_gauge(Gauge.LENGTH_MEAN, 7.0)
    assert (run.read(2.0).return_mean, run.read(2.0).length_mean) == (-0.5, 7.0)


def test_who_plays_alone_has_no_opponent() -> None:
    assert Run().read(0.0).opponent == "random"
    alone = RunConfig(env=EnvConfig(name="cartpole"))
    assert Run(alone).read(0.0).opponent == "none"


def test_what_a_resumed_learner_restores_is_no_rate() -> None:
    run = Run()
    run.learner.set_state(State.STARTING)
    run.read(100.0)
    run.learner.set(Counter.SAMPLES, 50_000)
    run.learner.set_state(State.READY)
    assert run.read(101.0).samples_per_second == 0.0
    run.learner.set(Counter.SAMPLES, 50_300)
    assert run.read(103.0).samples_per_second == 150.0


def test_what_is_not_known_is_none_in_a_record() -> None:
    record = status_record(Run().read(50.0))
    assert (record["losing_lines"], record["score"], record["total_loss"], record["learner_steps"]) == (None, None, None, 0)


def test_rates_are_growth_per_second() -> None:
    run = Run()
    run.read(100.0)
    run.actors[0].set(Counter.ENV_STEPS, 30)
    run.actors[1].set(Counter.ENV_STEPS, 10)
    run.actors[1].set(Counter.GAMES, 4)
    run.actors[0].set(Counter.SIMULATIONS, 2000)
    run.server.set(Counter.SIMULATIONS, 1600)
    run.server.set(Counter.BATCHES, 50)
    run.learner.set(Counter.SAMPLES, 120)
    run.learner.set(Counter.LAG_VERSIONS, 180)
    run.telemetry.set_control(Control.LEARNER_STEPS, 20)
    status = run.read(104.0)
    assert (status.elapsed_seconds, status.env_steps_per_second, status.games_per_second) == (104.0, 10.0, 1.0)
    assert (status.simulations_per_second, status.learner_steps_per_second, status.samples_per_second) == (500.0, 5.0, 30.0)
    assert (status.batch_size_mean, status.policy_lag_versions, status.replay_ratio) == (32.0, 1.5, 3.0)
    assert status.eta_seconds == (1000 - 20) / 5.0


def test_rates_forget_what_is_older_than_ten_seconds() -> None:
    run = Run()
    run.actors[0].set(Counter.ENV_STEPS, 1000)
    run.read(0.0)
    for second in range(1, 13):
        run.actors[0].set(Counter.ENV_STEPS, 1000 + (90 if second <= 2 else 100))
        status = run.read(float(second))
    assert status.env_steps_per_second == (1100 - 1090) / 10


def test_totals_include_the_resumed_part() -> None:
    run = Run()
    run.telemetry.set_control(Control.ENV_STEPS_BASE, 500)
    run.actors[0].set(Counter.ENV_STEPS, 7)
    assert run.read(0.0).env_steps == 507


def test_learner_that_goes_back_to_its_checkpoint_has_rate_zero() -> None:
    run = Run()
    run.telemetry.set_control(Control.LEARNER_STEPS, 100)
    run.read(0.0)
    run.telemetry.set_control(Control.LEARNER_STEPS, 60)
    status = run.read(1.0)
    assert (status.learner_steps, status.learner_steps_per_second, status.eta_seconds) == (60, 0.0, None)


@pytest.mark.parametrize(("actors", "learner", "throttled"), [(2.0, 0.4, "actors"), (0.4, 0.5, "learner"), (0.08, 0.04, "none")])
def test_throttled_is_the_side_that_pauses_most(actors: float, learner: float, throttled: str) -> None:
    run = Run()
    run.read(0.0)
    run.actors[0].set(Counter.THROTTLED_NANOSECONDS, int(actors * 1e9))
    run.learner.set(Counter.THROTTLED_NANOSECONDS, int(learner * 1e9))
    assert run.read(1.0).throttled == throttled


def test_mean_return_leaves_out_actors_without_a_game() -> None:
    run = Run()
    run.actors[1].set(Counter.GAMES, 1)
    run.actors[1].set_gauge(Gauge.RETURN_MEAN, 9.0)
    run.actors[1].set_gauge(Gauge.LENGTH_MEAN, 12.0)
    status = run.read(0.0)
    assert (status.return_mean, status.length_mean) == (9.0, 12.0)


def test_losses_and_evaluation_appear_once_there_are_any() -> None:
    run = Run()
    run.learner.set(Counter.SAMPLES, 1)
    evaluator = run.telemetry.block(INDICES.evaluator or 0)
    evaluator.set(Counter.EVALUATIONS, 2)
    values = {Gauge.TOTAL_LOSS: 4.0, Gauge.VALUE_LOSS: 1.0, Gauge.REWARD_LOSS: 0.5, Gauge.POLICY_LOSS: 2.5, Gauge.LEARNING_RATE: 0.01}
    for gauge, value in values.items():
        run.learner.set_gauge(gauge, value)
    for gauge, value in {Gauge.SCORE: 0.75, Gauge.LOSING_LINES: 3.0, Gauge.EVALUATED_STEP: 400.0}.items():
        evaluator.set_gauge(gauge, value)
    status = run.read(0.0)
    assert (status.total_loss, status.value_loss, status.reward_loss, status.policy_loss, status.learning_rate) == (4, 1, 0.5, 2.5, 0.01)
    assert (status.score, status.losing_lines, status.evaluated_step, status.evaluations) == (0.75, 3, 400, 2)


def test_the_consistency_loss_is_known_only_where_it_is_trained() -> None:
    trained, plain = Run(RunConfig(training=TrainingConfig(consistency_loss_weight=2.0))), Run()
    for run in (trained, plain):
        run.learner.set_gauge(Gauge.TOTAL_LOSS, 1.0)
        run.learner.set_gauge(Gauge.CONSISTENCY_LOSS, -0.75)
    assert trained.read(0.0).consistency_loss == -0.75
    assert math.isnan(plain.read(0.0).consistency_loss)


def test_what_a_benchmark_measures_by_is_told_in_totals() -> None:
    run = Run()
    for actor, simulations in zip(run.actors, (300, 200), strict=True):
        actor.set(Counter.SIMULATIONS, simulations)
    run.learner.set(Counter.THROTTLED_NANOSECONDS, 2_500_000_000)
    run.learner.set(Counter.WAIT_NANOSECONDS, 250_000_000)
    status = run.read(20.0)
    assert (status.simulations, status.learner_throttled_seconds, status.data_wait_seconds) == (500, 2.5, 0.25)


def test_time_limit_bounds_the_time_left() -> None:
    run = Run(RunConfig(minutes=2.0, training=TrainingConfig(training_steps=1000)))
    run.read(0.0)
    assert run.read(30.0).eta_seconds == 90.0
    run.telemetry.set_control(Control.LEARNER_STEPS, 990)
    assert run.read(31.0).eta_seconds == pytest.approx(10 / (990 / 31))


def test_run_without_an_evaluator_has_no_score() -> None:
    status = Run(indices=ProcessIndices.of(2, has_evaluator=False)).read(0.0)
    assert math.isnan(status.score) and (status.evaluations, status.evaluated_step) == (0, 0)


def test_what_reanalysis_does_is_measured_over_the_window() -> None:
    run = Run(indices=ProcessIndices.of(2, num_reanalyzers=2, has_evaluator=True))
    first, second = (run.telemetry.block(index) for index in run.indices.reanalyzers)
    run.telemetry.set_control(Control.REANALYZED_BASE, 1000)
    run.learner.set(Counter.SAMPLES, 50)
    run.learner.set(Counter.FRESH_SAMPLES, 10)
    run.telemetry.fresh_ages[:3] = 5, 5, 5
    run.read(0.0)
    first.set(Counter.REANALYZED_POSITIONS, 30)
    second.set(Counter.REANALYZED_POSITIONS, 10)
    first.set_gauge(Gauge.POLICY_DIVERGENCE, 0.25)
    second.set_gauge(Gauge.POLICY_DIVERGENCE, 0.75)
    first.set(Counter.SIMULATIONS, 300)
    run.actors[0].set(Counter.SIMULATIONS, 100)
    growth = {"SAMPLES": 150, "FRESH_SAMPLES": 90, "POLICY_TARGETS": 400, "FRESH_POLICY_TARGETS": 300, "FRESH_AGE_VERSIONS": 600}
    for name, value in (growth | {"FRESH_WAIT_NANOSECONDS": 10**9}).items():
        run.learner.set(Counter[name], value)
    run.telemetry.fresh_ages[:3] = 5, 25, 12
    status = run.read(4.0)
    assert (status.reanalyzed_positions, status.reanalyzed_per_second, status.reanalysis_share) == (1040, 10.0, 0.75)
    assert (status.fresh_fraction, status.fresh_target_fraction, status.fresh_age_mean) == (0.8, 0.75, 2.0)
    assert status.fresh_age_histogram == (0, 20, 7, *[0] * 13)
    assert (status.policy_divergence, status.fresh_wait_fraction) == (0.5, 0.25)


def test_leaves_and_batches_are_those_of_all_servers() -> None:
    indices = ProcessIndices.of(2, num_servers=2, has_evaluator=True)
    run = Run(indices=indices)
    run.read(0.0)
    for index, leaves, batches, fill in zip(indices.servers, (300, 100), (10, 10), (1.0, 0.5), strict=True):
        server = run.telemetry.block(index)
        server.set(Counter.SIMULATIONS, leaves)
        server.set(Counter.BATCHES, batches)
        server.set_gauge(Gauge.BATCH_FILL, fill)
    status = run.read(5.0)
    assert (status.batch_size_mean, status.batch_fill) == (20.0, 0.75)
