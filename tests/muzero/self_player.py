"""A player for tests of self-play: its network thinks a little of everything, computed from frames, nodes and actions."""

from collections.abc import Callable
from typing import Any

import numpy as np

from muzero.config import EnvConfig, SearchConfig, SelfPlayConfig
from muzero.games import make_game
from muzero.move_outcome import Episode
from muzero.search import BatchedSearch
from muzero.self_play import SelfPlay
from muzero.types import InitialReply, InitialRequest, RecurrentReply, Trajectory

TICTACTOE = EnvConfig(name="tictactoe")
SEARCH = SearchConfig(num_simulations=6)
VERSION = 3


class Player:
    """Self-play against a network that thinks a little of everything, computed from frames, nodes and actions."""

    def __init__(
        self, game: EnvConfig = TICTACTOE, num_games: int = 3, *, search: SearchConfig = SEARCH, seed: int = 5, **config: Any
    ) -> None:
        self.spec = make_game(game).spec
        self.num_started = 0
        trees = BatchedSearch(search, num_trees=num_games, spec=self.spec)
        self.play = SelfPlay(
            game,
            search,
            SelfPlayConfig(**config),
            trees,
            seed=seed,
            actor_index=2,
            policy_entries=self.spec.num_actions,
            next_game_index=self._next,
        )
        self.trajectories: list[Trajectory] = []
        self.episodes: list[Episode] = []
        self.failures: list[str] = []
        self.num_moves = 0
        self.num_simulations = 0
        self.search_lengths: list[int] = []
        self._actions = np.arange(self.spec.num_actions, dtype=np.float32)
        self._num_priors = trees.num_priors

    def moves(self, count: int) -> "Player":
        for _ in range(count):
            self._move()
        return self

    def until(self, is_enough: Callable[[], bool]) -> "Player":
        while not is_enough():
            self._move()
        return self

    def _next(self) -> int:
        self.num_started += 1
        return self.num_started - 1

    def _move(self) -> None:
        move = self.play.play_move()
        reply: Any = None
        self.search_lengths.append(-1)
        while True:
            try:
                request = move.send(reply)
            except StopIteration as stop:
                self.trajectories += stop.value.trajectories
                self.episodes += stop.value.episodes
                self.num_moves += stop.value.num_moves
                self.num_simulations += stop.value.num_simulations
                self.failures += stop.value.failures
                return
            self.search_lengths[-1] += 1
            reply = self._initial(request) if isinstance(request, InitialRequest) else self._recurrent(request)

    def _initial(self, request: InitialRequest) -> InitialReply:
        frames = request.observation.frames.reshape(len(request.observation.to_play), -1).astype(np.float32)
        score = np.sin(frames @ np.linspace(0.1, 1.0, frames.shape[1], dtype=np.float32))
        score = np.round(score, 3)  # the last bits depend on the number of games
        return InitialReply(score, np.round(np.sin(9 * score[:, None] + self._actions), 3), VERSION)

    def _recurrent(self, request: Any) -> RecurrentReply:
        score = np.round(np.sin(request.action * 1.7 + request.parent_node), 3).astype(np.float32)
        prior = np.round(np.exp(np.sin(score[:, None] * 3 + self._actions)), 3)
        order = np.argsort(-prior, axis=1)[:, : self._num_priors].astype(np.int32)
        prior = np.round(prior / prior.sum(axis=1, keepdims=True), 4)
        return RecurrentReply(0.1 * score, score, np.take_along_axis(prior, order, axis=1).astype(np.float32), order)


def columns(trajectory: Trajectory) -> dict[str, Any]:
    return dict(vars(trajectory))


def assert_same_games(one: list[Trajectory], other: list[Trajectory]) -> None:
    others = {(trajectory.game_index, trajectory.first_move): trajectory for trajectory in other}
    common = [trajectory for trajectory in one if (trajectory.game_index, trajectory.first_move) in others]
    assert len(common) >= 3
    for trajectory in common:
        match = columns(others[trajectory.game_index, trajectory.first_move])
        for name, value in columns(trajectory).items():
            np.testing.assert_array_equal(value, match[name], err_msg=name)
