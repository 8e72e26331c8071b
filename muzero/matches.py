"""Measures the greedy agent in matches against an opponent or in episodes alone; the walk of all replies is in `exhaustive_walk.py`."""

from collections import deque
from collections.abc import Callable

import msgspec
import numpy as np

from muzero.config import EnvConfig, require
from muzero.exhaustive_walk import walk_all_replies
from muzero.games import make_game
from muzero.games.history import FrameHistory
from muzero.match_result import EXHAUSTIVE_OPPONENT, MatchResult, Returns, result_alone, result_of_games
from muzero.match_table import Table
from muzero.opponents import Opponent
from muzero.search import BatchedSearch, run_search
from muzero.types import Model

__all__ = ["MatchResult", "evaluate", "play_matches", "walk_all_replies"]

LIFE_LOSS = "life_loss_is_terminal"
"""Setting of Atari games: a lost life ends the episode, but not the game."""
ShouldStop = Callable[[], bool]
OnProgress = Callable[[Returns], None]
"""Told after each round the agent's returns of the finished games, float64 [n], in no order."""


def evaluate(
    model: Model,
    search: BatchedSearch,
    env_config: EnvConfig,
    opponent: Opponent | None,
    *,
    num_games: int,
    seed: int,
    opening_moves: int = 0,
    should_stop: ShouldStop = lambda: False,
    on_progress: OnProgress = lambda returns: None,
) -> MatchResult | None:
    """Returns the agent's result in the strictest way the opponent allows: a walk of all replies for "perfect", else matches.

    Args:
        model: evaluates positions, for search.num_trees trees.
        search: chooses the agent's moves.
        env_config: which game.
        opponent: who plays against the agent; None where it plays alone.
        num_games: games to play; ignored by a walk.
        seed: seed of opponents and episodes.
        opening_moves: random plies that each game starts with, the same for both games of a pair; ignored by a walk.
        should_stop: asked before each batch of moves.
        on_progress: told after each batch of moves; never by a walk.

    Returns:
        The result, or None once should_stop() said so.

    Raises:
        UserError: num_games or opening_moves make no sense.
        OpponentFailed: the opponent cannot go on.
    """
    if opponent is not None and opponent.name == EXHAUSTIVE_OPPONENT:
        return walk_all_replies(model, search, env_config, should_stop)
    return play_matches(
        model,
        search,
        env_config,
        opponent,
        num_games=num_games,
        seed=seed,
        opening_moves=opening_moves,
        should_stop=should_stop,
        on_progress=on_progress,
    )


def play_matches(
    model: Model,
    search: BatchedSearch,
    env_config: EnvConfig,
    opponent: Opponent | None,
    *,
    num_games: int,
    seed: int,
    opening_moves: int = 0,
    should_stop: ShouldStop = lambda: False,
    on_progress: OnProgress = lambda returns: None,
) -> MatchResult | None:
    """Plays games, search.num_trees at a time, one batch of moves of the agent and one of the opponent after the other.

    The agent moves first in games 0, 2, 4, ...; games 2 i and 2 i + 1 are a pair, with the same opening. Game number i depends on
    (seed, i) and the players only, not on how many are played at a time. Arguments, result and errors are those of `evaluate`, but
    "perfect" plays here like any other opponent.
    """
    require(num_games >= 1, f"the number of games is {num_games}: set at least 1.")
    require(opening_moves >= 0, f"the number of opening moves is {opening_moves}: set 0 or more.")
    env_config = whole_games(env_config)
    spec = make_game(env_config).spec
    require(opponent is not None or opening_moves == 0, "opening moves are for games against an opponent: leave them out.")
    history = FrameHistory(spec, search.num_trees)
    legal_actions = np.ones((search.num_trees, spec.num_actions), np.bool_)
    tables = [Table(env_config, index, seed, opening_moves, history, row) for index, row in enumerate(legal_actions)]
    match = _Match(tables, num_games)
    while match.goes_on():
        if should_stop():
            return None
        if opponent is not None and match.rivals_tables():
            _play_rival(opponent, match.rivals_tables())
        else:
            to_play = np.array([table.agent for table in tables], np.int8)
            result = run_search(model, search.steps(history.observation(to_play), legal_actions, None))
            for table, action in zip(tables, result.action, strict=True):
                if not table.is_free:
                    table.play(int(action))
        on_progress(match.finished())
    played = [match.moves[number] for number in range(num_games)]
    return result_alone(match.returns, played) if opponent is None else result_of_games(opponent.name, match.returns, played, opening_moves)


def _play_rival(opponent: Opponent, tables: list[Table]) -> None:
    """Plays the opponent's move at these tables."""
    for table, action in zip(tables, opponent.choose([table.turn() for table in tables]), strict=True):
        table.play_for_rival(opponent.name, action)


class _Match:
    """Hands out the games of a match to the tables and keeps what came of them.

    Attributes:
        returns: float64 [num_games], the agent's return of each game.
        moves: the moves of each finished game by its number.
    """

    def __init__(self, tables: list[Table], num_games: int) -> None:
        self._tables, self._waiting = tables, deque(range(num_games))
        self.returns: Returns = np.zeros(num_games)
        self.moves: dict[int, tuple[int, ...]] = {}

    def goes_on(self) -> bool:
        """Notes the games that are over, starts waiting ones at free tables, and returns whether any game goes on."""
        for table in self._tables:
            self._note(table)
            while table.is_free and self._waiting:
                table.start(self._waiting.popleft(), self.returns)
                self._note(table)
        return not all(table.is_free for table in self._tables)

    def rivals_tables(self) -> list[Table]:
        """Returns the tables where the opponent is to move."""
        return [table for table in self._tables if table.is_rivals_turn]

    def finished(self) -> Returns:
        """Returns the agent's returns of the games noted as over, float64 [n]."""
        return self.returns[list(self.moves)]

    def _note(self, table: Table) -> None:
        """Keeps the moves of a table's game if it is over."""
        if table.is_free and table.number is not None:
            self.moves[table.number] = table.moves


def whole_games(env_config: EnvConfig) -> EnvConfig:
    """Returns the world without what cuts games into episodes for training: a result counts whole games."""
    if not env_config.kwargs.get(LIFE_LOSS):
        return env_config
    return msgspec.structs.replace(env_config, kwargs={**env_config.kwargs, LIFE_LOSS: False})
