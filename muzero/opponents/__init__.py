"""Players to measure the agent against that need no other program; the names of all opponents are in `engine/opponents`."""

from muzero.opponents.opponent import RESIGNATION, Opponent, Turn

__all__ = ["RESIGNATION", "Opponent", "Turn"]
