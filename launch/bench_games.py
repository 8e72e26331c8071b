"""Measures the games alone for `bench games`: the rows and how they are shown; how one is timed is in `play_speed.py`."""

import statistics
from collections.abc import Callable, Sequence
from operator import truediv
from typing import Any, TypedDict

from engine.private_memory import search_bytes
from launch.config import playable_game
from launch.play_speed import PASSES, Episodes, exceptions_in_a_sentence, replay_speed, warm_episodes
from muzero.config import EnvConfig, SearchConfig
from muzero.types import GameSpec

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
BENCHED_SEARCH = SearchConfig(num_simulations=50)
"""What the memory of a tree is computed for."""

HEADINGS = {
    "game": "game",
    "steps_per_second": "steps/s",
    "frame_bytes": "frame_bytes",
    "tree_kilobytes": "tree kB",
    "raw_steps_per_second": "raw ale-py/s",
    "share_of_raw": "share_of_raw",
}
"""What is shown of a row, and how: without the facts that `muzero games` shows, so that it fits 80 columns."""


class SpeedRow(TypedDict):
    """One game: how fast it is played, what a step takes in the ring and a tree in the search, how near raw ale-py it is (Atari)."""

    game: str
    players: int
    actions: int
    steps_per_second: float
    frame_bytes: int
    tree_kilobytes: float
    raw_steps_per_second: float | None
    share_of_raw: float | None


def bench_games(names: Sequence[str] = (), *, seconds: float = 2.0) -> dict[str, Any]:
    """Returns the speed of the whole actor-side step of games, one core.

    Args:
        names: as for `--env`; none for DEFAULT_GAMES.
        seconds: processor time per game, more with what is played before the timed passes and with raw ale-py.

    Returns:
        {"bench": "games", "rows": [SpeedRow, ...]}

    Raises:
        UserError: a game cannot be made, breaks the contract of a game, or raises an exception.
    """
    return {"bench": "games", "rows": [_measure(name, seconds) for name in names or DEFAULT_GAMES]}


def _measure(name: str, seconds: float) -> SpeedRow:
    """Returns one row."""
    game, raw = playable_game(EnvConfig(name=name)), _raw_speed(name)
    here, there = [], []
    with exceptions_in_a_sentence(name):
        episodes = warm_episodes(game, seconds)
        for _ in range(PASSES):
            here.append(replay_speed(game, episodes))
            if raw:
                there.append(raw(episodes))
    return SpeedRow(
        game=name,
        players=game.spec.num_players,
        actions=game.spec.num_actions,
        steps_per_second=round(statistics.median(here), 1),
        frame_bytes=game.spec.frame_bytes,
        tree_kilobytes=tree_kilobytes(game.spec),
        raw_steps_per_second=round(statistics.median(there), 1) if raw else None,
        share_of_raw=round(statistics.median(map(truediv, here, there)), 3) if raw else None,
    )


def tree_kilobytes(spec: GameSpec) -> float:
    """Returns the search memory of one tree of BENCHED_SEARCH, in thousands of bytes."""
    return round(search_bytes(BENCHED_SEARCH, spec, 1) / 1000, 1)


def _raw_speed(name: str) -> Callable[[Episodes], float] | None:
    """Returns what measures raw ale-py playing the same actions, for an Atari game."""
    prefix, _, rom = name.partition(":")
    if prefix != "atari":
        return None
    from launch.bench_atari import RawAtari

    return RawAtari(rom).steps_per_second
