"""The training step alone, for the benchmark `learner`: the learner's own trainer on one batch that lies in memory. No run, no replay.

As a process it takes steps for as many seconds as a line on stdin says, prints how many that were per second, and waits for the next
line.
"""

import sys
import time

import msgspec
import numpy as np
import torch

from engine.config import RunConfig
from engine.device import resolve_device
from engine.layout import policy_entries_for, ring_layout_of, weights_layout
from engine.learning import Learning, network_size
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.weights import WeightStore
from launch.bench_child import next_question, print_answer
from launch.bench_replay import noise_episode
from muzero.config import ReanalyzeConfig
from muzero.games import make_game
from muzero.train_step import Trainer
from muzero.types import Batch

NUM_WARM_UP_STEPS = 5
QUESTION_SECONDS = 3600.0
LONGEST_EPISODE = 100
CAPACITY_STEPS = 2000


class TrainerTask(msgspec.Struct, frozen=True, kw_only=True):
    """What is trained.

    Attributes:
        config: the run whose step is measured.
    """

    config: RunConfig


def main() -> None:
    """Does the work of the process."""
    config = msgspec.json.decode(sys.argv[1], type=TrainerTask).config
    torch.set_num_threads(config.learner.num_threads)
    trainer, batch = trainer_and_batch(config)
    for _ in range(NUM_WARM_UP_STEPS):
        trainer.step(batch)
    print_answer("ready")
    while question := next_question(QUESTION_SECONDS):
        print_answer(steps_per_second(trainer, batch, float(question)))


def trainer_and_batch(config: RunConfig) -> tuple[Trainer, Batch]:
    """Returns the trainer that the run's learner would have, and a batch that its replay drew from episodes of noise."""
    replay = msgspec.structs.replace(config.replay, capacity_steps=CAPACITY_STEPS, capacity_games=None, min_steps=1)
    config = msgspec.structs.replace(config, replay=replay, reanalyze=ReanalyzeConfig())
    game, random = make_game(config.env), np.random.default_rng(0)
    ring = Ring(Segment.private(ring_layout_of(config, game.spec)), None)
    steps = min(LONGEST_EPISODE, game.spec.max_moves)
    entries = policy_entries_for(game.spec.num_actions, replay.policy_entries)
    for number in range(CAPACITY_STEPS // steps):
        ring.append(noise_episode(game.spec, steps, entries, number, random))
    weights = WeightStore(Segment.private(weights_layout(network_size(config))))
    learning = Learning(config, game, ring, weights, resolve_device(config.learner.device))
    learning.replay.ingest()
    batch = learning.replay.make_batch_buffers()
    if not learning.replay.sample(batch):
        raise RuntimeError("a full ring gave no batch.")
    return learning.trainer, batch


def steps_per_second(trainer: Trainer, batch: Batch, seconds: float) -> float:
    """Returns the speed of the step over so many seconds of wall clock."""
    steps, started = 0, time.monotonic()
    while (elapsed := time.monotonic() - started) < seconds:
        if not trainer.step(batch).is_finite:
            raise RuntimeError("a step on noise was not finite.")
        steps += 1
    return steps / elapsed


if __name__ == "__main__":
    main()
