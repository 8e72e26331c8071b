"""The opponents an agent is measured against, by name; each is in a file of its own, here or in `muzero/opponents`."""

from engine.opponents.catalogue import OPPONENTS, make_opponent, open_opponent, opening_moves_against

__all__ = ["OPPONENTS", "make_opponent", "open_opponent", "opening_moves_against"]
