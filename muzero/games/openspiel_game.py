"""Plays a game whose rules are OpenSpiel's; how its positions are shown is a `View`, kept in the file of that game.

Also makes any other game of OpenSpiel by its name, `openspiel:...`, shown by OpenSpiel's own observation.
"""

from collections.abc import Callable
from copy import copy
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pyspiel

from muzero.errors import UnsupportedGame
from muzero.games.alternating_turns import require_alternating_turns
from muzero.games.game import Step
from muzero.games.openspiel_rules import load_rules, refusals
from muzero.symmetries import Symmetries, no_symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec, Int32Array

__all__ = ["OpenSpielGame", "View", "load_rules", "openspiel"]


@dataclass(frozen=True)
class View:
    """How a board game is shown to the network.

    Attributes:
        frame_shape, frame_dtype, num_frames, encoding, board_shape: as in GameSpec.
        decode: writes the frame, given (OpenSpiel's observation as the first player sees it, float32 of the rules'
            observation_tensor_shape; number of moves played; out frame). OpenSpiel writes that observation into our memory in
            about 1 us.
        action_planes: float32 [A, C, H, W], what each action looks like; None for one-hot.
        moves_per_point: as in GameSpec.
        symmetries: of the frame and its moves; None for none.
        rules_action: int32 [2, A], for each player (0 moves first) the rules' number of each of our actions, -1 where there is
            none; None where the numbers are the rules' own.
        counters: where the frame counts what OpenSpiel's text of a position leaves out, such as repetitions; None for nowhere.
    """

    frame_shape: tuple[int, ...]
    frame_dtype: str
    encoding: str
    board_shape: tuple[int, ...]
    decode: Callable[[Float32Array, int, FrameArray], None]
    num_frames: int = 1
    action_planes: Float32Array | None = None
    moves_per_point: int = 0
    symmetries: Symmetries | None = None
    rules_action: Int32Array | None = None
    counters: slice | None = None


class OpenSpielGame:
    """One episode of a deterministic two-player board game; see `Game` and `BoardGame` for its methods.

    Player 0 is the one who moves first from the rules' own first position; where OpenSpiel calls that one 1, as in chess, the
    numbers are swapped.
    """

    def __init__(self, name: str, rules: Any, view: View, *, max_moves: int | None = None, position: str | None = None) -> None:
        """Prepares the game and starts its first position.

        Args:
            name: the name it is made by.
            rules: a game from `load_rules`.
            view: how it is shown.
            max_moves: a game that is not over after so many moves is a draw; None for the rules' own limit.
            position: text of the first position as the rules read it, for example a FEN; None for their own.
        """
        num_actions = rules.num_distinct_actions() if view.rules_action is None else view.rules_action.shape[1]
        self.spec = GameSpec(
            name=name,
            num_players=2,
            num_actions=num_actions,
            frame_shape=view.frame_shape,
            frame_dtype=view.frame_dtype,
            num_frames=view.num_frames,
            encoding=view.encoding,
            board_shape=view.board_shape,
            action_shape=() if view.action_planes is None else view.action_planes.shape[1:],
            moves_per_point=view.moves_per_point,
            value_bounds=(rules.min_utility(), rules.max_utility()),
            max_moves=max_moves or rules.max_game_length(),
        )
        self._rules, self._view, self._position = rules, view, position
        self._our_action = None if view.rules_action is None else _inverse(view.rules_action, rules.num_distinct_actions())
        self._first_player: int = rules.new_initial_state().current_player()
        self._observer = _make_observer(rules)
        self._observation: Float32Array = np.frombuffer(self._observer, np.float32).reshape(rules.observation_tensor_shape())
        self.reset(0)

    def reset(self, seed: int) -> None:
        """Starts an episode; the seed has no effect, because the rules have no chance."""
        self._state = self._rules.new_initial_state(*([self._position] if self._position else []))
        self._player: int = self._state.current_player() ^ self._first_player
        self._num_moves = 0

    def to_play(self) -> int:
        """Returns the player to move; after the end, the one whose turn it would be."""
        return self._player

    def legal_actions(self, out: BoolArray) -> None:
        """Writes the legal moves into bool [A]."""
        out[:] = False
        if not self._is_over():
            actions = self._state.legal_actions()
            out[actions if self._our_action is None else self._our_action[self._player, actions]] = True

    def frame(self, out: FrameArray) -> None:
        """Writes the frame of the view, the same whoever is to move."""
        self._view.decode(self._observe(), self._num_moves, out)

    def step(self, action: int) -> Step:
        """Plays a move.

        Raises:
            UnsupportedGame: the same player is to move again, which the discount of -1 per move cannot express.
        """
        player, state = self._player, self._state
        state.apply_action(action if self._view.rules_action is None else int(self._view.rules_action[player, action]))
        self._player, self._num_moves = 1 - player, self._num_moves + 1
        is_over = self._is_over()
        if not is_over and state.current_player() ^ self._first_player != self._player:
            raise UnsupportedGame(f"game '{self.spec.name}' lets a player move twice in a row: choose a game whose players alternate.")
        return Step(state.player_reward(player ^ self._first_player), is_over, False)

    @property
    def rules(self) -> Any:
        """OpenSpiel's game, for those who play by its own means."""
        return self._rules

    @property
    def state(self) -> Any:
        """OpenSpiel's state of the present position; to be left unchanged."""
        return self._state

    def action_of(self, rules_action: int) -> int:
        """Returns our number of a move of the player to move, given the rules' number of it."""
        return rules_action if self._our_action is None else int(self._our_action[self._player, rules_action])

    def _observe(self) -> Float32Array:
        """Returns OpenSpiel's observation of the position as the first player sees it; the next call overwrites it."""
        self._observer.set_from(self._state, self._first_player)
        return self._observation

    def _is_over(self) -> bool:
        return self._num_moves >= self.spec.max_moves or self._state.is_terminal()

    def action_planes(self) -> Float32Array:
        """Returns the view's planes, float32 [A, C, H, W], or the unit matrix, float32 [A, A]."""
        planes = self._view.action_planes
        return np.eye(self.spec.num_actions, dtype=np.float32) if planes is None else planes

    def symmetries(self) -> Symmetries:
        """Returns the symmetries of the board and its moves."""
        return self._view.symmetries or no_symmetries(int(np.prod(self.spec.frame_shape)), self.spec.num_actions)

    def key(self) -> str:
        """Returns OpenSpiel's text of the position, between the player to move and the counters of the frame."""
        key = f"{self._player} {self._state}"
        if self._view.counters is None:
            return key
        frame = np.zeros(self.spec.frame_shape, self.spec.frame_dtype)
        self.frame(frame)
        return f"{key} {frame[self._view.counters].tolist()}"

    def clone(self) -> Self:
        """Returns an independent copy in the same position; rules and view are shared, and the memory for observations too."""
        twin = copy(self)
        twin._state = self._state.clone()
        return twin


