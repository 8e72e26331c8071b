"""What a run is doing now, as one record computed from telemetry: totals, rates over the last seconds, who is throttled.

No output: the screen, `metrics.jsonl` and TensorBoard are made from this record elsewhere.
"""

import math
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from engine.config import RunConfig
from engine.layout import Control, Counter, Gauge, State
from engine.live_limit import LiveLimit
from engine.run_clock import run_seconds
from engine.telemetry import ProcessIndices, Telemetry
from muzero.games import make_game
from muzero.match_result import NO_OPPONENT

RATE_WINDOW_SECONDS = 10.0
THROTTLED_FRACTION = 0.05
"""A side that pauses for less of its time than this is not called throttled."""
NANOSECONDS = 1e9


@dataclass(frozen=True)
class Status:
    """One look at a run. Rates and means are over about the last 10 s; numbers not known yet are NaN unless said otherwise.

    Attributes:
        elapsed_seconds: time since the command of this start of the run began.
        run_seconds: the same, with all earlier starts of the run added.
        learner_steps: gradient steps done, resumed parts included.
        training_steps: gradient steps until the run is done.
        env_steps: moves played, resumed parts included.
        games: games finished by the actors, resumed parts included.
        env_steps_per_second: moves played per second.
        games_per_second: games finished per second.
        simulations: tree simulations of all actors, resumed parts included.
        simulations_per_second: the same per second.
        learner_steps_per_second: gradient steps per second.
        samples_per_second: samples trained on per second.
        batch_size_mean: leaves per forward pass of the servers; 0 without any.
        batch_fill: leaves per forward pass over leaves in flight, in [0, 1].
        policy_lag_versions: versions published between search and training, mean per sample; 0 without samples.
        replay_ratio: samples trained on per environment step; 0 without steps.
        replay_ratio_target: what the governor holds it at.
        ring_steps: steps that can be drawn from the replay ring.
        ring_capacity: steps it holds when full.
        total_loss: weighted loss of the latest step.
        value_loss: its value part.
        reward_loss: its reward part.
        policy_loss: its policy part.
        consistency_loss: its self-supervised part, in [-1, 1]; NaN where it is not trained.
        learning_rate: of the latest step.
        return_mean: mean return of the latest finished games.
        length_mean: mean length of the latest finished games, in moves.
        score: of the latest evaluation.
        losing_lines: of the latest exhaustive evaluation; -1 without one.
        evaluations: evaluations finished in this start of the run.
        evaluated_step: learner step at which the latest evaluation began; 0 before the first.
        evaluated_games: games of the latest evaluation; 0 before the first.
        opponent: whom evaluations are held against, as the settings name it; "none" where one plays alone.
        version: version of the weights last published.
        roles: state of each role, by name: the name of an `engine.layout.State`.
        restarts: roles started again so far.
        failed_games: games and evaluations that an exception ended; of resumed parts only those of the actors (in one process: all).
        throttled: whom the governor pauses: "actors", "learner" or "none".
        limit: what limits the run, the name of an `engine.verdict.Limit`; "none" once training has ended.
        reanalyzed_positions: stored positions searched again, resumed parts included.
        reanalyzed_per_second: stored positions searched again per second.
        reanalysis_share: simulations of reanalysis over those of reanalysis and self-play, in [0, 1]; 0 without any.
        fresh_fraction: samples with fresh policies over samples trained on, in [0, 1]; 0 without samples.
        fresh_target_fraction: the same of policy targets, of which a sample near the end of a game has fewer.
        fresh_age_mean: versions published between reanalysis and training, mean per fresh policy target.
        fresh_age_histogram: fresh policy targets of age 0, 1, 2 to 3, 4 to 7, ... versions; the last number of all older ones.
        policy_divergence: KL(fresh policy || policy of self-play) of reanalyzed positions in nats, running mean; how both are mixed is
            in `muzero.policy_divergence`.
        fresh_wait_fraction: part of the time that the learner waited for fresh positions, in [0, 1].
        learner_throttled_seconds: time that governors have paused the learner in this start of the run.
        data_wait_seconds: time that it has waited for batches that no governor forbade.
        eta_seconds: time left until the last step or the time limit; None when unknown.
    """

    elapsed_seconds: float
    run_seconds: float
    learner_steps: int
    training_steps: int
    env_steps: int
    games: int
    env_steps_per_second: float
    games_per_second: float
    simulations: int
    simulations_per_second: float
    learner_steps_per_second: float
    samples_per_second: float
    batch_size_mean: float
    batch_fill: float
    policy_lag_versions: float
    replay_ratio: float
    replay_ratio_target: float
    ring_steps: int
    ring_capacity: int
    total_loss: float
    value_loss: float
    reward_loss: float
    policy_loss: float
    consistency_loss: float
    learning_rate: float
    return_mean: float
    length_mean: float
    score: float
    losing_lines: int
    evaluations: int
    evaluated_step: int
    evaluated_games: int
    opponent: str
    version: int
    roles: dict[str, str]
    restarts: int
    failed_games: int
    throttled: str
    limit: str
    reanalyzed_positions: int
    reanalyzed_per_second: float
    reanalysis_share: float
    fresh_fraction: float
    fresh_target_fraction: float
    fresh_age_mean: float
    fresh_age_histogram: tuple[int, ...]
    policy_divergence: float
    fresh_wait_fraction: float
    learner_throttled_seconds: float
    data_wait_seconds: float
    eta_seconds: float | None


