"""The rules for how a game plays, each a function that looks at random episodes and says what it saw.

A rule that is broken raises a UserError with one sentence. What follows when positions are compared is in `contract_comparisons.py`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from muzero.config import require
from muzero.games.contract_episodes import Episode, look, play, play_many
from muzero.games.game import Game, Step
from muzero.types import FrameArray, GameSpec

LARGEST_IN_PLANES = 100.0
"""Planes go into the network as they are: some count moves, but 255 is a picture that was not scaled."""


@dataclass
class Exhibit:
    """A game that is looked at.

    Attributes:
        make: makes another object of the same configuration.
        name: what spec.name must be; None for anything.
        num_games, seed: how many random games are played in it, and the seed of the first.
    """

    make: Callable[[], Game]
    name: str | None
    num_games: int
    seed: int

    @cached_property
    def game(self) -> Game:
        """The game; every check may reset and play it."""
        return self.make()

    @cached_property
    def episodes(self) -> list[Episode]:
        """Random games, the first of them written down with all their positions."""
        return play_many(self.game, self.num_games, self.seed)

    @property
    def watched(self) -> list[Episode]:
        """The episodes written down with all their positions."""
        return [episode for episode in self.episodes if len(episode.positions) > len(episode.actions)]


def spec_follows_from_config(exhibit: Exhibit) -> str:
    """Checks that a second object says the same of itself, and that the name is right."""
    spec, other = exhibit.game.spec, exhibit.make().spec
    require(other == spec, f"two objects of the same configuration have different specs: {spec} and {other}.")
    require(exhibit.name in (None, spec.name), f"spec.name is {spec.name!r}: it must be {exhibit.name!r}, the name the game was made by.")
    return f"named {spec.name}"


def outputs_are_overwritten(exhibit: Exhibit) -> str:
    """Checks in the first positions that nothing shines through `frame` and `legal_actions`, and that asking changes nothing."""
    game = exhibit.game
    game.reset(0)
    for _ in range(4):
        first, second = look(game, poison=99), look(game, poison=54)
        different = first.differs_from(second)
        require(
            not different,
            f"{different} of one position came out differently when asked twice: write every element of out, and change nothing.",
        )
        legal = np.flatnonzero(first.legal_actions)
        if len(legal) == 0 or (step := play(game, int(legal[0]))).is_terminal or step.is_truncated:
            break
    return "asked twice with other contents before"


def random_games_can_be_played(exhibit: Exhibit) -> str:
    """Checks that nothing is raised, by playing the episodes that the other checks look at."""
    return f"{len(exhibit.episodes)} games, seeds from {exhibit.seed}"


def random_games_end(exhibit: Exhibit) -> str:
    """Checks that something is legal until the end, and that this comes within max_moves."""
    limit = exhibit.game.spec.max_moves
    for episode in exhibit.episodes:
        something_is_legal(episode)
        goes_on = not episode.is_over and len(episode.actions) >= limit
        require(not goes_on, f"seed {episode.seed}: the game goes on after spec.max_moves ({limit}).")
    num_left = sum(not episode.is_over for episode in exhibit.episodes)
    lengths = [len(episode.actions) for episode in exhibit.episodes]
    left = f"; {num_left} of them were left after {max(lengths)} moves, as it may last {limit}" if num_left else ""
    return f"{len(lengths)} games of {min(lengths)} to {max(lengths)} moves{left}"


def something_is_legal(episode: Episode) -> None:
    """Raises UserError if an episode got stuck."""
    is_stuck = not episode.is_over and not episode.last.legal_actions.any()
    require(
        not is_stuck, f"seed {episode.seed}: nothing is legal after {len(episode.actions)} moves, but no step said that the game is over."
    )


def nothing_is_legal_after_the_end(exhibit: Exhibit) -> str:
    """Checks the last positions."""
    ended = [episode for episode in exhibit.episodes if episode.is_over]
    for episode in ended:
        num_legal = int(episode.last.legal_actions.sum())
        require(num_legal == 0, f"seed {episode.seed}: {num_legal} actions are legal after the end: write False for all.")
    return f"{len(ended)} ends"


def players_alternate(exhibit: Exhibit) -> str:
    """Checks whose turn it is before every move."""
    num_players = exhibit.game.spec.num_players
    for episode in exhibit.episodes:
        for ply, player in enumerate(episode.players):
            expected = (episode.players[0] + ply) % num_players
            require(
                player == expected,
                f"seed {episode.seed}: player {player} is to move after {ply} moves: it must be player {expected}, players alternate.",
            )
    return f"{sum(len(episode.players) for episode in exhibit.episodes)} moves"


def frames_keep_their_range(exhibit: Exhibit) -> str:
    """Checks the numbers in every frame that was written down."""
    spec, num_frames = exhibit.game.spec, 0
    for episode in exhibit.watched:
        for ply, position in enumerate(episode.positions):
            complaint = complaint_about(position.frame, spec)
            require(not complaint, f"seed {episode.seed}, after {ply} moves: {complaint}.")
        num_frames += len(episode.positions)
    return f"{num_frames} frames"


def complaint_about(frame: FrameArray, spec: GameSpec) -> str:
    """Returns what is wrong with the numbers of a frame, or ""."""
    if frame.dtype.kind == "f" and not np.isfinite(frame).all():
        return "the frame holds numbers that are not finite"
    if spec.encoding == "board" and not (frame.min() >= 0 and frame.max() <= 2):
        return f"the frame holds {frame.min()} to {frame.max()}, encoding board needs 0, 1 and 2"
    if spec.encoding == "planes" and abs(frame).max() > LARGEST_IN_PLANES:
        return (
            f"the frame holds {frame.min():g} to {frame.max():g}, encoding planes needs numbers around 1: scale them, or use encoding image"
        )
    if spec.encoding in ("chess", "shogi") and frame.min() < 0:
        return f"the frame holds {frame.min()}, encoding {spec.encoding} needs 0 and more"
    if spec.encoding == "image_actions" and spec.num_actions < 255 and frame[-1] > spec.num_actions:
        return f"the frame ends with {frame[-1]}, encoding image_actions needs the action plus 1"
    return ""


def _foreign(step: Step) -> str:
    """Returns what one of a step's two flags is that is no bool, for example numpy.bool."""
    kind = type(step.is_truncated if isinstance(step.is_terminal, bool) else step.is_terminal)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def steps_are_sound(exhibit: Exhibit) -> str:
    """Checks the types of every step and that nothing follows an end."""
    total = 0
    for episode in exhibit.episodes:
        for ply, step in enumerate(episode.steps):
            where = f"seed {episode.seed}, move {ply + 1}:"
            is_finite = type(step.reward) is not bool and isinstance(step.reward, int | float) and math.isfinite(step.reward)
            require(is_finite, f"{where} the reward is {step.reward!r} ({type(step.reward).__name__}): it must be a finite float.")
            are_bools = isinstance(step.is_terminal, bool) and isinstance(step.is_truncated, bool)
            require(are_bools, f"{where} is_terminal and is_truncated must be of Python's type bool, not {_foreign(step)}.")
            require(
                not (step.is_terminal and step.is_truncated),
                f"{where} is_terminal and is_truncated are both True: the rules end a game or a limit cuts it.",
            )
        total += len(episode.steps)
    num_cut = sum(episode.steps[-1].is_truncated for episode in exhibit.episodes if episode.is_over)
    return f"{total} steps, {num_cut} episodes cut by a limit"


