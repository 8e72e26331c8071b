"""Self-play: many games at once, one batched search per move, finished trajectories out. No network and no process in here.

`play_move` is a generator in the manner of `BatchedSearch.steps`: it yields inference requests and is sent the replies, so the
same code plays against a network in this process and against a server in another one.
"""

from collections.abc import Callable, Generator
from typing import Any

import numpy as np

from muzero.config import EnvConfig, SearchConfig, SelfPlayConfig
from muzero.errors import MuZeroError
from muzero.game_record import ROW_COLUMNS, GameRecord
from muzero.move_outcome import MoveOutcome
from muzero.playout_cap import fast_search_config
from muzero.randomness import Purpose, generator, root_noise
from muzero.running_games import RunningGames
from muzero.search import BatchedSearch
from muzero.sparse_policy import sparse_policy
from muzero.temperature import sample_visits, temperature_at
from muzero.types import NO_ACTION, Float32Array, GameSpec, Int32Array, Request, SearchResult


class SelfPlay:
    """Plays `search.num_trees` games at once.

    Args:
        env_config: the world.
        search_config, config: settings of the search and of play.
        search: a search with as many trees as games.
        seed: the run's seed.
        actor_index: whose games these are.
        policy_entries: P, entries of a stored policy.
        legal_bytes: L, bytes of the stored legal actions; 0 stores none.
        next_game_index: gives the number of each new game, unique within the actor.
        learner_steps: gives the learner steps done so far, which the temperature may follow.
    """

    def __init__(
        self,
        env_config: EnvConfig,
        search_config: SearchConfig,
        config: SelfPlayConfig,
        search: BatchedSearch,
        *,
        seed: int,
        actor_index: int,
        policy_entries: int,
        legal_bytes: int = 0,
        next_game_index: Callable[[], int],
        learner_steps: Callable[[], int] = lambda: 0,
    ) -> None:
        self._search_config = search_config
        self._config = config
        self._search = search
        self._seed = seed
        self._actor_index = actor_index
        self._policy_entries = policy_entries
        self._has_legal_bits = legal_bytes > 0
        self._learner_steps = learner_steps
        self._games = RunningGames(
            env_config,
            config,
            search.num_trees,
            seed=seed,
            actor_index=actor_index,
            policy_entries=policy_entries,
            legal_bytes=legal_bytes,
            next_game_index=next_game_index,
        )
        self._fast_search = self._make_fast_search()

    @property
    def spec(self) -> GameSpec:
        """Facts of the game."""
        return self._games.spec

    def play_move(self) -> Generator[Request, Any, MoveOutcome]:
        """Plays one move in every game: a search of all of them, then one step each."""
        search, games = self._toss_search(), self._games
        is_full = search is self._search
        noise = self._root_noise() if is_full else None
        result: SearchResult = yield from search.steps(games.observation(), games.legal_actions, noise)
        entries, weights, surprise = self._policy_targets(result, is_full)
        outcome = MoveOutcome(num_simulations=search.num_trees * (search.num_nodes - 1))
        for slot, record in enumerate(games.records):
            self._write_row(record, slot, result, entries[slot], weights[slot], surprise[slot])
            if record.is_cut:
                self._finish_cut_episode(slot, outcome)
            else:
                self._play(slot, self._choose_action(record, slot, result), outcome)
        outcome.failures = games.take_failures()
        return outcome

    def state(self) -> list[dict[str, Any]]:
        """Returns the running games, between two moves, for an exact resume."""
        return self._games.state()

    def load_state(self, state: list[dict[str, Any]]) -> None:
        """Restores what `state` of as many games returned."""
        self._games.load_state(state)

    def _make_fast_search(self) -> BatchedSearch | None:
        """Returns the search of moves that are not searched in full, over the same nodes and replies, or None where all are."""
        config, full = fast_search_config(self._config, self._search_config), self._search
        if config is None:
            return None
        return BatchedSearch(config, num_trees=full.num_trees, spec=self.spec, num_priors=full.num_priors)

    def _toss_search(self) -> BatchedSearch:
        """Returns the full or the fast search for this move: one coin for all games, which are searched together.

        It follows from number and move of the first game, so that a resumed run tosses the same.
        """
        if self._fast_search is None:
            return self._search
        first = self._games.records[0]
        random = generator(self._seed, Purpose.SEARCH_LENGTH, self._actor_index, first.game_index, len(first.actions))
        return self._search if random.random() < self._config.full_search_fraction else self._fast_search

    def _policy_targets(self, result: SearchResult, is_full: bool) -> tuple[Int32Array, Float32Array, Float32Array]:
        """Returns actions [B, P], weights [B, P] and surprise [B] to be stored: all zero after a fast search, too short for a target."""
        if is_full:
            return *sparse_policy(result.policy, self._policy_entries), result.surprise
        shape = (len(result.action), self._policy_entries)
        return np.zeros(shape, np.int32), np.zeros(shape, np.float32), np.zeros(shape[0], np.float32)

    def _root_noise(self) -> Float32Array:
        legal_actions = self._games.legal_actions
        noise = np.zeros(legal_actions.shape, dtype=np.float32)
        for slot, record in enumerate(self._games.records):
            if self._search_config.rule == "puct" or len(record.actions) < self._config.temperature_moves:
                noise[slot] = root_noise(self._random(record), legal_actions[slot], self._search_config)
        return noise

    def _random(self, record: GameRecord, stage: int = 0) -> np.random.Generator:
        """Returns the generator of this move; stage 0 is the root noise, 1 the choice of the action."""
        return generator(self._seed, Purpose.SELF_PLAY, self._actor_index, record.game_index, 2 * len(record.actions) + stage)

    def _write_row(
        self, record: GameRecord, slot: int, result: SearchResult, entries: Int32Array, weights: Float32Array, surprise: np.float32
    ) -> None:
        rows, row = record.rows, record.num_rows
        rows.to_play[row] = self._games.to_play[slot]
        rows.action[row] = NO_ACTION
        rows.reward[row] = 0.0
        rows.root_value[row] = result.root_value[slot]
        rows.policy_action[row] = entries
        rows.policy_weight[row] = weights
        rows.version[row] = result.version
        rows.surprise[row] = surprise
        if self._has_legal_bits:
            rows.legal_bits[row] = np.packbits(self._games.legal_actions[slot])
        record.num_rows += 1

    def _choose_action(self, record: GameRecord, slot: int, result: SearchResult) -> int:
        """Returns the action to play.

        The temperature holds for fast searches too: they lack noise, and without it most moves of all games from one opening would be
        the same. Gumbel search explores by its noise alone, so its fast moves are greedy.
        """
        if self._search_config.rule == "gumbel" or len(record.actions) >= self._config.temperature_moves:
            return int(result.action[slot])
        temperature = temperature_at(self._config, self._learner_steps())
        return sample_visits(result.visit_count[slot], temperature, float(self._random(record, stage=1).random()))

    def _play(self, slot: int, action: int, outcome: MoveOutcome) -> None:
        """Plays an action; a game whose environment raises is over, and its rows are dropped."""
        try:
            self._play_safely(slot, action, outcome)
        except MuZeroError:
            raise
        except Exception:
            self._games.replace_failed(slot)

    def _play_safely(self, slot: int, action: int, outcome: MoveOutcome) -> None:
        record = self._games.records[slot]
        if record.num_rows - record.num_history > self._games.max_moves:
            self._start_next_piece(slot, outcome)
        row = record.num_rows - 1
        step = self._games.apply(slot, action)
        record.rows.action[row] = action
        record.rows.reward[row] = step.reward
        outcome.num_moves += 1
        if step.is_terminal:
            outcome.trajectories.append(record.take(is_terminal=True, actor_index=self._actor_index))
            outcome.episodes.append(self._games.finish(slot))
        else:
            record.is_cut = step.is_truncated
            self._games.observe(slot)

    def _start_next_piece(self, slot: int, outcome: MoveOutcome) -> None:
        """Stores the full piece, whose last row only bootstraps; that row is also the first to be drawn of the next piece."""
        record = self._games.records[slot]
        last_row = {name: getattr(record.rows, name)[record.num_rows - 1].copy() for name in ROW_COLUMNS}
        outcome.trajectories.append(record.take(is_terminal=False, actor_index=self._actor_index))
        self._games.begin_piece(slot)
        for name, value in last_row.items():
            getattr(record.rows, name)[record.num_rows] = value
        record.num_rows += 1

    def _finish_cut_episode(self, slot: int, outcome: MoveOutcome) -> None:
        """Stores an episode that a time limit cut: its last position was searched only to bootstrap from."""
        outcome.trajectories.append(self._games.records[slot].take(is_terminal=False, actor_index=self._actor_index))
        outcome.episodes.append(self._games.finish(slot))
