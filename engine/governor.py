"""Holds the replay ratio: gradient samples per environment step, by pausing whichever side is ahead. Arithmetic only."""

from dataclasses import dataclass

from engine.config import RunConfig

NO_LIMIT = 1 << 62
"""More environment steps than any run plays."""


@dataclass(frozen=True)
class Governor:
    """The two limits of a run.

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


def governor_of(config: RunConfig) -> Governor:
    """Returns the run's governor; the slack is two learner steps' worth of moves and two moves of every game."""
    replay, batch_size = config.replay, config.training.batch_size
    games = max(1, config.actors.num_actors) * config.actors.games_per_actor
    slack_steps = int(2 * batch_size / replay.replay_ratio) + 2 * games
    return Governor(replay.replay_ratio, replay.min_steps, slack_steps, batch_size)
