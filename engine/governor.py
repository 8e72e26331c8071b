"""Holds two ratios by pausing whichever side is ahead: samples per environment step, and fresh ones per reanalyzed position.

Arithmetic only.
"""

import math
from dataclasses import dataclass

from engine.config import RunConfig

NO_LIMIT = 1 << 62
"""More environment steps than any run plays."""
CAUGHT_UP_SHARE = 0.9
"""After its first step the learner trains on the moves stored before it; with this share of all samples that the replay ratio allows it
has caught up."""
CATCH_UP_SECONDS = 30.0
"""A learner that is the limit takes long to catch up: so long after its first step it is measured as it is."""


@dataclass(frozen=True)
class Governor:
    """The two limits between learner and actors.

    Attributes:
        replay_ratio: samples per environment step.
        min_steps: steps stored before learning starts.
        slack_steps: environment steps the actors may be ahead, so that neither side waits for each single step of the other.
        batch_size: samples per learner step.
    """

    replay_ratio: float
    min_steps: int
    slack_steps: int
    batch_size: int

    def env_step_limit(self, samples: int, stored_steps: int) -> int:
        """Returns how many environment steps the actors may have played.

        There is no limit before learning can start: a game is stored when it ends, so that many games, all paused before
        their end, would leave nothing to learn from.

        Args:
            samples: samples trained on so far.
            stored_steps: steps ever stored for training.
        """
        if stored_steps < self.min_steps:
            return NO_LIMIT
        return self.min_steps + self.slack_steps + int(samples / self.replay_ratio)

    def may_learn(self, samples: int, env_steps: int, stored_steps: int) -> bool:
        """Returns whether the learner may take one more step, after so many samples, steps played and steps stored."""
        return stored_steps >= self.min_steps and samples + self.batch_size <= self.replay_ratio * env_steps

    def has_caught_up(self, samples: int, env_steps: int) -> bool:
        """Returns whether nearly all samples that so many environment steps allow were trained on, give or take two learner steps."""
        return samples + 2 * self.batch_size >= CAUGHT_UP_SHARE * self.replay_ratio * env_steps


def governor_of(config: RunConfig) -> Governor:
    """Returns the run's governor; the slack is two learner steps' worth of moves and two moves of every game."""
    replay, batch_size = config.replay, config.training.batch_size
    games = max(1, config.actors.num_actors) * config.actors.games_per_actor
    slack_steps = int(2 * batch_size / replay.replay_ratio) + 2 * games
    return Governor(replay.replay_ratio, replay.min_steps, slack_steps, batch_size)


@dataclass(frozen=True)
class ReanalysisGovernor:
    """The two limits between learner and reanalyzers; without reanalysis nothing is limited.

    Attributes:
        samples_per_position: fresh samples trained on per reanalyzed position.
        fresh_per_batch: fresh samples in one learner step, on average.
        min_steps: steps stored before reanalysis starts.
        slack_positions: positions the reanalyzers may be ahead, so that neither side waits for each batch of the other.
    """

    samples_per_position: float
    fresh_per_batch: float
    min_steps: int
    slack_positions: int

    def may_learn(self, fresh_samples: int, positions: int) -> bool:
        """Returns whether the learner may draw one more batch, after so many fresh samples drawn and positions reanalyzed."""
        return fresh_samples + self.fresh_per_batch <= self.samples_per_position * positions

    def position_limit(self, fresh_samples: int, positions: int, stored_steps: int, *, is_starved: bool) -> int:
        """Returns how many positions the reanalyzers may have reanalyzed.

        Where fresh targets grew too old before they were used, more are needed than the ratio allows: otherwise the
        learner would wait for reanalyzers that wait for it.

        Args:
            fresh_samples: fresh samples trained on so far.
            positions: positions reanalyzed so far.
            stored_steps: steps ever stored for training.
            is_starved: whether too few stored positions are fresh for one batch.
        """
        if stored_steps < self.min_steps:
            return 0
        limit = self.slack_positions + int(fresh_samples / self.samples_per_position)
        return max(limit, positions + self.slack_positions) if is_starved else limit


def reanalysis_governor_of(config: RunConfig) -> ReanalysisGovernor:
    """Returns the run's governor of reanalysis; the slack is two batches of every reanalyzer and four of the learner."""
    reanalyze = config.reanalyze
    fresh_per_batch = config.training.batch_size * reanalyze.fraction if reanalyze.is_enabled else 0.0
    searched = 2 * reanalyze.batch_size * max(1, reanalyze.num_reanalyzers)
    slack_positions = searched + math.ceil(4 * fresh_per_batch / reanalyze.samples_per_position)
    return ReanalysisGovernor(reanalyze.samples_per_position, fresh_per_batch, config.replay.min_steps, slack_positions)
