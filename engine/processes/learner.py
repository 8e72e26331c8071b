"""The learner: trains on batches from the ring, publishes weights, governs the replay ratio, writes checkpoints."""

import logging
import time
from pathlib import Path

import torch

from engine.checkpoint import CheckpointFolder
from engine.checkpoint_manifest import Checkpoint, newest_checkpoint, verify
from engine.device import out_of_memory_is_final, resolve_device
from engine.errors import MachineProblem
from engine.governor import governor_of, reanalysis_governor_of
from engine.layout import Control, Counter, SpanKind, State, ThreadTrack
from engine.learning import Learning, gauges_of
from engine.milestones import Milestones
from engine.prefetch import Prefetcher
from engine.process_life import Life, ProcessSetup, main
from engine.run_clock import run_seconds
from engine.run_parts import attach_ring, attach_weights
from engine.step_spans import StepSpans
from engine.telemetry import ProcessIndices, counters_of, reanalyzed_positions
from muzero.games import make_game
from muzero.train_step import StepStats
from muzero.types import Batch

logger = logging.getLogger(__name__)

ACTORS_END_SECONDS = 5.0


@out_of_memory_is_final()
def run(setup: ProcessSetup, life: Life) -> None:
    """Learns until the run stops or is done, then writes a last checkpoint."""
    torch.set_num_threads(setup.config.learner.num_threads)
    learner = Learner(setup, life)
    try:
        life.ready()
        while not life.should_stop() and not learner.is_done:
            learner.turn()
        learner.finish()
    finally:
        learner.close()


