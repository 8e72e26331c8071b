"""Times how fast a world is played: what an actor does with it per move, without search and network, on one core.

A first pass plays random legal moves and writes them down. The timed passes play the same episodes again, which the same seed and
the same actions allow, so that choosing moves costs nothing. A move is the legal mask, the step and the frame; starting the
episodes is counted too. Times are processor times.
"""

import statistics
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from muzero.errors import UserError
from muzero.games import Game
from muzero.games.reason import reason_of
from muzero.types import FrameArray

PASSES = 21
"""Timed passes per game, short so that one with Atari and the one with raw ale-py after it meet the same load; medians are reported."""
WARM_SHARE = 0.25
"""Part of the time per game for which it is played before anything is drawn or timed."""
NANOSECONDS = 1e9

Episodes = list[tuple[int, list[int]]]
"""Seed and actions of each."""


def steps_per_second(game: Game, *, seconds: float) -> float:
    """Returns the speed of the whole actor-side step, the median of several passes.

    Args:
        game: any, in any position.
        seconds: processor time of all passes.
    """
    episodes = warm_episodes(game, seconds)
    return statistics.median(replay_speed(game, episodes) for _ in range(PASSES))


def warm_episodes(game: Game, seconds: float) -> Episodes:
    """Returns the random episodes of one pass after others have been played, so that nothing is compiled while they are drawn or timed."""
    random_episodes(game, seconds=WARM_SHARE * seconds)
    return random_episodes(game, seconds=seconds / PASSES)


def random_episodes(game: Game, *, seconds: float) -> Episodes:
    """Returns episodes of random legal moves, as many as are played in that processor time; the last one is cut.

    Args:
        game: any, in any position.
        seconds: at least one move is played however short.
    """
    random, legal, frame = np.random.default_rng(0), np.empty(game.spec.num_actions, np.bool_), _frame_of(game)
    end = time.process_time() + seconds
    episodes: Episodes = []
    while True:
        actions: list[int] = []
        episodes.append((len(episodes), actions))
        game.reset(len(episodes) - 1)
        is_over = False
        while not is_over:
            game.legal_actions(legal)
            choices = legal.nonzero()[0]
            actions.append(int(choices[random.integers(len(choices))]))
            step = game.step(actions[-1])
            game.frame(frame)
            is_over = step.is_terminal or step.is_truncated
            if time.process_time() >= end:
                return episodes


def replay_speed(game: Game, episodes: Episodes) -> float:
    """Returns the steps per second of processor time of playing these episodes again."""
    legal, frame = np.empty(game.spec.num_actions, np.bool_), _frame_of(game)
    start = time.process_time_ns()
    for seed, actions in episodes:
        game.reset(seed)
        for action in actions:
            game.legal_actions(legal)
            game.step(action)
            game.frame(frame)
    return num_steps(episodes) * NANOSECONDS / (time.process_time_ns() - start)


def num_steps(episodes: Episodes) -> int:
    """Returns the steps of all episodes together."""
    return sum(len(actions) for _, actions in episodes)


def _frame_of(game: Game) -> FrameArray:
    """Returns memory for one frame."""
    return np.empty(game.spec.frame_shape, game.spec.frame_dtype)


@contextmanager
def exceptions_in_a_sentence(name: str) -> Iterator[None]:
    """Turns an exception of a world into a UserError that says what was raised where.

    Args:
        name: as for `--env`.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{Path(place.filename).name}, line {place.lineno}"
        raise UserError(f"environment '{name}' raised {reason_of(error)} ({where}) while it was measured: correct it.") from error
