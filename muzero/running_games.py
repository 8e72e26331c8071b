"""The games that one self-play plays at once: how they start, take a move and are put back after a resume. No search in here."""

import traceback
from collections.abc import Callable
from typing import Any

import numpy as np

from muzero.config import EnvConfig, SelfPlayConfig
from muzero.errors import MAX_FAILURES, EnvironmentFailed, MuZeroError, UnsupportedGame
from muzero.game_record import ROW_COLUMNS, GameRecord
from muzero.games import make_game
from muzero.games.game import Step
from muzero.games.history import FrameHistory
from muzero.move_outcome import Episode
from muzero.randomness import Purpose, game_seed, generator
from muzero.types import HISTORY_ONLY, Observation


class RunningGames:
    """A fixed number of games, each in a slot of its own; where one ends, the next begins.

    Args:
        env_config: the world.
        config: settings of play.
        num_games: B.
        seed: the run's seed.
        actor_index: whose games these are.
        policy_entries: P, entries of a stored policy.
        legal_bytes: L, bytes of the stored legal actions; 0 stores none.
        next_game_index: gives the number of each new game, unique within the actor.

    Attributes:
        spec: facts of the game.
        max_moves: most moves of a piece.
        records: the games with their rows.
        legal_actions: bool [B, A], of the present positions.
        to_play: int8 [B].
    """

    def __init__(
        self,
        env_config: EnvConfig,
        config: SelfPlayConfig,
        num_games: int,
        *,
        seed: int,
        actor_index: int,
        policy_entries: int,
        legal_bytes: int,
        next_game_index: Callable[[], int],
    ) -> None:
        self._max_opening_moves = config.random_opening_moves
        self._seed = seed
        self._actor_index = actor_index
        self._next_game_index = next_game_index
        self._num_failures = 0
        self._failures: list[str] = []
        games = [make_game(env_config) for _ in range(num_games)]
        self.spec = games[0].spec
        self.max_moves = min(config.max_trajectory_steps, self.spec.max_moves)
        num_rows = self.max_moves + 1 + self.spec.num_frames - 1
        self.records = [GameRecord(game, self.spec, num_rows, policy_entries, legal_bytes) for game in games]
        self.legal_actions = np.zeros((num_games, self.spec.num_actions), dtype=np.bool_)
        self.to_play = np.zeros(num_games, dtype=np.int8)
        self._history = FrameHistory(self.spec, num_games)
        for slot in range(num_games):
            self._start(slot)

    def observation(self) -> Observation:
        """Returns what a network sees of all games."""
        return self._history.observation(self.to_play)

    def apply(self, slot: int, action: int) -> Step:
        """Plays an action in a game, and keeps account of it.

        Raises:
            UnsupportedGame: it is longer than its spec says.
        """
        record = self.records[slot]
        step = record.game.step(action)
        record.actions.append(action)
        record.first_player_return += step.reward if self.to_play[slot] == 0 else -step.reward
        if len(record.actions) >= self.spec.max_moves and not (step.is_terminal or step.is_truncated):
            raise UnsupportedGame(
                f"the game '{self.spec.name}' goes on after spec.max_moves ({self.spec.max_moves}): let its step say is_truncated there, "
                "or give it a larger max_moves; muzero check-env plays it."
            )
        return step

    def observe(self, slot: int) -> None:
        """Reads frame, player and legal actions of a game's new position."""
        record = self.records[slot]
        frame = record.rows.frame[record.num_rows]
        record.game.frame(frame)
        self._history.push(slot, frame)
        self.to_play[slot] = record.game.to_play()
        if record.is_cut:
            self.legal_actions[slot] = True
        else:
            record.game.legal_actions(self.legal_actions[slot])

    def begin_piece(self, slot: int) -> None:
        """Puts the frames before the present one into the first rows, which are not drawn, and the present one behind them."""
        record, rows = self.records[slot], self.records[slot].rows
        count = min(self.spec.num_frames - 1, len(record.actions))
        rows.frame[: count + 1] = self._history.frames[slot, self.spec.num_frames - 1 - count :]
        for name in ROW_COLUMNS[1:]:
            getattr(rows, name)[:count] = 0
        rows.action[:count] = HISTORY_ONLY
        record.num_rows, record.num_history, record.first_move = count, count, len(record.actions)

    def finish(self, slot: int) -> Episode:
        """Returns what a game that is over came to, and starts the next."""
        record = self.records[slot]
        episode = Episode(record.first_player_return, len(record.actions))
        self._num_failures = 0
        self._start(slot)
        return episode

    def replace_failed(self, slot: int) -> None:
        """Starts another game in place of the one whose environment raised the exception being handled."""
        self._note_failure()
        self._start(slot)

    def take_failures(self) -> list[str]:
        """Returns the tracebacks of the games that failed since the last call."""
        failures, self._failures = self._failures, []
        return failures

    def _start(self, slot: int) -> None:
        """Starts a game, or the next one when the environment raises."""
        record = self.records[slot]
        while True:
            record.game_index, record.num_rows = self._next_game_index(), 0
            try:
                self._play_opening(slot, self._opening_length(record.game_index))
                break
            except MuZeroError:
                raise
            except Exception:
                self._note_failure()
        self.begin_piece(slot)

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
        if self._max_opening_moves == 0:
            return 0
        return int(self._opening_random(game_index).integers(self._max_opening_moves + 1))

    def _opening_random(self, game_index: int) -> np.random.Generator:
        return generator(self._seed, Purpose.OPENING, self._actor_index, game_index)

    def _play_opening(self, slot: int, num_moves: int) -> None:
        """Resets a game and plays random moves in it; a game that such moves would end starts without its last one."""
        record, random = self.records[slot], self._opening_random(self.records[slot].game_index)
        random.integers(self._max_opening_moves + 1)  # the draw of _opening_length
        self._reset(slot)
        for _ in range(num_moves):
            step = self.apply(slot, int(random.choice(np.flatnonzero(self.legal_actions[slot]))))
            if step.is_terminal or step.is_truncated:
                self._play_opening(slot, len(record.actions) - 1)
                return
            self.observe(slot)

    def _reset(self, slot: int) -> None:
        record = self.records[slot]
        record.game.reset(game_seed(self._seed, self._actor_index, record.game_index))
        record.actions = []
        record.is_cut = False
        record.first_player_return = 0.0
        self._history.clear(slot)
        self.observe(slot)

    def state(self) -> list[dict[str, Any]]:
        """Returns the games, between two moves, for an exact resume."""
        return [
            {"game_index": record.game_index, "actions": list(record.actions), "first_move": record.first_move, "rows": record.columns()}
            for record in self.records
        ]

    def load_state(self, state: list[dict[str, Any]]) -> None:
        """Restores what `state` of as many games returned: they are played again from their seeds, searched rows are put back."""
        for slot, (record, saved) in enumerate(zip(self.records, state, strict=True)):
            record.game_index, record.num_rows = int(saved["game_index"]), 0
            if not self._replay(slot, saved["actions"]):
                self._start(slot)
                continue
            record.first_move = int(saved["first_move"])
            record.put_back(saved["rows"])

    def _replay(self, slot: int, actions: list[int]) -> bool:
        """Plays a game again; returns whether that was possible: an environment that does not follow from its seed may end early."""
        record = self.records[slot]
        self._reset(slot)
        for action in actions:
            step = self.apply(slot, int(action))
            if step.is_terminal:
                return False
            record.is_cut = step.is_truncated
            self.observe(slot)
        return True