def status_record(status: Status) -> dict[str, Any]:
    """Returns a status as JSON can hold it: what is not known is None."""
    record = asdict(status)
    for name, value in record.items():
        if isinstance(value, float) and not math.isfinite(value):
            record[name] = None
    if status.losing_lines < 0:
        record["losing_lines"] = None
    return record


@dataclass(frozen=True)
class Totals:
    """The growing numbers at one moment, or their growth between two."""

    seconds: float
    learner_steps: int
    env_steps: int
    games: int
    simulations: int
    samples: int
    lag_versions: int
    leaves: int
    batches: int
    actors_throttled: float
    learner_throttled: float
    data_waited: float
    fresh_waited: float
    reanalyzed_positions: int
    reanalysis_simulations: int
    fresh_samples: int
    policy_targets: int
    fresh_policy_targets: int
    fresh_age_versions: int
    fresh_ages: tuple[int, ...]

    def since(self, earlier: "Totals") -> "Totals":
        """Returns the growth since an earlier moment, never negative: a learner that resumes goes back by some steps."""
        return Totals(*(_growth(getattr(self, field), getattr(earlier, field)) for field in self.__dataclass_fields__))


class StatusReader:
    """Computes the status of a run from its telemetry; remembers the last seconds for the rates."""

    def __init__(self, telemetry: Telemetry, config: RunConfig, indices: ProcessIndices, started: float) -> None:
        """Remembers where the numbers are.

        Args:
            telemetry: the run's telemetry.
            config: its settings, with the devices that were found.
            indices: which block belongs to whom.
            started: when this start of the run began, in seconds on the monotonic clock.
        """
        self._telemetry, self._config, self._indices = telemetry, config, indices
        self._learner = telemetry.block(indices.learner)
        self._history: deque[Totals] = deque()
        self._learner_was_starting = False
        self._started = started
        self._limit = LiveLimit(telemetry, config, indices)
        self._opponent = NO_OPPONENT if make_game(config.env).spec.num_players == 1 else config.evaluation.opponent

    def read(self, now_monotonic: float, roles: Mapping[str, str], restarts: int) -> Status:
        """Returns the status now.

        Args:
            now_monotonic: time in seconds on the monotonic clock.
            roles: state name of each role, as the supervisor sees it.
            restarts: roles started again so far.
        """
        totals = self._totals(now_monotonic)
        growth = totals.since(self._remember(totals))
        elapsed, learner_steps_per_second = now_monotonic - self._started, _ratio(growth.learner_steps, growth.seconds)
        return Status(
            elapsed_seconds=elapsed,
            run_seconds=run_seconds(self._telemetry, now_monotonic),
            learner_steps=totals.learner_steps,
            training_steps=self._config.last_step,
            env_steps=self._telemetry.control(Control.ENV_STEPS_BASE) + totals.env_steps,
            games=totals.games,
            env_steps_per_second=_ratio(growth.env_steps, growth.seconds),
            games_per_second=_ratio(growth.games, growth.seconds),
            simulations=totals.simulations,
            simulations_per_second=_ratio(growth.simulations, growth.seconds),
            learner_steps_per_second=learner_steps_per_second,
            samples_per_second=_ratio(growth.samples, growth.seconds),
            batch_size_mean=_ratio(growth.leaves, growth.batches),
            batch_fill=_mean(self._telemetry.block(index).gauge(Gauge.BATCH_FILL) for index in self._indices.servers),
            policy_lag_versions=_ratio(growth.lag_versions, growth.samples),
            replay_ratio=_ratio(growth.samples, growth.env_steps),
            replay_ratio_target=self._config.replay.replay_ratio,
            ring_steps=int(self._learner.gauge(Gauge.RING_STEPS)),
            ring_capacity=self._config.replay.capacity_steps,
            total_loss=self._of_training(Gauge.TOTAL_LOSS),
            value_loss=self._of_training(Gauge.VALUE_LOSS),
            reward_loss=self._of_training(Gauge.REWARD_LOSS),
            policy_loss=self._of_training(Gauge.POLICY_LOSS),
            consistency_loss=self._consistency_loss,
            learning_rate=self._of_training(Gauge.LEARNING_RATE),
            return_mean=self._of_games(Gauge.RETURN_MEAN),
            length_mean=self._of_games(Gauge.LENGTH_MEAN),
            score=self._of_evaluation(Gauge.SCORE, math.nan),
            losing_lines=int(self._of_evaluation(Gauge.LOSING_LINES, -1)),
            evaluations=self._evaluations,
            evaluated_step=int(self._of_evaluation(Gauge.EVALUATED_STEP, 0)),
            evaluated_games=int(self._of_evaluation(Gauge.EVALUATED_GAMES, 0)),
            opponent=self._opponent,
            version=self._learner.get(Counter.PUBLISHED_VERSION),
            roles=dict(roles),
            restarts=restarts,
            failed_games=self._telemetry.total(Counter.FAILED_GAMES, self._indices.players),
            throttled=_throttled(growth),
            limit=self._limit.read(now_monotonic) or "none",
            reanalyzed_positions=self._telemetry.control(Control.REANALYZED_BASE) + totals.reanalyzed_positions,
            reanalyzed_per_second=_ratio(growth.reanalyzed_positions, growth.seconds),
            reanalysis_share=_ratio(growth.reanalysis_simulations, growth.reanalysis_simulations + growth.simulations),
            fresh_fraction=_ratio(growth.fresh_samples, growth.samples),
            fresh_target_fraction=_ratio(growth.fresh_policy_targets, growth.policy_targets),
            fresh_age_mean=_ratio(growth.fresh_age_versions, growth.fresh_policy_targets),
            fresh_age_histogram=growth.fresh_ages,
            policy_divergence=self._of_reanalysis(Gauge.POLICY_DIVERGENCE),
            fresh_wait_fraction=min(1.0, _ratio(growth.fresh_waited, growth.seconds)),
            learner_throttled_seconds=totals.learner_throttled,
            data_wait_seconds=totals.data_waited,
            eta_seconds=self._eta_seconds(totals.learner_steps, learner_steps_per_second, elapsed),
        )

    def _totals(self, now: float) -> Totals:
        total, actors, servers, reanalyzers = self._telemetry.total, self._indices.actors, self._indices.servers, self._indices.reanalyzers
        return Totals(
            seconds=now,
            learner_steps=self._telemetry.control(Control.LEARNER_STEPS),
            env_steps=total(Counter.ENV_STEPS, actors),
            games=total(Counter.GAMES, actors),
            simulations=total(Counter.SIMULATIONS, actors),
            samples=self._learner.get(Counter.SAMPLES),
            lag_versions=self._learner.get(Counter.LAG_VERSIONS),
            leaves=total(Counter.SIMULATIONS, servers),
            batches=total(Counter.BATCHES, servers),
            actors_throttled=total(Counter.THROTTLED_NANOSECONDS, actors) / NANOSECONDS / len(actors),
            learner_throttled=self._learner.get(Counter.THROTTLED_NANOSECONDS) / NANOSECONDS,
            data_waited=self._learner.get(Counter.WAIT_NANOSECONDS) / NANOSECONDS,
            fresh_waited=self._learner.get(Counter.FRESH_WAIT_NANOSECONDS) / NANOSECONDS,
            reanalyzed_positions=total(Counter.REANALYZED_POSITIONS, reanalyzers),
            reanalysis_simulations=total(Counter.SIMULATIONS, reanalyzers),
            fresh_samples=self._learner.get(Counter.FRESH_SAMPLES),
            policy_targets=self._learner.get(Counter.POLICY_TARGETS),
            fresh_policy_targets=self._learner.get(Counter.FRESH_POLICY_TARGETS),
            fresh_age_versions=self._learner.get(Counter.FRESH_AGE_VERSIONS),
            fresh_ages=tuple(int(count) for count in self._telemetry.fresh_ages),
        )

    def _remember(self, totals: Totals) -> Totals:
        """Adds a moment and returns the one to measure rates from: the newest at least a window old, else the oldest."""
        is_starting = self._learner.state == State.STARTING
        if is_starting or self._learner_was_starting:
            self._history.clear()  # a learner that resumes sets its counters at once: that is no rate
        self._learner_was_starting = is_starting
        self._history.append(totals)
        while len(self._history) > 1 and totals.seconds - self._history[1].seconds >= RATE_WINDOW_SECONDS:
            self._history.popleft()
        return self._history[0]

    def _of_training(self, gauge: Gauge) -> float:
        """Returns a gauge of the latest step, NaN before the first of this start; no step has a loss of 0."""
        return self._learner.gauge(gauge) if self._learner.gauge(Gauge.TOTAL_LOSS) else math.nan

    @property
    def _consistency_loss(self) -> float:
        return self._of_training(Gauge.CONSISTENCY_LOSS) if self._config.training.consistency_loss_weight > 0.0 else math.nan

    def _of_games(self, gauge: Gauge) -> float:
        """Returns the mean over the actors of which a game has ended in this start; no game has a length of 0."""
        blocks = (self._telemetry.block(index) for index in self._indices.actors)
        return _mean(block.gauge(gauge) for block in blocks if block.gauge(Gauge.LENGTH_MEAN))

    def _of_reanalysis(self, gauge: Gauge) -> float:
        blocks = (self._telemetry.block(index) for index in self._indices.reanalyzers)
        return _mean(block.gauge(gauge) for block in blocks if block.get(Counter.REANALYZED_POSITIONS))

    @property
    def _evaluations(self) -> int:
        evaluator = self._indices.evaluator
        return 0 if evaluator is None else self._telemetry.block(evaluator).get(Counter.EVALUATIONS)

    def _of_evaluation(self, gauge: Gauge, unknown: float) -> float:
        evaluator = self._indices.evaluator
        return unknown if evaluator is None or not self._evaluations else self._telemetry.block(evaluator).gauge(gauge)

    def _eta_seconds(self, learner_steps: int, steps_per_second: float, elapsed: float) -> float | None:
        limits = []
        if steps_per_second > 0:
            limits.append(max(0, self._config.last_step - learner_steps) / steps_per_second)
        if self._config.minutes is not None:
            limits.append(max(0.0, 60 * self._config.minutes - elapsed))
        return min(limits, default=None)


def _throttled(growth: Totals) -> str:
    name, seconds = max(("actors", growth.actors_throttled), ("learner", growth.learner_throttled), key=lambda side: side[1])
    return name if seconds > THROTTLED_FRACTION * growth.seconds else "none"


def _growth(now: Any, before: Any) -> Any:
    """Returns the growth of a number, or of each number of a tuple."""
    if isinstance(now, tuple):
        return tuple(max(0, one - other) for one, other in zip(now, before, strict=True))
    return max(0, now - before)


def _ratio(amount: float, per: float) -> float:
    return amount / per if per else 0.0


def _mean(values: Iterable[float]) -> float:
    known = list(values)
    return sum(known) / len(known) if known else math.nan
