"""Walks every reply an opponent could give to the greedy agent; matches against one opponent are in `matches.py`."""

from collections import Counter
from collections.abc import Callable

import numpy as np

from muzero.config import EnvConfig
from muzero.errors import UnsupportedGame
from muzero.games import BoardGame, make_game
from muzero.match_result import EXHAUSTIVE_OPPONENT, MatchResult, Tally
from muzero.search import BatchedSearch, run_search
from muzero.types import Model, Observation


def walk_all_replies(
    model: Model, search: BatchedSearch, env_config: EnvConfig, should_stop: Callable[[], bool] = lambda: False
) -> MatchResult | None:
    """Counts every complete line of play that an opponent's legal replies can lead the greedy agent into, as both colours.

    Goes through the game ply by ply. Equal positions of a ply are merged, so each is searched once, but their lines are counted
    with multiplicity. What a line is worth is the reward of its last move: board games pay at the end.

    Args:
        model: evaluates positions, for search.num_trees trees.
        search: chooses the agent's moves, without noise, hence always the same in the same position.
        env_config: a two-player board game small enough to be walked.
        should_stop: asked before each batch of searches.

    Returns:
        The result, in which a game is a line of play; None once should_stop() said so.

    Raises:
        UnsupportedGame: this is no board game for two, or its observations show more than the present position.
    """
    num_lines: tuple[Counter[float], Counter[float]] = (Counter(), Counter())
    for agent in (0, 1):
        root = _first_position(env_config)
        ply = {root.key(): (root, 1)}
        while ply:
            games = [game for game, _ in ply.values()]
            moves = _agent_moves(model, search, games, should_stop) if games[0].to_play() == agent else _all_moves(games)
            if moves is None:
                return None
            sign = 1.0 if games[0].to_play() == agent else -1.0
            ply = _next_ply(list(ply.values()), moves, sign, num_lines[agent])
    return _walk_result(num_lines)


def _first_position(env_config: EnvConfig) -> BoardGame:
    """Returns the game at its start, if it can be walked."""
    game = make_game(env_config)
    if not isinstance(game, BoardGame) or game.spec.num_players != 2 or game.spec.num_frames != 1:
        raise UnsupportedGame(f"game '{env_config.name}' cannot be walked exhaustively: choose opponent 'random'.")
    game.reset(0)
    return game


def _next_ply(
    ply: list[tuple[BoardGame, int]], moves: list[list[int]], sign: float, out_num_lines: Counter[float]
) -> dict[str, tuple[BoardGame, int]]:
    """Returns the positions after these moves by key, each with the number of lines that lead there.

    Args:
        ply: positions and how many lines lead to each.
        moves: the moves to follow from each position.
        sign: 1 if the agent moves here, else -1.
        out_num_lines: number of finished lines by what they earned the agent, added to.
    """
    after: dict[str, tuple[BoardGame, int]] = {}
    for (game, lines), actions in zip(ply, moves, strict=True):
        for action in actions:
            child = game.clone()
            step = child.step(action)
            if step.is_terminal or step.is_truncated:
                out_num_lines[sign * step.reward] += lines
            else:
                known, lines_before = after.get(child.key(), (child, 0))
                after[child.key()] = (known, lines_before + lines)
    return after


def _all_moves(games: list[BoardGame]) -> list[list[int]]:
    """Returns the legal moves of each position."""
    legal_actions = np.zeros((len(games), games[0].spec.num_actions), np.bool_)
    for game, row in zip(games, legal_actions, strict=True):
        game.legal_actions(row)
    return [np.flatnonzero(row).tolist() for row in legal_actions]


def _agent_moves(model: Model, search: BatchedSearch, games: list[BoardGame], should_stop: Callable[[], bool]) -> list[list[int]] | None:
    """Returns the agent's one move in each position, searching num_trees of them at a time; None once should_stop() said so."""
    spec, num_trees, moves = games[0].spec, search.num_trees, list[list[int]]()
    frames = np.zeros((num_trees, 1, *spec.frame_shape), spec.frame_dtype)
    legal_actions = np.ones((num_trees, spec.num_actions), np.bool_)
    for first in range(0, len(games), num_trees):
        if should_stop():
            return None
        some = games[first : first + num_trees]
        for index, game in enumerate(some):
            game.frame(frames[index, 0])
            game.legal_actions(legal_actions[index])
        observation = Observation(frames, np.full(num_trees, games[0].to_play(), np.int8))
        result = run_search(model, search.steps(observation, legal_actions, None))
        moves += [[int(action)] for action in result.action[: len(some)]]
    return moves


def _walk_result(num_lines: tuple[Counter[float], Counter[float]]) -> MatchResult:
    """Returns the result from the number of lines by what they earned the agent, moving first and second."""
    as_first, as_second = (_tally(lines) for lines in num_lines)
    both = num_lines[0] + num_lines[1]
    total = _tally(both)
    mean_return = sum(value * n for value, n in both.items()) / total.games
    counts = (total.games, total.wins, total.draws, total.losses, total.score)
    return MatchResult(EXHAUSTIVE_OPPONENT, *counts, total.losses, mean_return, as_first=as_first, as_second=as_second)


def _tally(num_lines: Counter[float]) -> Tally:
    """Returns how many lines were won, drawn and lost."""
    wins, losses = sum(n for value, n in num_lines.items() if value > 0), sum(n for value, n in num_lines.items() if value < 0)
    return Tally(wins, num_lines[0.0], losses)
