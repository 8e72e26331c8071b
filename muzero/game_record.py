"""One running game with the rows of it that are not yet stored; how games run is `running_games.py`."""

from typing import Any

import numpy as np

from muzero.games.game import Game
from muzero.types import HISTORY_ONLY, GameSpec, Trajectory

ROW_COLUMNS = ("frame", "to_play", "action", "reward", "root_value", "policy_action", "policy_weight", "version", "surprise", "legal_bits")
"""The arrays of a Trajectory, one row per searched position."""


class GameRecord:
    """One running game and the rows of it that are not yet stored.

    Attributes:
        game: the game.
        game_index: its number within the actor.
        actions: all actions played in it.
        first_move: number of the move that the first row to be drawn is about.
        num_rows: rows so far.
        num_history: how many of them are only there as history of the others.
        is_cut: a limit of moves ended it; its last position is still to be searched.
        first_player_return: what the first player earned so far.
        rows: the rows, with room for the longest piece.
    """

    def __init__(self, game: Game, spec: GameSpec, num_rows: int, policy_entries: int, legal_bytes: int) -> None:
        self.game = game
        self.game_index = 0
        self.actions: list[int] = []
        self.first_move = 0
        self.num_rows = 0
        self.num_history = 0
        self.is_cut = False
        self.first_player_return = 0.0
        self.rows = blank_trajectory(spec, num_rows, policy_entries, legal_bytes)

    def columns(self) -> dict[str, Any]:
        """Returns copies of the rows so far by column name."""
        return {name: getattr(self.rows, name)[: self.num_rows].copy() for name in ROW_COLUMNS}

    def put_back(self, columns: dict[str, Any]) -> None:
        """Restores what `columns` returned, with the game at the position behind those rows."""
        self.num_rows = len(columns["action"])
        self.num_history = int((columns["action"] == HISTORY_ONLY).sum())
        for name in ROW_COLUMNS:
            getattr(self.rows, name)[: self.num_rows] = columns[name]
        self.game.frame(self.rows.frame[self.num_rows])

    def take(self, *, is_terminal: bool, actor_index: int) -> Trajectory:
        """Returns the rows so far as a trajectory of their own and starts a new piece."""
        piece = Trajectory(
            **self.columns(),
            is_terminal=is_terminal,
            actor_index=actor_index,
            game_index=self.game_index,
            first_move=self.first_move,
        )
        self.num_rows = 0
        return piece


def blank_trajectory(spec: GameSpec, num_rows: int, policy_entries: int, legal_bytes: int = 0) -> Trajectory:
    """Returns a trajectory of this many rows, all zero."""
    return Trajectory(
        frame=np.zeros((num_rows, *spec.frame_shape), spec.frame_dtype),
        to_play=np.zeros(num_rows, np.int8),
        action=np.zeros(num_rows, np.int32),
        reward=np.zeros(num_rows, np.float32),
        root_value=np.zeros(num_rows, np.float32),
        policy_action=np.zeros((num_rows, policy_entries), np.int32),
        policy_weight=np.zeros((num_rows, policy_entries), np.float32),
        version=np.zeros(num_rows, np.int64),
        surprise=np.zeros(num_rows, np.float32),
        legal_bits=np.zeros((num_rows, legal_bytes), np.uint8),
        is_terminal=True,
        actor_index=0,
        game_index=0,
        first_move=0,
    )
