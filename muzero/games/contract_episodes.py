"""Random episodes of a game, written down move by move for the checks of its contract; what they must be like is not in here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from muzero.config import require
from muzero.games.game import Game, Step
from muzero.games.time_limit import time_limit
from muzero.types import BoolArray, FrameArray

MAX_MOVES_ALONE = 500
"""A game for one is left after so many moves: an Atari game goes on for 27,000."""
STEP_SECONDS = 10.0
"""Longest time of one step: a run needs hundreds a second."""
NUM_WATCHED = 20
"""So many of the random games are written down with their positions; of the others only moves and rewards are kept."""


@dataclass(frozen=True)
class Position:
    """What a game shows between two moves.

    Attributes:
        frame: spec.frame_dtype [*frame_shape].
        legal_actions: bool [A].
        to_play: the player to move.
    """

    frame: FrameArray
    legal_actions: BoolArray
    to_play: int

    def differs_from(self, other: "Position") -> str:
        """Returns what is different in another position, or "" if nothing is."""
        same = {
            "frame": np.array_equal(self.frame, other.frame, equal_nan=self.frame.dtype.kind == "f"),
            "legal_actions": np.array_equal(self.legal_actions, other.legal_actions),
            "to_play": self.to_play == other.to_play,
        }
        return " and ".join(name for name, is_same in same.items() if not is_same)


@dataclass
class Episode:
    """A random episode, or the beginning of one.

    Attributes:
        seed: what `reset` was given.
        actions, players, steps: one entry a move: what was played, by whom, and what it led to.
        positions: the position before each move and the last one; only those of `last` for an episode nobody watched.
        last: the position after the last move.
        is_over: the game said so.
    """

    seed: int
    last: Position
    actions: list[int] = field(default_factory=list)
    players: list[int] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    positions: list[Position] = field(default_factory=list)

    @property
    def is_over(self) -> bool:
        """Whether the game said that it was."""
        return bool(self.steps) and bool(self.steps[-1].is_terminal or self.steps[-1].is_truncated)


def look(game: Game, poison: int = 99) -> Position:
    """Returns what a game shows now.

    Args:
        game: asked for frame, legal actions and player.
        poison: what its outputs are filled with before; it may not shine through.
    """
    frame = np.full(game.spec.frame_shape, poison, game.spec.frame_dtype)
    legal_actions = np.full(game.spec.num_actions, poison % 2 == 0)
    game.frame(frame)
    game.legal_actions(legal_actions)
    return Position(frame, legal_actions, game.to_play())


def play(game: Game, action: int) -> Step:
    """Returns what an action leads to.

    Raises:
        UserError: it is no Step, or there was none within STEP_SECONDS.
    """
    with time_limit(STEP_SECONDS, f"step({action}) did not return within {STEP_SECONDS:g} s: let it end."):
        step = game.step(action)
    require(isinstance(step, Step), f"step must return a Step(reward, is_terminal, is_truncated), not {type(step).__name__}.")
    return step


def play_at_random(game: Game, seed: int, *, is_watched: bool = True, max_moves: int | None = None) -> Episode:
    """Plays uniformly random legal actions until the game is over, has none, or was long enough.

    Args:
        game: any game.
        seed: of the episode and of the actions.
        is_watched: write down all positions.
        max_moves: leave it after so many moves; None for the spec's limit, or MAX_MOVES_ALONE if that is less and one plays alone.
    """
    if max_moves is None:
        max_moves = game.spec.max_moves if game.spec.num_players == 2 else min(game.spec.max_moves, MAX_MOVES_ALONE)
    random = np.random.default_rng(seed)
    game.reset(seed)
    episode = Episode(seed, look(game))
    while not episode.is_over and episode.last.legal_actions.any() and len(episode.actions) < max_moves:
        legal = np.flatnonzero(episode.last.legal_actions)
        action = int(legal[int(random.random() * len(legal))])
        if is_watched:
            episode.positions.append(episode.last)
        episode.players.append(episode.last.to_play)
        episode.actions.append(action)
        episode.steps.append(play(game, action))
        episode.last = look(game)
    episode.positions.append(episode.last)
    return episode


def play_many(game: Game, num_games: int, seed: int) -> list[Episode]:
    """Returns random episodes with consecutive seeds, the first NUM_WATCHED of them with all positions."""
    return [play_at_random(game, seed + index, is_watched=index < NUM_WATCHED) for index in range(num_games)]


def replay(game: Game, seed: int, actions: Sequence[int]) -> Iterator[tuple[Position, Step | None]]:
    """Yields each position of an episode that is played again, with the step that led to it; None for the first."""
    game.reset(seed)
    yield look(game), None
    for action in actions:
        step = play(game, action)
        yield look(game), step


def go_to(game: Game, seed: int, actions: Sequence[int]) -> Position:
    """Returns what a game shows after an episode was played again up to there."""
    game.reset(seed)
    for action in actions:
        play(game, action)
    return look(game)
