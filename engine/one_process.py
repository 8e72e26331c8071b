"""A run in one process, in a fixed order, without sockets: bit-for-bit reproducible from its seed, usable under a debugger.

The same self-play, search, inference core, ring, replay, learning and checkpoints as with many processes. Whether the next thing
is a move in every game or a training step follows from the counts alone, so a resumed run goes on exactly where it was cut.
"""

import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import torch

from engine.checkpoint import CheckpointFolder
from engine.checkpoint_manifest import Checkpoint
from engine.config import RunConfig
from engine.device import out_of_memory_is_final, resolve_device
from engine.environment_failures import EnvironmentFailures
from engine.errors import MachineProblem
from engine.evaluation import hold_evaluation, moment_of, report_evaluation
from engine.governor import governor_of, reanalysis_governor_of
from engine.inference_core import InferenceCore, LocalModel
from engine.layout import (
    Control,
    Counter,
    Gauge,
    SpanKind,
    State,
    ThreadTrack,
    legal_bytes_for,
    policy_entries_for,
    ring_layout_of,
    telemetry_layout,
    weights_layout,
)
from engine.learning import Learning, gauges_of
from engine.milestones import Milestones
from engine.reanalysis import Reanalysis, count_batch
from engine.recorded_model import RecordedModel
from engine.ring import Ring
from engine.run_clock import run_seconds
from engine.shared_memory import Segment
from engine.slots import Client, clients_of, evaluation_trees, evaluator_client, num_slots, reanalyzer_client
from engine.state_tree import StateTree
from engine.step_spans import StepSpans
from engine.telemetry import ProcessIndices, Telemetry, counters_of, reanalyzed_positions, restore_counters
from engine.trace import SpanRecorder, silent_recorder
from engine.weights import WeightStore
from muzero.games import make_game
from muzero.move_outcome import MoveOutcome
from muzero.search import BatchedSearch
from muzero.self_play import SelfPlay
from muzero.types import GameSpec, InitialRequest, Model, Reply, Request


