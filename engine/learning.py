"""The learner without its process: trainer, replay and published weights, and their exact state. No threads, no sockets."""

from typing import Any

import numpy as np
import torch

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.fresh_counts import FreshCounts
from engine.layout import Counter, Gauge
from engine.precision import learns_in_bfloat16
from engine.replay import Replay
from engine.ring import Ring
from engine.state_tree import StateTree
from engine.step_compiler import compile_step
from engine.telemetry import ProcessBlock
from engine.weights import WeightStore
from muzero.games import Game, make_game
from muzero.networks.flat_state import flatten_state, num_floats
from muzero.networks.network import build_network
from muzero.networks.shape import consistency_floats, latent_shape
from muzero.randomness import Purpose, generator
from muzero.train_step import AVERAGE_PREFIX, NETWORK_PREFIX, StepStats, Trainer
from muzero.types import Batch, Float32Array

MAX_NON_FINITE_STEPS = 3
"""So many non-finite steps in a row end the learner; it is restarted from its last checkpoint."""


def network_size(config: RunConfig) -> int:
    """Returns W, the floats of the run's network."""
    game = make_game(config.env)
    return num_floats(build_network(game.spec, game.action_planes(), config.network, config.seed))


def head_size(config: RunConfig) -> int:
    """Returns the floats of the head that the consistency loss trains beside the network, 0 without that loss."""
    return consistency_floats(config.training, latent_shape(config.network, make_game(config.env).spec))


def make_trainer(config: RunConfig, game: Game, device: torch.device) -> Trainer:
    """Returns the trainer of a run that begins."""
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    use_amp, use_compiler = learns_in_bfloat16(config.learner, is_on_gpu=device.type == "cuda"), config.learner.compile
    return Trainer(network, config.scheduled_training, device, use_amp=use_amp, seed=config.seed, use_compiler=use_compiler)


def gauges_of(stats: StepStats) -> dict[Gauge, float]:
    """Returns what telemetry shows of a training step; what is not finite is shown as 0."""
    numbers = {
        Gauge.TOTAL_LOSS: stats.total_loss,
        Gauge.VALUE_LOSS: stats.value_loss,
        Gauge.REWARD_LOSS: stats.reward_loss,
        Gauge.POLICY_LOSS: stats.policy_loss,
        Gauge.CONSISTENCY_LOSS: stats.consistency_loss,
        Gauge.GRAD_NORM: stats.grad_norm,
        Gauge.LEARNING_RATE: stats.learning_rate,
    }
    return {gauge: float(np.nan_to_num(value, posinf=0.0, neginf=0.0)) for gauge, value in numbers.items()}


