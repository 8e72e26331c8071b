"""Measures the games alone: what an actor does with a game per move, without search and network, on one core.

A first pass plays random legal moves and writes them down. The timed passes play the same episodes again, which the same seed and
the same actions allow, so that choosing moves costs nothing. A move is the legal mask, the step and the frame; starting the
episodes is counted too. Times are processor times.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

import numpy as np

from launch.games import frame_bytes
from launch.tables import print_rows
from muzero.config import EnvConfig
from muzero.games import Game, make_game
from muzero.types import FrameArray

DEFAULT_GAMES = (
    "go9",
    "go19",
    "chess",
    "shogi",
    "othello",
    "hex11",
    "gomoku",
    "connect4",
    "tictactoe",
    "cartpole",
    "atari:Breakout",
    "atari:MsPacman",
)
PASSES = 5
"""Timed passes per game; the median is reported."""
NANOSECONDS = 1e9

Episodes = list[tuple[int, list[int]]]
"""Seed and actions of each."""


class SpeedRow(TypedDict):
    """One game: how fast it is played, what a step of it takes in the ring, and how near raw ale-py it is (Atari)."""

    game: str
    players: int
    actions: int
    steps_per_second: float
    frame_bytes: int
    raw_steps_per_second: float | None
    raw_share: float | None


def bench_games(names: Sequence[str] = (), *, seconds: float = 2.0) -> dict[str, Any]:
    """Returns the speed of the whole actor-side step of games, one core.

    Args:
        names: as for `--env`; none for DEFAULT_GAMES.
        seconds: processor time per game, more with the first pass and raw ale-py.

    Returns:
        {"bench": "games", "rows": [SpeedRow, ...]}

    Raises:
        UserError: a game cannot be made.
    """
    return {"bench": "games", "rows": [_measure(name, seconds) for name in names or DEFAULT_GAMES]}


def print_speeds(record: Mapping[str, Any]) -> None:
    """Prints the rows without the facts that `muzero games` shows, so that they fit 80 columns."""
    rows = [
        {
            "game": row["game"],
            "steps/s": row["steps_per_second"],
            "frame_bytes": row["frame_bytes"],
            "raw ale-py/s": row["raw_steps_per_second"],
            "share_of_raw": row["raw_share"],
        }
        for row in record["rows"]
    ]
    print_rows(rows, title="bench games")


def _measure(name: str, seconds: float) -> SpeedRow:
    """Returns one row."""
    game = make_game(EnvConfig(name=name))
    episodes, raw = _warm_episodes(game, seconds / PASSES), _raw_speed(name)
    here, there = [], []
    for _ in range(PASSES):  # in turns, so that the machine's moods hit both
        here.append(_replay(game, episodes))
        there.append(raw(episodes) if raw else 0.0)
    speed, raw_speed = statistics.median(here), statistics.median(there)
    return SpeedRow(
        game=name,
        players=game.spec.num_players,
        actions=game.spec.num_actions,
        steps_per_second=round(speed, 1),
        frame_bytes=frame_bytes(game.spec),
        raw_steps_per_second=round(raw_speed, 1) if raw else None,
        raw_share=round(speed / raw_speed, 3) if raw else None,
    )


def steps_per_second(game: Game, *, seconds: float) -> float:
    """Returns the speed of the whole actor-side step, the median of several passes.

    Args:
        game: any, in any position.
        seconds: processor time of all passes.
    """
    episodes = _warm_episodes(game, seconds / PASSES)
    return statistics.median(_replay(game, episodes) for _ in range(PASSES))


def _warm_episodes(game: Game, seconds: float) -> Episodes:
    """Returns random episodes after others have been played, so that nothing is compiled while they are drawn or timed."""
    random_episodes(game, seconds=seconds)
    return random_episodes(game, seconds=seconds)


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


def _replay(game: Game, episodes: Episodes) -> float:
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


def _raw_speed(name: str) -> Callable[[Episodes], float] | None:
    """Returns what measures raw ale-py playing the same actions, for an Atari game."""
    prefix, _, rom = name.partition(":")
    if prefix != "atari":
        return None
    from launch.bench_atari import RawAtari

    return RawAtari(rom).steps_per_second