def openspiel(name: str, **kwargs: Any) -> OpenSpielGame:
    """Returns the game "openspiel:<game string>", shown by OpenSpiel's own observation; an action is a one-hot vector.

    An observation with three axes is shown as planes [C, H, W], any other as a vector.

    Args:
        name: as the user wrote it, for example "openspiel:breakthrough(rows=6,columns=6)".
        kwargs: parameters of the game; those in the name win.

    Raises:
        UnknownName: OpenSpiel has no such game.
        UnsupportedGame: the engine cannot play it.
    """
    game_string = name.partition(":")[2]
    with refusals(game_string, kwargs):
        rules = load_rules(game_string, kwargs)
        require_alternating_turns(rules)
        return OpenSpielGame(name, rules, _tensor_view(tuple(rules.observation_tensor_shape())))


def _tensor_view(shape: tuple[int, ...]) -> View:
    """Returns the view that shows an observation of this shape as it is."""
    is_planes = len(shape) == 3
    frame_shape = shape if is_planes else (int(np.prod(shape)),)

    def decode(observation: Float32Array, num_moves: int, out: FrameArray) -> None:
        out[...] = observation.reshape(frame_shape)

    return View(
        frame_shape=frame_shape,
        frame_dtype="float32",
        encoding="planes" if is_planes else "vector",
        board_shape=(shape[1], shape[2]) if is_planes else (),
        decode=decode,
    )


def _make_observer(rules: Any) -> Any:
    """Returns OpenSpiel's writer of observations; its memory can be read through the buffer protocol."""
    kind = pyspiel.IIGObservationType(perfect_recall=False, public_info=True, private_info=pyspiel.PrivateInfoType.SINGLE_PLAYER)
    return pyspiel._Observation(rules, rules.make_observer(kind, {}))


def _inverse(rules_action: Int32Array, num_rules_actions: int) -> Int32Array:
    """Returns for each player our number of each of the rules' actions, int32 [2, num_rules_actions], -1 where there is none."""
    ours = np.full((2, num_rules_actions), -1, np.int32)
    for player in range(2):
        known = np.flatnonzero(rules_action[player] >= 0)
        ours[player, rules_action[player, known]] = known
    return ours