class Learner:
    """Learning, its data and its duties to the run."""

    def __init__(self, setup: ProcessSetup, life: Life) -> None:
        config = setup.config
        game = make_game(config.env)
        self._config = config
        self._life = life
        indices = ProcessIndices.of_run(config)
        self._actors, self._reanalyzers = indices.actors, indices.reanalyzers
        self._ring = attach_ring(setup, game.spec, config.actors.num_actors)
        device = resolve_device(config.learner.device)
        self._learning = Learning(config, game, self._ring, attach_weights(setup), device)
        self._spans, self._step_spans = life.block.spans, StepSpans(life.block.spans)
        self._learning.trainer.on_phase = self._step_spans
        self._checkpoints = CheckpointFolder(Path(setup.run_dir), config.checkpoint.keep)
        self._milestones = Milestones(Path(setup.run_dir), config.checkpoint.milestone_minutes)
        self._governor, self._reanalysis_governor = governor_of(config), reanalysis_governor_of(config)
        self._restore(setup)
        self._last_checkpoint = time.monotonic()
        self._samples_before, self._fresh_before = self._learning.samples, self._learning.fresh.samples
        prefetch_spans = life.telemetry.thread_spans(ThreadTrack.PREFETCH)
        self._prefetcher = Prefetcher(self._learning.replay, config.learner.prefetch_batches, self._may_draw, prefetch_spans)
        self._report()

    @property
    def is_done(self) -> bool:
        """Whether the last learner step is done; not one more is taken."""
        return self._learning.steps >= self._config.last_step

    def turn(self) -> None:
        """Takes one step if a batch is there; publishes and saves when due."""
        batch = self._next_batch()
        if batch is not None:
            waited = time.monotonic_ns()
            self._step_spans.begin()
            stats = self._learning.learn(batch)
            self._prefetcher.put_back(batch, stats.priorities)
            self._publish_if_due()
            self._life.block.add(Counter.BUSY_NANOSECONDS, time.monotonic_ns() - waited)
            self._show(stats)
        self._report()
        if time.monotonic() - self._last_checkpoint >= self._config.checkpoint.interval_seconds:
            self._save_if_possible()
        if self._milestones.is_due(run_seconds(self._life.telemetry)):
            self._save_milestone()

    def finish(self) -> None:
        """Ends the training if it is done, publishes the last weights, waits for the actors to store their last trajectories, then
        saves.
        """
        if self.is_done:
            self._life.telemetry.set_control(Control.TRAINING_ENDED, 1)
        self._learning.publish()
        self._report()
        deadline = time.monotonic() + ACTORS_END_SECONDS
        while time.monotonic() < deadline and any(self._life.telemetry.block(actor).state == State.READY for actor in self._actors):
            time.sleep(0.02)
            self._life.block.beat()
        self.save()

    def save(self) -> None:
        """Writes a checkpoint."""
        began = self._spans.begin()
        with self._prefetcher.paused():
            self._learning.replay.ingest()
            counters = counters_of(self._life.telemetry, self._actors)
            facts = {**self._facts(), "reanalyzed_positions": self._reanalyzed_positions(), "counters": counters}
            state, network = self._learning.state(), self._learning.network_state()
            path = self._checkpoints.save(self._config, state, network, self._ring, facts, self._life.block.beat)
        self._last_checkpoint = time.monotonic()
        self._spans.end(SpanKind.CHECKPOINT, began)
        logger.info("checkpoint %s", path.name)

    def close(self) -> None:
        """Ends the background thread."""
        self._prefetcher.close()

    def _publish_if_due(self) -> None:
        began = self._spans.begin()
        if self._learning.publish_if_due():
            self._spans.end(SpanKind.PUBLISH, began)

    def _save_if_possible(self) -> None:
        """Writes a checkpoint; a full disk costs this one, not the run: the next may find room."""
        try:
            self.save()
        except MachineProblem as problem:
            logger.warning("%s", problem)
            self._last_checkpoint = time.monotonic()

    def _save_milestone(self) -> None:
        """Keeps a copy of the network; a full disk costs this one, not the run."""
        began = self._spans.begin()
        try:
            path = self._milestones.save(self._config, self._learning.network_state(), self._facts())
        except MachineProblem as problem:
            logger.warning("%s", problem)
        else:
            self._spans.end(SpanKind.CHECKPOINT, began)
            logger.info("milestone %s", path.name)

    def _facts(self) -> dict[str, int | float]:
        """Returns how far the run is, as manifests say it."""
        return {
            "learner_steps": self._learning.steps,
            "env_steps": self._env_steps(),
            "run_seconds": run_seconds(self._life.telemetry),
        }

    def _restore(self, setup: ProcessSetup) -> None:
        """Continues from where the run was: a resumed checkpoint with its ring, or the newest one after a death of the learner."""
        checkpoint = self._checkpoint_to_continue(setup)
        if checkpoint is not None:
            is_resume = self._ring.claimed_trajectories == 0
            if is_resume:
                self._checkpoints.restore_ring(checkpoint, self._ring)
            else:
                self._checkpoints.adopt_ring(checkpoint)
            self._learning.load_state(checkpoint.state(), checkpoint.network(), with_replay=is_resume)
            logger.info("continues at %s (learner step %d)", checkpoint.path.name, self._learning.steps)
        self._learning.replay.ingest()
        self._learning.publish()

    def _checkpoint_to_continue(self, setup: ProcessSetup) -> Checkpoint | None:
        if setup.restart_count > 0:
            return newest_checkpoint(Path(setup.run_dir), logger.warning)
        return verify(Path(setup.resume_from)) if setup.resume_from is not None else None

    def _env_steps(self) -> int:
        telemetry = self._life.telemetry
        return telemetry.control(Control.ENV_STEPS_BASE) + telemetry.total(Counter.ENV_STEPS, self._actors)

    def _reanalyzed_positions(self) -> int:
        return reanalyzed_positions(self._life.telemetry, self._reanalyzers)

    def _may_draw(self, batches_drawn: int, fresh_drawn: int) -> bool:
        """Asks both governors for one more batch; called in the prefetching thread too."""
        return self._may_draw_for_actors(batches_drawn) and self._may_draw_for_reanalyzers(fresh_drawn)

    def _may_draw_for_actors(self, batches_drawn: int) -> bool:
        samples = self._samples_before + batches_drawn * self._config.training.batch_size  # not all of them trained on yet
        return self._governor.may_learn(samples, self._env_steps(), self._learning.replay.total_steps)

    def _may_draw_for_reanalyzers(self, fresh_drawn: int) -> bool:
        return self._reanalysis_governor.may_learn(self._fresh_before + fresh_drawn, self._reanalyzed_positions())

    def _is_starved_of_fresh(self) -> bool:
        """Returns whether the next batch only waits until more of what is stored is fresh."""
        return self._learning.replay.is_starved_of_fresh and self._may_draw_for_actors(self._prefetcher.batches_drawn)

    def _next_batch(self) -> Batch | None:
        """Waits a moment for a batch. The wait counts as throttling where a governor forbids a batch when it begins, else as waiting
        for data: one that ends with a batch would not say any more why it was.
        """
        block, started, began = self._life.block, time.monotonic_ns(), self._spans.begin()
        is_throttled, lacks_fresh = (False, False) if self._prefetcher.is_ready else self._why_wait()
        batch = self._prefetcher.get()
        nanoseconds = time.monotonic_ns() - started
        self._spans.end(SpanKind.THROTTLED if is_throttled else SpanKind.WAIT_DATA, began)
        block.add(Counter.THROTTLED_NANOSECONDS if is_throttled else Counter.WAIT_NANOSECONDS, nanoseconds)
        block.add(Counter.FRESH_WAIT_NANOSECONDS, nanoseconds if lacks_fresh else 0)
        self._life.progress()
        return batch

    def _why_wait(self) -> tuple[bool, bool]:
        """Returns whether a governor forbids the next batch, and whether that is for want of fresh positions."""
        prefetcher = self._prefetcher
        is_ahead_of_actors = not self._may_draw_for_actors(prefetcher.batches_drawn)
        is_ahead_of_reanalyzers = not self._may_draw_for_reanalyzers(prefetcher.fresh_drawn)
        lacks_fresh = self._is_starved_of_fresh() or (is_ahead_of_reanalyzers and not is_ahead_of_actors)
        return is_ahead_of_actors or lacks_fresh, lacks_fresh

    def _report(self) -> None:
        learning, telemetry, stored_steps = self._learning, self._life.telemetry, self._learning.replay.total_steps
        telemetry.set_control(Control.LEARNER_STEPS, learning.steps)
        telemetry.set_control(Control.ENV_STEP_LIMIT, self._governor.env_step_limit(learning.samples, stored_steps))
        telemetry.set_control(Control.REANALYSIS_LIMIT, self._reanalysis_limit(stored_steps))
        learning.report(self._life.block)
        learning.fresh.report(self._life.block, telemetry.fresh_ages)

    def _reanalysis_limit(self, stored_steps: int) -> int:
        fresh_samples, positions = self._learning.fresh.samples, self._reanalyzed_positions()
        return self._reanalysis_governor.position_limit(fresh_samples, positions, stored_steps, is_starved=self._is_starved_of_fresh())

    def _show(self, stats: StepStats) -> None:
        for gauge, value in gauges_of(stats).items():
            self._life.block.set_gauge(gauge, value)
        self._life.progress()


if __name__ == "__main__":
    main(run)
