"""Self-play: many games at once, one batched search per move, finished trajectories out. No network and no process in here.

`play_move` is a generator in the manner of `BatchedSearch.steps`: it yields inference requests and is sent the replies, so the
same code plays against a network in this process and against a server in another one.
"""

import traceback
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from muzero.config import EnvConfig, SearchConfig, SelfPlayConfig
from muzero.errors import MAX_FAILURES, EnvironmentFailed, MuZeroError
from muzero.game_record import ROW_COLUMNS, GameRecord
from muzero.games import make_game
from muzero.games.game import Step
from muzero.games.history import FrameHistory
from muzero.randomness import Purpose, dirichlet_noise, game_seed, generator, gumbel_noise
from muzero.search import BatchedSearch
from muzero.types import HISTORY_ONLY, NO_ACTION, Float32Array, Int32Array, Request, SearchResult, Trajectory


@dataclass(frozen=True)
class Episode:
    """A finished game in two numbers.

    Attributes:
        total_reward: undiscounted return; the first player's where there are two.
        num_moves: moves played, those of a random opening included.
    """

    total_reward: float
    num_moves: int


@dataclass
class MoveOutcome:
    """What one move in all games brought.

    Attributes:
        trajectories: finished (or cut) trajectories, to be stored.
        episodes: games that ended.
        num_moves: searched moves that were played; searches of cut positions and moves of random openings do not count.
        failures: for each game that an exception of the environment ended, its traceback; nothing of such a game's last piece is
            stored.
    """

    trajectories: list[Trajectory] = field(default_factory=list)
    episodes: list[Episode] = field(default_factory=list)
    num_moves: int = 0
    failures: list[str] = field(default_factory=list)


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
        self._legal_bytes = legal_bytes
        self._next_game_index = next_game_index
        self._learner_steps = learner_steps
        self._num_failures = 0
        self._failures: list[str] = []
        games = [make_game(env_config) for _ in range(search.num_trees)]
        self.spec = games[0].spec
        self._max_moves = min(config.max_trajectory_steps, self.spec.max_moves)
        num_rows = self._max_moves + 1 + self.spec.num_frames - 1
        self._records = [GameRecord(game, self.spec, num_rows, policy_entries, legal_bytes) for game in games]
        self._history = FrameHistory(self.spec, search.num_trees)
        self._legal = np.zeros((search.num_trees, self.spec.num_actions), dtype=np.bool_)
        self._to_play = np.zeros(search.num_trees, dtype=np.int8)
        for slot in range(search.num_trees):
            self._start_game(slot, next_game_index())

    def play_move(self) -> Generator[Request, Any, MoveOutcome]:
        """Plays one move in every game: a search of all of them, then one step each."""
        observation = self._history.observation(self._to_play)
        result: SearchResult = yield from self._search.steps(observation, self._legal, self._root_noise())
        entries, weights = sparse_policy(result.policy, self._policy_entries)
        outcome = MoveOutcome()
        for slot, record in enumerate(self._records):
            self._write_row(record, slot, result, entries[slot], weights[slot])
            if record.is_cut:
                self._finish_cut_episode(slot, outcome)
            else:
                self._play(slot, self._choose_action(record, slot, result), outcome)
        outcome.failures, self._failures = self._failures, []
        return outcome

    def _start_game(self, slot: int, game_index: int) -> None:
        """Starts a game, or the next one when the environment raises."""
        record = self._records[slot]
        while True:
            record.game_index = game_index
            record.num_rows = 0
            try:
                self._play_opening(slot, self._opening_length(game_index))
                break
            except MuZeroError:
                raise
            except Exception:
                self._note_failure()
                game_index = self._next_game_index()
        self._begin_piece(slot)

    def _begin_piece(self, slot: int) -> None:
        """Puts the frames before the present one into the first rows, which are not drawn, and the present one behind them."""
        record, rows = self._records[slot], self._records[slot].rows
        count = min(self.spec.num_frames - 1, len(record.actions))
        rows.frame[: count + 1] = self._history.frames[slot, self.spec.num_frames - 1 - count :]
        for name in ROW_COLUMNS[1:]:
            getattr(rows, name)[:count] = 0
        rows.action[:count] = HISTORY_ONLY
        record.num_rows, record.num_history, record.first_move = count, count, len(record.actions)

    def _note_failure(self) -> None:
        """Counts the exception being handled, and ends the run when there were too many in a row."""
        self._num_failures += 1
        self._failures.append(traceback.format_exc())
        if self._num_failures >= MAX_FAILURES:
            raise EnvironmentFailed(
                f"the environment '{self.spec.name}' raised an exception in {MAX_FAILURES} games in a row: correct it; the last one was\n"
                f"{self._failures[-1]}",
                self._failures,
            )

    def _opening_length(self, game_index: int) -> int:
        if self._config.random_opening_moves == 0:
            return 0
        return int(self._opening_random(game_index).integers(self._config.random_opening_moves + 1))

    def _opening_random(self, game_index: int) -> np.random.Generator:
        return generator(self._seed, Purpose.OPENING, self._actor_index, game_index)

    def _play_opening(self, slot: int, num_moves: int) -> None:
        """Resets a game and plays random moves in it; a game that such moves would end starts without its last one."""
        record, random = self._records[slot], self._opening_random(self._records[slot].game_index)
        random.integers(self._config.random_opening_moves + 1)  # the draw of _opening_length
        self._reset_game(slot)
        for _ in range(num_moves):
            step = self._apply(slot, int(random.choice(np.flatnonzero(self._legal[slot]))))
            if step.is_terminal or step.is_truncated:
                self._play_opening(slot, len(record.actions) - 1)
                return
            self._observe(slot)

    def _reset_game(self, slot: int) -> None:
        record = self._records[slot]
        record.game.reset(game_seed(self._seed, self._actor_index, record.game_index))
        record.actions = []
        record.is_cut = False
        record.first_player_return = 0.0
        self._history.clear(slot)
        self._observe(slot)

    def _apply(self, slot: int, action: int) -> Step:
        """Plays an action in the game, and keeps account of it."""
        record = self._records[slot]
        step = record.game.step(action)
        record.actions.append(action)
        record.first_player_return += step.reward if self._to_play[slot] == 0 else -step.reward
        return step

    def _observe(self, slot: int) -> None:
        """Reads frame, player and legal actions of a game's new position."""
        record = self._records[slot]
        frame = record.rows.frame[record.num_rows]
        record.game.frame(frame)
        self._history.push(slot, frame)
        self._to_play[slot] = record.game.to_play()
        if record.is_cut:
            self._legal[slot] = True
        else:
            record.game.legal_actions(self._legal[slot])

    def _root_noise(self) -> Float32Array:
        noise = np.zeros(self._legal.shape, dtype=np.float32)
        for slot, record in enumerate(self._records):
            random = self._random(record)
            if self._search_config.rule == "puct":
                noise[slot] = dirichlet_noise(random, self._legal[slot], self._search_config.dirichlet_alpha)
            elif len(record.actions) < self._config.temperature_moves:
                noise[slot] = gumbel_noise(random, self.spec.num_actions)
        return noise

    def _random(self, record: GameRecord, stage: int = 0) -> np.random.Generator:
        """Returns the generator of this move; stage 0 is the root noise, 1 the choice of the action."""
        return generator(self._seed, Purpose.SELF_PLAY, self._actor_index, record.game_index, 2 * len(record.actions) + stage)

    def _write_row(self, record: GameRecord, slot: int, result: SearchResult, entries: Int32Array, weights: Float32Array) -> None:
        rows, row = record.rows, record.num_rows
        rows.to_play[row] = self._to_play[slot]
        rows.action[row] = NO_ACTION
        rows.reward[row] = 0.0
        rows.root_value[row] = result.root_value[slot]
        rows.policy_action[row] = entries
        rows.policy_weight[row] = weights
        rows.version[row] = result.version
        rows.surprise[row] = 0.0
        if self._legal_bytes:
            rows.legal_bits[row] = np.packbits(self._legal[slot])
        record.num_rows += 1

    def _choose_action(self, record: GameRecord, slot: int, result: SearchResult) -> int:
        if self._search_config.rule == "gumbel" or len(record.actions) >= self._config.temperature_moves:
            return int(result.action[slot])
        return sample_visits(result.visit_count[slot], self._temperature(), float(self._random(record, stage=1).random()))

    def _temperature(self) -> float:
        temperature, schedule = self._config.temperature, self._config.temperature_schedule
        learner_steps = self._learner_steps() if schedule else 0
        return next((later for step, later in reversed(schedule) if learner_steps >= step), temperature)

    def _play(self, slot: int, action: int, outcome: MoveOutcome) -> None:
        """Plays an action; a game whose environment raises is over, and its rows are dropped."""
        try:
            self._play_safely(slot, action, outcome)
        except MuZeroError:
            raise
        except Exception:
            self._note_failure()
            self._start_game(slot, self._next_game_index())

    def _play_safely(self, slot: int, action: int, outcome: MoveOutcome) -> None:
        record = self._records[slot]
        if record.num_rows - record.num_history > self._max_moves:
            self._start_next_piece(slot, outcome)
        row = record.num_rows - 1
        step = self._apply(slot, action)
        record.rows.action[row] = action
        record.rows.reward[row] = step.reward
        outcome.num_moves += 1
        if step.is_terminal:
            outcome.trajectories.append(record.take(is_terminal=True, actor_index=self._actor_index))
            self._finish_episode(slot, outcome)
        else:
            record.is_cut = step.is_truncated
            self._observe(slot)

    def _start_next_piece(self, slot: int, outcome: MoveOutcome) -> None:
        """Stores the full piece, whose last row only bootstraps; that row is also the first to be drawn of the next piece."""
        record = self._records[slot]
        last_row = {name: getattr(record.rows, name)[record.num_rows - 1].copy() for name in ROW_COLUMNS}
        outcome.trajectories.append(record.take(is_terminal=False, actor_index=self._actor_index))
        self._begin_piece(slot)
        for name, value in last_row.items():
            getattr(record.rows, name)[record.num_rows] = value
        record.num_rows += 1

    def _finish_cut_episode(self, slot: int, outcome: MoveOutcome) -> None:
        """Stores an episode that a time limit cut: its last position was searched only to bootstrap from."""
        outcome.trajectories.append(self._records[slot].take(is_terminal=False, actor_index=self._actor_index))
        self._finish_episode(slot, outcome)

    def _finish_episode(self, slot: int, outcome: MoveOutcome) -> None:
        record = self._records[slot]
        self._num_failures = 0
        outcome.episodes.append(Episode(record.first_player_return, len(record.actions)))
        self._start_game(slot, self._next_game_index())

    def state(self) -> list[dict[str, Any]]:
        """Returns the running games, between two moves, for an exact resume."""
        return [self._record_state(record) for record in self._records]

    def _record_state(self, record: GameRecord) -> dict[str, Any]:
        return {
            "game_index": record.game_index,
            "actions": list(record.actions),
            "first_move": record.first_move,
            "rows": record.columns(),
        }

    def load_state(self, state: list[dict[str, Any]]) -> None:
        """Restores what `state` of as many games returned: they are played again from their seeds, searched rows are put back."""
        for slot, (record, saved) in enumerate(zip(self._records, state, strict=True)):
            record.game_index, record.num_rows = int(saved["game_index"]), 0
            if not self._replay(slot, saved["actions"]):
                self._start_game(slot, self._next_game_index())
                continue
            record.first_move = int(saved["first_move"])
            self._restore_rows(record, saved["rows"])

    def _replay(self, slot: int, actions: list[int]) -> bool:
        """Plays a game again; returns whether that was possible: an environment that does not follow from its seed may end early."""
        record = self._records[slot]
        self._reset_game(slot)
        for action in actions:
            step = self._apply(slot, int(action))
            if step.is_terminal:
                return False
            record.is_cut = step.is_truncated
            self._observe(slot)
        return True

    def _restore_rows(self, record: GameRecord, columns: dict[str, Any]) -> None:
        record.num_rows = len(columns["action"])
        record.num_history = int((columns["action"] == HISTORY_ONLY).sum())
        for name in ROW_COLUMNS:
            getattr(record.rows, name)[: record.num_rows] = columns[name]
        record.game.frame(record.rows.frame[record.num_rows])


