"""CartPole: gymnasium's CartPole-v1."""

from typing import Any

from muzero.games.gymnasium_game import GymnasiumGame


def cartpole(**kwargs: Any) -> GymnasiumGame:
    """Returns CartPole-v1: push a cart left or right under a pole, 1 point per move, 500 moves at most.

    Args:
        kwargs: passed to gymnasium.make.
    """
    return GymnasiumGame("cartpole", "CartPole-v1", **kwargs)
