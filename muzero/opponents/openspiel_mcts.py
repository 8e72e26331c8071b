"""OpenSpiel's own Monte-Carlo tree search with random rollouts as an opponent, for every game whose rules are OpenSpiel's."""

from collections.abc import Sequence

import numpy as np
import pyspiel

from muzero.config import EnvConfig, require
from muzero.games import make_game
from muzero.games.openspiel_game import OpenSpielGame
from muzero.opponents.opponent import Turn

EXPLORATION = 2.0
"""Its constant of UCT, as in OpenSpiel's own examples."""
MEMORY_MEGABYTES = 1000
MOST_ROLLOUTS = 10_000_000


class OpenSpielMctsOpponent:
    """Plays what OpenSpiel's MCTSBot finds: UCT, one rollout a leaf, proven results backed up; see `Opponent` for its methods."""

    def __init__(self, name: str, env_config: EnvConfig, *, rollouts: int) -> None:
        """Prepares for a world.

        Args:
            name: its name in full.
            env_config: the world to play.
            rollouts: simulations per move, one random rollout each.

        Raises:
            UserError: the world's rules are not OpenSpiel's, or so many rollouts make no sense.
        """
        is_openspiel = isinstance(make_game(env_config), OpenSpielGame)
        require(is_openspiel, f"opponent '{name}' plays by OpenSpiel's rules, which '{env_config.name}' has not: choose another one.")
        require(1 <= rollouts <= MOST_ROLLOUTS, f"opponent '{name}' has {rollouts} rollouts: set 1 to {MOST_ROLLOUTS}.")
        self.name, self._rollouts = name, rollouts

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns the move its search prefers at each turn."""
        return [self._choose(turn) for turn in turns]

    def close(self) -> None:
        """Holds nothing."""

    def _choose(self, turn: Turn) -> int:
        """Returns the best move; where our rules forbid it, as superko does in Go, the most visited one that they allow."""
        assert isinstance(turn.game, OpenSpielGame)  # the constructor saw to it
        root = self._search(turn.game, turn.rng)
        best = turn.game.action_of(root.best_child().action)
        if turn.legal_actions[best]:
            return best
        visits = {turn.game.action_of(child.action): child.explore_count for child in root.children}
        return max((action for action in visits if turn.legal_actions[action]), key=lambda action: visits[action])

    def _search(self, game: OpenSpielGame, rng: np.random.Generator) -> "pyspiel.SearchNode":
        """Returns the root of a finished search."""
        evaluator_seed, bot_seed = (int(seed) for seed in rng.integers(2**31, size=2))
        evaluator = pyspiel.RandomRolloutEvaluator(1, evaluator_seed)
        solve, verbose = True, False
        bot = pyspiel.MCTSBot(game.rules, evaluator, EXPLORATION, self._rollouts, MEMORY_MEGABYTES, solve, bot_seed, verbose)
        return bot.mcts_search(game.state)