def sparse_policy(policy: Float32Array, num_entries: int) -> tuple[Int32Array, Float32Array]:
    """Returns the largest entries of each policy, scaled to sum to 1.

    Args:
        policy: float32 [B, A].
        num_entries: P, at most A.

    Returns:
        actions int32 [B, P] and probabilities float32 [B, P].
    """
    num_actions = policy.shape[1]
    if num_entries >= num_actions:
        return np.broadcast_to(np.arange(num_actions, dtype=np.int32), policy.shape), policy
    actions = np.argpartition(-policy, num_entries - 1, axis=1)[:, :num_entries].astype(np.int32)
    weights = np.take_along_axis(policy, actions, axis=1)
    return actions, (weights / weights.sum(axis=1, keepdims=True)).astype(np.float32)


def sample_visits(visit_count: Int32Array, temperature: float, uniform: float) -> int:
    """Returns an action drawn in proportion to N^(1/temperature); temperature 0 takes the most visited.

    Args:
        visit_count: int32 [A], at least one positive.
        temperature: 0 or more.
        uniform: a random number in [0, 1).

    Source: arXiv:1911.08265, appendix D.
    """
    if temperature == 0.0:
        return int(np.argmax(visit_count))
    weights = (visit_count / visit_count.max()) ** (1.0 / temperature)
    cumulative = np.cumsum(weights)
    return int(np.searchsorted(cumulative, uniform * cumulative[-1], side="right"))
