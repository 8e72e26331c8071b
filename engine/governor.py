"""Holds the replay ratio: gradient samples per environment step, by pausing whichever side is ahead. Arithmetic only."""

from dataclasses import dataclass

from engine.config import RunConfig


@dataclass(frozen=True)
class Governor:
    """The two limits of a run.

    Attributes:
        replay_ratio: samples per environment step.
        min_steps: environment steps before learning starts.
        slack_steps: environment steps the actors may be ahead, so that neither side waits for each single step of the other.
        batch_size: samples per learner step.
    """

    replay_ratio: float
    min_steps: int
    slack_steps: int
    batch_size: int

    def env_step_limit(self, samples: int) -> int:
        """Returns how many environment steps the actors may have played, after so many samples were trained on."""
        return self.min_steps + self.slack_steps + int(samples / self.replay_ratio)

    def may_learn(self, samples: int, env_steps: int) -> bool:
        """Returns whether the learner may take one more step."""
        return env_steps >= self.min_steps and samples + self.batch_size <= self.replay_ratio * env_steps


def governor_of(config: RunConfig) -> Governor:
    """Returns the run's governor; the slack is two learner steps' worth of moves, and one move of every game at least."""
    replay, batch_size = config.replay, config.training.batch_size
    games = max(1, config.actors.num_actors) * config.actors.games_per_actor
    slack_steps = int(2 * batch_size / replay.replay_ratio) + 2 * games
    return Governor(replay.replay_ratio, replay.min_steps, slack_steps, batch_size)