class OneProcessRun:
    """All roles of a run as plain objects.

    Args:
        config: the run; actors.num_actors is 0.
        run_dir: its folder.
        num_floats: W, floats of the network.
        resume_from: checkpoint to continue from, if any.
        on_event: told of checkpoints and evaluations.
    """

    @out_of_memory_is_final()
    def __init__(
        self, config: RunConfig, run_dir: Path, num_floats: int, resume_from: Checkpoint | None, on_event: Callable[[str], None]
    ) -> None:
        torch.set_num_threads(config.learner.num_threads)
        game = make_game(config.env)
        spec, planes = game.spec, game.action_planes()
        self._config, self._run_dir, self._on_event = config, run_dir, on_event
        self.indices = ProcessIndices.of_run(config)
        self.telemetry = Telemetry(Segment.private(telemetry_layout(self.indices.num_processes)).arrays)
        self._ring = Ring(Segment.private(ring_layout_of(config, spec)), None)
        self._weights = WeightStore(Segment.private(weights_layout(num_floats)))
        self._learning = Learning(config, game, self._ring, self._weights, resolve_device(config.learner.device))
        self._core = InferenceCore(config, spec, planes, num_slots=num_slots(config, 0), typical_batch=config.actors.games_per_group)
        self._play_spans, self._learn_spans = self.telemetry.block(0).spans, self.telemetry.block(self.indices.learner).spans
        self._step_spans = self._learning.trainer.on_phase = StepSpans(self._learn_spans)
        self._values = self._learning.published_values()
        self._checkpoints = CheckpointFolder(run_dir, config.checkpoint.keep)
        self._milestones = Milestones(run_dir, config.checkpoint.milestone_minutes)
        self._governor, self._reanalysis_governor = governor_of(config), reanalysis_governor_of(config)
        self._reanalyzed_batches = 0
        self._reanalyzers = [self._make_reanalyzer(spec) for _ in self.indices.reanalyzers]
        self._batch = self._learning.replay.make_batch_buffers()
        self._failures = EnvironmentFailures(self.telemetry.block(0), run_dir, "self-play")
        groups = clients_of(config)[: config.actors.groups]
        self._models = [self._make_model(client) for client in groups]
        if resume_from is not None:
            self._restore_counters(resume_from)
        with self._failures.reported_before_the_end():
            self._players = [self._make_player(client.num_trees, spec) for client in groups]
            self._restore(resume_from)
        self._next_evaluation = self._next_checkpoint = time.monotonic()
        self._schedule()
        for index in range(self.indices.num_processes):
            self.telemetry.block(index).set_state(State.READY)
        self._report()

    @property
    def states(self) -> dict[str, str]:
        """State name of the one role there is."""
        return {"all": State.READY.name}

    @property
    def is_done(self) -> bool:
        """Whether the last learner step is done."""
        return self._learning.steps >= self._config.last_step

    @out_of_memory_is_final()
    def turn(self) -> None:
        """Takes one training step if the governors allow it, else reanalyzes if fresh positions are missing, else plays one move in
        every game; evaluates and saves when due.
        """
        learning = self._learning
        may_learn = self._governor.may_learn(learning.samples, self._env_steps(), learning.replay.total_steps)
        has_fresh = self._reanalysis_governor.may_learn(learning.fresh.samples, self._reanalyzed_positions())
        if may_learn and has_fresh and self._sample():
            self._learn()
        elif may_learn and (not has_fresh or learning.replay.is_starved_of_fresh):
            self._reanalyze()
        else:
            with self._failures.reported_before_the_end():
                self._play()
        self._report()
        self._do_what_is_due()

    def save(self) -> None:
        """Writes a checkpoint."""
        self._save({"self_play": [player.state() for player in self._players]})

    def evaluate_last_weights(self, should_stop: Callable[[], bool]) -> None:
        """Evaluates the weights of the last step, which were perhaps not published; nothing can be played or learned afterwards.

        Args:
            should_stop: asked between moves.
        """
        self._learning.write_last_weights(self._values)
        self._core.load(self._values, self._weights.version + 1)
        deadline = time.monotonic() + self._config.evaluation.last_seconds
        self._evaluate(lambda: should_stop() or time.monotonic() > deadline)

    def save_after_failure(self) -> None:
        """Writes a checkpoint without the games going on, in which a move is half played; a resumed run plays new ones."""
        self._learning.replay.ingest()  # of the groups that had played when the failing one raised
        self._tell_if_impossible(lambda: self._save({}))

    def _save(self, games: dict[str, StateTree]) -> None:
        state = {**self._learning.state(), **games, "reanalyzed_batches": self._reanalyzed_batches}
        counters = counters_of(self.telemetry, self.indices.actors)
        facts = {**self._facts(), "reanalyzed_positions": self._reanalyzed_positions(), "counters": counters}
        path = self._checkpoints.save(self._config, state, self._learning.network_state(), self._ring, facts)
        self._on_event(f"checkpoint {path.name}")

    def _save_milestone(self) -> None:
        path = self._milestones.save(self._config, self._learning.network_state(), self._facts())
        self._on_event(f"milestone {path.name}")

    def _facts(self) -> dict[str, int | float]:
        """Returns how far the run is, as manifests say it."""
        return {"learner_steps": self._learning.steps, "env_steps": self._env_steps(), "run_seconds": run_seconds(self.telemetry)}

    def _tell_if_impossible(self, save: Callable[[], None]) -> None:
        """Writes a checkpoint; a full disk costs this one, not the run: the next may find room."""
        try:
            save()
        except MachineProblem as problem:
            self._on_event(str(problem))

    def _make_model(self, client: Client) -> RecordedModel:
        """Returns the network for the trees of a client."""
        model = LocalModel(self._core, client.first_slot, client.num_trees)
        return RecordedModel(model, self.telemetry.thread_spans(ThreadTrack.DEVICE))

    def _make_reanalyzer(self, spec: GameSpec) -> tuple[Reanalysis, RecordedModel]:
        client = reanalyzer_client(self._config, 0)
        search = BatchedSearch(self._config.search, num_trees=client.num_trees, spec=spec)
        spans = self.telemetry.block(self.indices.reanalyzers[0]).spans
        return Reanalysis(self._config, spec, self._ring, search, 0, spans), self._make_model(client)

    def _make_player(self, num_trees: int, spec: GameSpec) -> SelfPlay:
        config = self._config
        return SelfPlay(
            config.env,
            config.search,
            config.self_play,
            BatchedSearch(config.search, num_trees=num_trees, spec=spec),
            seed=config.seed,
            actor_index=0,
            policy_entries=policy_entries_for(spec.num_actions, config.replay.policy_entries),
            legal_bytes=legal_bytes_for(spec.num_actions, is_reanalyzed=config.reanalyze.is_enabled),
            next_game_index=self._next_game_index,
            learner_steps=lambda: self._learning.steps,
        )

    def _next_game_index(self) -> int:
        block = self.telemetry.block(0)
        block.add(Counter.NEXT_GAME, 1)
        return block.get(Counter.NEXT_GAME) - 1

    def _restore(self, checkpoint: Checkpoint | None) -> None:
        if checkpoint is None:
            self._learning.publish()
        else:
            self._checkpoints.restore_ring(checkpoint, self._ring)
            state = checkpoint.state()
            self._learning.load_state(state, checkpoint.network(), with_replay=True)
            self._reanalyzed_batches = int(state.get("reanalyzed_batches", 0))
            self._learning.publish_again()
            if "self_play" in state:
                self._restore_games(state["self_play"], checkpoint)
        self._swap_weights()

    def _restore_counters(self, checkpoint: Checkpoint) -> None:
        restore_counters(self.telemetry, self.indices.actors, checkpoint.manifest)

    def _restore_games(self, games: list[list[dict[str, Any]]], checkpoint: Checkpoint) -> None:
        """Goes on with the saved games, unless a setting that they were played under is another one now."""
        saved, now = checkpoint.config(), self._config
        facts = (saved.seed, saved.self_play, saved.actors, saved.reanalyze.is_enabled)
        if facts != (now.seed, now.self_play, now.actors, now.reanalyze.is_enabled):
            self._on_event("resume: seed, self_play, actors or reanalysis changed, so the games that were going on are played anew")
            return
        for player, state in zip(self._players, games, strict=True):
            player.load_state(state)
        self._restore_counters(checkpoint)  # the games that were begun instead never were

    def _swap_weights(self) -> None:
        version = self._weights.read(self._values)
        self._core.load(self._values, version)

    def _sample(self) -> bool:
        """Draws a batch; returns whether there was one."""
        began = self._learn_spans.begin()
        was_drawn = self._learning.replay.sample(self._batch)
        self._learn_spans.end(SpanKind.SAMPLE, began, len(self._batch.row))
        return was_drawn

    def _learn(self) -> None:
        started = time.monotonic_ns()
        self._step_spans.begin()
        stats = self._learning.learn(self._batch)
        self._learning.replay.update_priorities(self._batch.row, stats.priorities)
        began = self._learn_spans.begin()
        if self._learning.publish_if_due():
            self._swap_weights()
            self._learn_spans.end(SpanKind.PUBLISH, began)
        block = self.telemetry.block(self.indices.learner)
        block.add(Counter.BUSY_NANOSECONDS, time.monotonic_ns() - started)
        for gauge, value in gauges_of(stats).items():
            block.set_gauge(gauge, value)

    def _reanalyze(self) -> None:
        for (reanalysis, model), index in zip(self._reanalyzers, self.indices.reanalyzers, strict=True):
            count_batch(self.telemetry.block(index), reanalysis.run(model, self._reanalyzed_batches))
        self._reanalyzed_batches += 1

    def _play(self) -> None:
        for player, model in zip(self._players, self._models, strict=True):
            self._store(drive_move(player.play_move(), model, self._play_spans))
        self._learning.replay.ingest()

    def _store(self, outcome: MoveOutcome) -> None:
        for trajectory in outcome.trajectories:
            began = self._play_spans.begin()
            self._ring.append(trajectory)
            self._play_spans.end(SpanKind.WRITE_TRAJECTORY, began, len(trajectory.action))
        self._failures.report(outcome.failures)
        block = self.telemetry.block(0)
        block.add(Counter.ENV_STEPS, outcome.num_moves)
        block.add(Counter.GAMES, len(outcome.episodes))
        block.add(Counter.SIMULATIONS, outcome.num_simulations)
        if outcome.episodes:
            block.set_gauge(Gauge.RETURN_MEAN, outcome.episodes[-1].total_reward)
            block.set_gauge(Gauge.LENGTH_MEAN, outcome.episodes[-1].num_moves)

    def _env_steps(self) -> int:
        return self.telemetry.control(Control.ENV_STEPS_BASE) + self.telemetry.block(0).get(Counter.ENV_STEPS)

    def _reanalyzed_positions(self) -> int:
        return reanalyzed_positions(self.telemetry, self.indices.reanalyzers)

    def _report(self) -> None:
        block = self.telemetry.block(self.indices.learner)
        self.telemetry.set_control(Control.LEARNER_STEPS, self._learning.steps)
        self._learning.report(block)
        self._learning.fresh.report(block, self.telemetry.fresh_ages)

    def _schedule(self) -> None:
        now = time.monotonic()
        if self._next_checkpoint <= now:
            self._next_checkpoint = now + self._config.checkpoint.interval_seconds
        if self._next_evaluation <= now:
            self._next_evaluation = now + self._config.evaluation.interval_seconds

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        if now >= self._next_checkpoint:
            self._tell_if_impossible(self.save)
        if self._milestones.is_due(run_seconds(self.telemetry)):
            self._tell_if_impossible(self._save_milestone)
        if self._config.evaluation.is_enabled and now >= self._next_evaluation:
            self._evaluate()
        self._schedule()

    def _evaluate(self, should_stop: Callable[[], bool] = lambda: False) -> None:
        client, step = evaluator_client(self._config), self._learning.steps
        began, started = moment_of(self.telemetry, self.indices), time.monotonic()
        span = self._play_spans.begin()
        result = self._failures.evaluation(
            lambda: hold_evaluation(
                self._make_model(client),
                BatchedSearch(self._config.search, num_trees=evaluation_trees(self._config), spec=make_game(self._config.env).spec),
                self._config,
                step,
                should_stop,
            )
        )
        if self.indices.evaluator is None:
            return
        block = self.telemetry.block(self.indices.evaluator)
        block.spans.end(SpanKind.MATCH, span)
        if result is not None:
            report_evaluation(block, self._run_dir, result, began, time.monotonic() - started)


def drive_move(move: Generator[Request, Any, MoveOutcome], model: Model, spans: SpanRecorder | None = None) -> MoveOutcome:
    """Plays one move in every game with a model that answers at once; records what happens between its answers."""
    spans = spans or silent_recorder()
    reply: Reply | None = None
    kind = SpanKind.BEGIN_MOVE
    while True:
        began = spans.begin()
        try:
            request = move.send(reply)
        except StopIteration as stop:
            spans.end(SpanKind.GAME_STEP, began)
            outcome: MoveOutcome = stop.value
            return outcome
        spans.end(kind, began)
        kind = SpanKind.TREE
        reply = model.initial_inference(request) if isinstance(request, InitialRequest) else model.recurrent_inference(request)