class Learning:
    """Everything that learns.

    Args:
        config: the run.
        game: the world; its facts, action planes and symmetries are used.
        ring: the replay log.
        weights: where versions are published.
        device: where the network is trained.
    """

    def __init__(self, config: RunConfig, game: Game, ring: Ring, weights: WeightStore, device: torch.device) -> None:
        self._config = config
        self._weights = weights
        self.trainer = make_trainer(config, game, device)
        self.replay = Replay(
            ring,
            game.spec,
            config.replay,
            config.training,
            config.search.discount,
            generator(config.seed, Purpose.REPLAY),
            game.symmetries() if config.training.use_symmetries else None,
            config.reanalyze,
        )
        self.fresh = FreshCounts()
        self.version = 0
        self.samples = 0
        self.lag_versions = 0
        self.non_finite_steps = 0
        self._non_finite_in_a_row = 0
        self._published = np.zeros(num_floats(self.trainer.network), dtype=np.float32)
        if config.learner.compile:
            compile_step(self.trainer, self.replay.make_batch_buffers())

    @property
    def steps(self) -> int:
        """Learner steps done."""
        return self.trainer.steps

    def learn(self, batch: Batch) -> StepStats:
        """Takes one training step; a non-finite one changes nothing and is counted.

        Raises:
            RunFailed: after several non-finite steps in a row.
        """
        stats = self.trainer.step(batch)
        self.samples += len(batch.row)
        self.fresh.count(batch, self.version)
        self.lag_versions += int(np.maximum(0, self.version - batch.version).sum())
        self._non_finite_in_a_row = 0 if stats.is_finite else self._non_finite_in_a_row + 1
        self.non_finite_steps += not stats.is_finite
        if self._non_finite_in_a_row >= MAX_NON_FINITE_STEPS:
            raise RunFailed(
                f"loss or gradient was not finite {MAX_NON_FINITE_STEPS} times in a row at learner step {self.steps}: "
                "lower training.learning_rate, or look at the environment's rewards and observations."
            )
        return stats

    def publish_if_due(self) -> bool:
        """Publishes the weights at every publish_every_steps-th step; returns whether it did."""
        if self.steps % self._config.learner.publish_every_steps:
            return False
        self.publish()
        return True

    def publish(self) -> None:
        """Publishes the current weights, or their moving average where it is on, under the next version."""
        flatten_state(self.trainer.published_network, self._published)
        self.version = max(self.version, self._weights.version) + 1
        self._weights.publish(self._published, self.version)
        self.replay.newest_version = self.version

    def write_last_weights(self, out: Float32Array) -> None:
        """Writes what `publish` would publish now, and publishes nothing.

        Args:
            out: float32 [W].
        """
        flatten_state(self.trainer.published_network, out)

    def publish_again(self) -> None:
        """Publishes the version of a restored state, so that self-play goes on with exactly those weights."""
        self._weights.publish(self._published, self.version)

    def published_values(self) -> Float32Array:
        """Returns a vector, float32 [W], as large as the published weights."""
        return np.zeros_like(self._published)

    def report(self, block: ProcessBlock) -> None:
        """Writes what is counted here to the learner's telemetry."""
        block.set(Counter.SAMPLES, self.samples)
        block.set(Counter.LAG_VERSIONS, self.lag_versions)
        block.set(Counter.NON_FINITE_STEPS, self.non_finite_steps)
        block.set(Counter.SKIPPED_READS, self.replay.skipped_reads)
        block.set(Counter.PUBLISHED_VERSION, self.version)
        block.set_gauge(Gauge.RING_STEPS, self.replay.num_steps)

    def state(self) -> dict[str, StateTree]:
        """Returns everything an exact resume needs, except the ring and the network that plays (see `network_state`).

        Where the moving average plays, the trained network is in here.
        """
        playing = NETWORK_PREFIX if self.trainer.published_network is self.trainer.network else AVERAGE_PREFIX
        trainer = {name: tensor.cpu().numpy() for name, tensor in self.trainer.state_dict().items()}
        return {
            "trainer": {name: array for name, array in trainer.items() if not name.startswith(playing)},
            "replay": self.replay.state(),
            "version": self.version,
            "samples": self.samples,
            "lag_versions": self.lag_versions,
            "non_finite_steps": self.non_finite_steps,
            "published": self._published,
            "fresh": self.fresh.state(),
        }

    def network_state(self) -> dict[str, np.ndarray[Any, Any]]:
        """Returns the tensors by name of the network that plays: the moving average where it is on."""
        return {name: tensor.cpu().numpy() for name, tensor in self.trainer.published_network.state_dict().items()}

    def load_state(self, state: dict[str, StateTree], network: dict[str, np.ndarray[Any, Any]], *, with_replay: bool) -> None:
        """Restores what `state` and `network_state` returned, also under other settings of the training's options.

        Args:
            state, network: as saved.
            with_replay: False where the ring outlived the learner: its sampling state is then built anew from the ring.
        """
        is_average = any(name.startswith(NETWORK_PREFIX) for name in state["trainer"])
        playing = AVERAGE_PREFIX if is_average else NETWORK_PREFIX
        saved = {**state["trainer"], **{playing + name: array for name, array in network.items()}}
        self.trainer.load_state_dict({name: torch.from_numpy(array) for name, array in saved.items()})
        self.version, self.samples = state["version"], state["samples"]
        self.lag_versions, self.non_finite_steps = state["lag_versions"], state["non_finite_steps"]
        self._published[:] = state["published"]
        if "fresh" in state:  # not in a run from before reanalysis was there
            self.fresh.load_state(state["fresh"])
        self.replay.newest_version = self.version
        if with_replay:
            self.replay.load_state(state["replay"])
