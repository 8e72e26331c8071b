"""Counter-based randomness: every random number of a run follows from (seed, purpose, actor, game, move) alone.

Any game of any run can therefore be replayed from its numbers, whatever the processes did around it. The generator is Philox
(Salmon et al., SC 2011), whose counter is set instead of drawn.
"""

from enum import IntEnum

import numpy as np

from muzero.config import SearchConfig
from muzero.types import BoolArray, Float32Array

MASK_64 = (1 << 64) - 1


class Purpose(IntEnum):
    """What a stream of random numbers is for; streams of different purposes never meet."""

    GAME_SEED = 0
    SELF_PLAY = 1
    EVALUATION = 2
    REPLAY = 3
    OPENING = 4
    REANALYSIS = 5
    SEARCH_LENGTH = 6


def generator(seed: int, purpose: Purpose, actor: int = 0, game: int = 0, move: int = 0) -> np.random.Generator:
    """Returns the generator of one move; equal arguments give equal numbers in every process."""
    key = np.array([seed & MASK_64, int(purpose) << 32 | actor], dtype=np.uint64)
    counter = np.array([0, move, game, 0], dtype=np.uint64)
    return np.random.Generator(np.random.Philox(counter=counter, key=key))


def game_seed(seed: int, actor: int, game: int) -> int:
    """Returns the seed, in [0, 2**31), that a game is reset with."""
    return int(generator(seed, Purpose.GAME_SEED, actor, game).integers(2**31))


def dirichlet_noise(random: np.random.Generator, legal_actions: BoolArray, alpha: float) -> Float32Array:
    """Returns one Dirichlet(alpha) sample over the legal actions.

    Args:
        random: the move's generator.
        legal_actions: bool [A].
        alpha: concentration.

    Returns:
        float32 [A], 0 at illegal actions, sums to 1.
    """
    noise = np.zeros(len(legal_actions), dtype=np.float32)
    noise[legal_actions] = random.dirichlet(np.full(int(legal_actions.sum()), alpha))
    return noise


def root_noise(random: np.random.Generator, legal_actions: BoolArray, search: SearchConfig) -> Float32Array:
    """Returns the noise that makes the root of one search explore, float32 [A]: of the kind that the rule takes.

    Args:
        random: the search's generator.
        legal_actions: bool [A].
        search: its rule and alpha.
    """
    if search.rule == "puct":
        return dirichlet_noise(random, legal_actions, search.dirichlet_alpha)
    return gumbel_noise(random, len(legal_actions))


def gumbel_noise(random: np.random.Generator, num_actions: int) -> Float32Array:
    """Returns float32 [A] samples of Gumbel(0, 1)."""
    return random.gumbel(size=num_actions).astype(np.float32)
