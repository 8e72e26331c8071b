"""Measures the greedy agent in matches against an opponent or in episodes alone; the walk of all replies is in `exhaustive_walk.py`."""

from collections import deque
from collections.abc import Callable

import msgspec
import numpy as np

from muzero.config import EnvConfig, require
from muzero.exhaustive_walk import walk_all_replies
from muzero.games import make_game
from muzero.games.history import FrameHistory
from muzero.match_result import EXHAUSTIVE_OPPONENT, NO_OPPONENT, NOT_EXHAUSTIVE, MatchResult
from muzero.opponents import Opponent, make_opponent
from muzero.randomness import Purpose, generator
from muzero.search import BatchedSearch, run_search
from muzero.types import BoolArray, Model

__all__ = ["MatchResult", "evaluate", "play_matches", "walk_all_replies"]

LIFE_LOSS = "life_loss_is_terminal"
"""Setting of Atari games: a lost life ends the episode, but not the game."""
Returns = np.ndarray[tuple[int], np.dtype[np.float64]]
ShouldStop = Callable[[], bool]


def evaluate(
    model: Model,
    search: BatchedSearch,
    env_config: EnvConfig,
    *,
    opponent: str,
    num_games: int,
    seed: int,
    should_stop: ShouldStop = lambda: False,
) -> MatchResult | None:
    """Returns the agent's result in the strictest way the opponent allows: a walk of all replies for "perfect", else matches.

    Args:
        model: evaluates positions, for search.num_trees trees.
        search: chooses the agent's moves.
        env_config: which game.
        opponent: its name; ignored where the agent plays alone.
        num_games: games to play; ignored by a walk.
        seed: seed of opponents and episodes.
        should_stop: asked before each batch of searches.

    Returns:
        The result, or None once should_stop() said so.

    Raises:
        UserError: the opponent is unknown or cannot play this game, or num_games is less than 1.
    """
    if opponent == EXHAUSTIVE_OPPONENT and make_game(env_config).spec.num_players == 2:
        make_opponent(opponent, env_config)
        return walk_all_replies(model, search, env_config, should_stop)
    return play_matches(model, search, env_config, opponent=opponent, num_games=num_games, seed=seed, should_stop=should_stop)


def play_matches(
    model: Model,
    search: BatchedSearch,
    env_config: EnvConfig,
    *,
    opponent: str,
    num_games: int,
    seed: int,
    should_stop: ShouldStop = lambda: False,
) -> MatchResult | None:
    """Plays games, search.num_trees at a time and one batched search per move; the agent starts every second one.

    Game number i depends on (seed, i) and the agent only, not on how many are played at a time. Arguments, result and errors
    are those of `evaluate`, but "perfect" plays here like any other opponent.
    """
    require(num_games >= 1, f"the number of games is {num_games}: set at least 1.")
    env_config = whole_games(env_config)
    spec = make_game(env_config).spec
    rival = make_opponent(opponent, env_config) if spec.num_players == 2 else None
    history = FrameHistory(spec, search.num_trees)
    legal_actions = np.ones((search.num_trees, spec.num_actions), np.bool_)
    returns = np.zeros(num_games)
    waiting = deque(range(num_games))
    tables = [_Table(env_config, rival, seed, history, index, legal_actions[index], returns) for index in range(search.num_trees)]
    while True:
        for table in tables:
            while table.is_free and waiting:
                table.start(waiting.popleft())
        if all(table.is_free for table in tables):
            return _match_result(returns, opponent if rival else NO_OPPONENT)
        if should_stop():
            return None
        to_play = np.array([table.agent for table in tables], np.int8)
        result = run_search(model, search.steps(history.observation(to_play), legal_actions, None))
        for table, action in zip(tables, result.action, strict=True):
            if not table.is_free:
                table.play_round(int(action))


def whole_games(env_config: EnvConfig) -> EnvConfig:
    """Returns the world without what cuts games into episodes for training: a result counts whole games."""
    if not env_config.kwargs.get(LIFE_LOSS):
        return env_config
    return msgspec.structs.replace(env_config, kwargs={**env_config.kwargs, LIFE_LOSS: False})


class _Table:
    """Where one game after another is played; its rows of the shared arrays always show a position in which the agent may move.

    Attributes:
        agent: the player the agent is in the present game, 0 or 1.
        is_free: no game is going on.
    """

    def __init__(
        self,
        env_config: EnvConfig,
        rival: Opponent | None,
        seed: int,
        history: FrameHistory,
        index: int,
        legal_actions: BoolArray,
        out_returns: Returns,
    ) -> None:
        """Prepares a free table.

        Args:
            env_config: the game played here.
            rival: the opponent, None where the agent plays alone.
            seed: seed of all matches.
            history: frames of all tables.
            index: which table this is.
            legal_actions: bool [A], kept up to date for the agent's move.
            out_returns: float64 [num_games], the return of a game is added up at its number.
        """
        self._game, self._rival, self._seed = make_game(env_config), rival, seed
        self._history, self._index, self._legal_actions, self._returns = history, index, legal_actions, out_returns
        self._frame = np.zeros(self._game.spec.frame_shape, self._game.spec.frame_dtype)
        self._rival_legal_actions = np.zeros_like(legal_actions)
        self.agent, self.is_free = 0, True

    def start(self, number: int) -> None:
        """Starts game `number` and plays up to the agent's first move."""
        self._number, self._rng = number, generator(self._seed, Purpose.EVALUATION, game=number)
        self.agent, self.is_free = number % self._game.spec.num_players, False
        self._game.reset(int(self._rng.integers(2**31)))
        self._history.clear(self._index)
        self._show()
        self._let_rival_play()

    def play_round(self, action: int) -> None:
        """Plays the agent's move and what follows, up to its next one."""
        self._play(action)
        self._let_rival_play()

    def _let_rival_play(self) -> None:
        """Plays the opponent's moves until it is the agent's turn or the game is over."""
        while self._rival and not self.is_free and self._game.to_play() != self.agent:
            self._game.legal_actions(self._rival_legal_actions)
            self._play(self._rival.choose(self._game, self._rival_legal_actions, self._rng))
        if not self.is_free:
            self._game.legal_actions(self._legal_actions)

    def _play(self, action: int) -> None:
        """Plays one move, whoever's turn it is."""
        sign = 1.0 if self._game.to_play() == self.agent else -1.0
        step = self._game.step(action)
        self._returns[self._number] += sign * step.reward
        self.is_free = step.is_terminal or step.is_truncated
        if not self.is_free:
            self._show()

    def _show(self) -> None:
        """Adds the present frame to the history."""
        self._game.frame(self._frame)
        self._history.push(self._index, self._frame)


def _match_result(returns: Returns, opponent: str) -> MatchResult:
    """Returns the result of matches from the return of each, float64 [num_games]."""
    games, mean_return = len(returns), float(returns.mean())
    if opponent == NO_OPPONENT:
        return MatchResult(opponent, games, 0, 0, 0, mean_return, NOT_EXHAUSTIVE, mean_return)
    wins, losses = int((returns > 0).sum()), int((returns < 0).sum())
    draws = games - wins - losses
    return MatchResult(opponent, games, wins, draws, losses, (wins + draws / 2) / games, NOT_EXHAUSTIVE, mean_return)
