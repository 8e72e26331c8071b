"""What self-play reports of each move: trajectories, finished games, counts. How it plays is `self_play.py`."""

from dataclasses import dataclass, field

from muzero.types import Trajectory


@dataclass(frozen=True)
class Episode:
    """A finished game in two numbers.

    Attributes:
        total_reward: undiscounted return; the first player's where there are two.
        num_moves: moves played, those of a random opening included.
    """

    total_reward: float
    num_moves: int


@dataclass
class MoveOutcome:
    """What one move in all games brought.

    Attributes:
        trajectories: finished (or cut) trajectories, to be stored.
        episodes: games that ended.
        num_moves: searched moves that were played; searches of cut positions and moves of random openings do not count.
        num_simulations: simulations of all games together, those of cut positions included.
        failures: for each game that an exception of the environment ended, its traceback; nothing of such a game's last piece is
            stored.
    """

    trajectories: list[Trajectory] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    num_moves: int = 0
    num_simulations: int = 0
    failures: list[str] = field(default_factory=list)
