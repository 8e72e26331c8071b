"""Another checkpoint as an opponent, playing greedily with its own search settings. The one opponent that needs torch."""

import logging
from collections.abc import Sequence
from pathlib import Path

import msgspec
import numpy as np

from engine.inference_core import InferenceCore, LocalModel
from engine.load_network import load_for_evaluation
from engine.opponents.options import positive_number, text_and_options
from muzero.config import EnvConfig, require
from muzero.errors import UnknownName
from muzero.games import make_game
from muzero.opponents import Opponent, Turn
from muzero.search import BatchedSearch, run_search
from muzero.types import Observation

logger = logging.getLogger(__name__)

NUM_TREES = 32
"""Positions it searches at once."""
SIMULATIONS = "simulations"


def checkpoint(name: str, env_config: EnvConfig, *, text: str, device: str | None) -> Opponent:
    """Returns the player of a checkpoint.

    Args:
        name: the opponent's name in full.
        env_config: the world to play.
        text: a run folder, for its newest checkpoint, or a checkpoint folder; and perhaps ";simulations=N".
        device: where its network runs; None for its own setting.

    Raises:
        UserError: there is no checkpoint, or it was trained in another world.
        CorruptCheckpoint: none passes its checksums.
    """
    path, options = text_and_options(name, text)
    for key in options:
        if key != SIMULATIONS:
            raise UnknownName("option of opponent checkpoint", key, [SIMULATIONS])
    config, values, _ = load_for_evaluation(Path(path), logger.warning)
    game = make_game(config.env)
    is_same = game.spec == make_game(env_config).spec
    require(is_same, f"opponent '{name}' was trained in '{config.env.name}' and cannot play '{env_config.name}': choose another one.")
    if SIMULATIONS in options:
        simulations = positive_number(name, SIMULATIONS, options[SIMULATIONS])
        config = msgspec.structs.replace(config, search=msgspec.structs.replace(config.search, num_simulations=simulations))
    if device is not None:
        config = msgspec.structs.replace(config, inference=msgspec.structs.replace(config.inference, device=device))
    core = InferenceCore(config, game.spec, game.action_planes(), num_slots=NUM_TREES, typical_batch=NUM_TREES)
    core.load(values, version=1)
    search = BatchedSearch(config.search, num_trees=NUM_TREES, spec=game.spec)
    return CheckpointOpponent(name, LocalModel(core, first_slot=0, num_trees=NUM_TREES), search)


class CheckpointOpponent:
    """Searches the positions of many tables at once; see `Opponent` for its methods."""

    def __init__(self, name: str, model: LocalModel, search: BatchedSearch) -> None:
        """Keeps the player.

        Args:
            name: its name in full.
            model: evaluates positions, for search.num_trees trees.
            search: chooses its moves.
        """
        self.name, self._model, self._search = name, model, search

    def choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns the move its search prefers at each turn."""
        size = self._search.num_trees
        return [move for first in range(0, len(turns), size) for move in self._choose(turns[first : first + size])]

    def close(self) -> None:
        """Holds memory alone."""

    def _choose(self, turns: Sequence[Turn]) -> list[int]:
        """Returns the moves of at most num_trees turns; trees without one search the first turn's position."""
        rows = [*turns, *([turns[0]] * (self._search.num_trees - len(turns)))]
        to_play = np.array([turn.game.to_play() for turn in rows], np.int8)
        observation = Observation(np.stack([turn.frames for turn in rows]), to_play)
        result = run_search(self._model, self._search.steps(observation, np.stack([turn.legal_actions for turn in rows]), None))
        return [int(action) for action in result.action[: len(turns)]]
