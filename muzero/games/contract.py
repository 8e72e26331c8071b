"""The contract of a game: every rule it must keep, by name, and the two ways to look whether it does.

`check_contract` is what `muzero check-env` shows; `quick_check` is what `muzero-launch` does before it starts a game it does not know.
"""

import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from muzero.config import EnvConfig, require
from muzero.errors import MuZeroError, UnsupportedGame
from muzero.games import Game, make_game, world_of
from muzero.games import contract_checks as plays
from muzero.games import contract_comparisons as compared
from muzero.games.contract_checks import Exhibit
from muzero.games.contract_episodes import Episode, play_at_random
from muzero.games.contract_spec import has_spec_and_methods, spec_agrees_with_itself
from muzero.games.reason import reason_of

QUICK_MOVES = 100
"""Moves of each of the two random games of `quick_check`."""


@dataclass(frozen=True)
class ContractCheck:
    """One rule of the contract and whether a game keeps it.

    Attributes:
        name: the rule, a sentence.
        is_met: whether it is kept.
        detail: what was seen, or what is wrong.
    """

    name: str
    is_met: bool
    detail: str


FIRST: dict[str, Callable[[Exhibit], str]] = {
    "It can be made and has all that the engine calls.": lambda exhibit: has_spec_and_methods(exhibit.game),
    "The spec agrees with itself.": lambda exhibit: spec_agrees_with_itself(exhibit.game.spec),
    "frame and legal_actions overwrite all of their output, and change nothing.": plays.outputs_are_overwritten,
    "Random games can be played.": plays.random_games_can_be_played,
}
"""Rules without which nothing else can be looked at."""
FURTHER: dict[str, Callable[[Exhibit], str]] = {
    "The same configuration gives the same spec.": plays.spec_follows_from_config,
    "Random games end within max_moves, and something is legal until then.": plays.random_games_end,
    "Nothing is legal after the end.": plays.nothing_is_legal_after_the_end,
    "Players take turns.": plays.players_alternate,
    "Frames keep the range of their encoding.": plays.frames_keep_their_range,
    "Rewards are finite, and a game ends by its rules or by a cut, not both.": plays.steps_are_sound,
    "Returns stay within value_bounds.": plays.returns_stay_within_bounds,
    "The bounds of the value are the same for both players.": plays.both_players_see_one_result,
    "Seed and actions decide the episode, whatever was played before.": compared.episodes_follow_from_seed_and_actions,
    "Every legal action can be played.": compared.legal_actions_can_be_played,
    "Every action looks different to the network.": compared.every_action_looks_different,
    "Symmetries keep frames, legal actions and rewards.": compared.symmetries_keep_the_rules,
    "A copy shows the same position and leaves the original alone.": compared.copies_are_independent,
    "Equal positions look equal, however they were reached.": compared.equal_positions_look_equal,
}
"""The other rules, in the order in which they are looked at."""


def check_contract(config: EnvConfig, *, num_games: int = 20, seed: int = 0) -> list[ContractCheck]:
    """Returns every rule with whether a game keeps it; whatever goes wrong in the game is a rule not kept, never an exception.

    Args:
        config: the game.
        num_games: random games to play, at least 1; a game for one is left after `contract_episodes.MAX_MOVES_ALONE` moves.
        seed: seed of the first random game, and of its actions; the others count up.

    Returns:
        One entry a rule. Where a rule of FIRST is broken, that is the last entry.
    """
    require(num_games >= 1, f"the contract was to be checked with {num_games} games: give at least 1.")
    exhibit = Exhibit(lambda: make_game(config), _required_name(config), num_games, seed)
    checks: list[ContractCheck] = []
    for name, look_at in FIRST.items():
        checks.append(_outcome(name, look_at, exhibit))
        if not checks[-1].is_met:
            return checks
    return checks + [_outcome(name, look_at, exhibit) for name, look_at in FURTHER.items()]


def quick_check(game: Game) -> None:
    """Looks for the most common breaches in a fraction of a second: the spec, how actions and symmetries are shown, and the
    beginnings of two random games.

    Args:
        game: is reset and played.

    Raises:
        UnsupportedGame: a rule is broken; one sentence says which.
    """
    exhibit = Exhibit(lambda: game, None, num_games=2, seed=0)
    try:
        has_spec_and_methods(game)
        spec_agrees_with_itself(game.spec)
        compared.checked_action_planes(game)
        compared.checked_symmetries(game)
        plays.outputs_are_overwritten(exhibit)
        exhibit.episodes = [_beginning(game, seed) for seed in range(exhibit.num_games)]
        for look_at in (
            plays.nothing_is_legal_after_the_end,
            plays.players_alternate,
            plays.frames_keep_their_range,
            plays.steps_are_sound,
        ):
            look_at(exhibit)
    except (Exception, SystemExit) as error:
        name = game.spec.name if hasattr(game, "spec") and hasattr(game.spec, "name") else type(game).__name__
        raise UnsupportedGame(f"game '{name}' breaks the contract of a game: {_reason(error)}") from error


def _beginning(game: Game, seed: int) -> Episode:
    """Returns the first moves of a random game, which must not get stuck."""
    episode = play_at_random(game, seed, max_moves=min(QUICK_MOVES, game.spec.max_moves))
    plays.something_is_legal(episode)
    return episode


def _required_name(config: EnvConfig) -> str | None:
    """Returns the name a game must give itself; a user's class may have any."""
    return None if world_of(config.name) is None else config.name


def _outcome(name: str, look_at: Callable[[Exhibit], str], exhibit: Exhibit) -> ContractCheck:
    """Returns a rule with what looking at it came to."""
    try:
        return ContractCheck(name, True, look_at(exhibit))
    except (Exception, SystemExit) as error:
        return ContractCheck(name, False, _reason(error))


def _reason(error: BaseException) -> str:
    """Returns one of our sentences as it is; of any other exception its type, first line and place."""
    if isinstance(error, MuZeroError):
        return str(error)
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{reason_of(error)} ({Path(place.filename).name}, line {place.lineno}, in {place.name})."