def returns_stay_within_bounds(exhibit: Exhibit) -> str:
    """Checks the first player's return of every episode."""
    spec = exhibit.game.spec
    returns = [return_of(episode, spec) for episode in exhibit.episodes if episode.is_over]
    seen = f"returns from {min(returns):g} to {max(returns):g}" if returns else "no game ended"
    if spec.value_bounds is None:
        return f"{seen}; the spec gives no bounds"
    low, high = spec.value_bounds
    require(not returns or (low <= min(returns) and max(returns) <= high), f"{seen}: spec.value_bounds is {spec.value_bounds}.")
    return seen


def return_of(episode: Episode, spec: GameSpec) -> float:
    """Returns the undiscounted return of an episode, the first player's where there are two."""
    return sum(step.reward * spec.turn_sign**ply for ply, step in enumerate(episode.steps))


def both_players_see_one_result(exhibit: Exhibit) -> str:
    """Checks that what one player can win the other can lose, and tells how random games went: 0 wins show a reward's wrong sign."""
    spec = exhibit.game.spec
    if spec.num_players == 1 or spec.value_bounds is None:
        return "one player"
    low, high = spec.value_bounds
    require(
        low == -high,
        f"spec.value_bounds is {spec.value_bounds}: what one player wins the other loses, so it must be (-{high:g}, {high:g}).",
    )
    returns = [return_of(episode, spec) for episode in exhibit.episodes if episode.is_over]
    wins, losses = sum(result > 0 for result in returns), sum(result < 0 for result in returns)
    return f"first player won {wins}, second player won {losses}, drawn {len(returns) - wins - losses}"
