"""A small sound game for each number of players, and classes that each break one rule of the contract. No assertions in here."""

import sys
import time
from copy import copy

import numpy as np

from muzero.games.game import Step
from muzero.symmetries import Symmetries, square_symmetries
from muzero.types import GameSpec

NUM_SQUARES = 9


class Sound:
    """Two players put stones on 3 x 3 squares; who fills the last square, as the first player always does, wins."""

    changes: dict[str, object] = {}
    """What a subclass has otherwise in its spec."""

    def __init__(self) -> None:
        facts = dict(name="squares", num_players=2, num_actions=NUM_SQUARES, frame_shape=(3, 3), frame_dtype="int8", encoding="board")
        more = dict(board_shape=(3, 3), action_shape=(1, 3, 3), value_bounds=(-1.0, 1.0), max_moves=NUM_SQUARES)
        self.spec = GameSpec(**{**facts, **more, **self.changes})  # type: ignore[arg-type]
        self.reset(0)

    def reset(self, seed: int) -> None:
        self.squares, self.num_moves = np.zeros(NUM_SQUARES, np.int8), 0

    def to_play(self) -> int:
        return self.num_moves % 2

    def legal_actions(self, out: np.ndarray) -> None:
        out[:] = self.squares == 0

    def frame(self, out: np.ndarray) -> None:
        out[:] = self.squares.reshape(3, 3)

    def step(self, action: int) -> Step:
        self.squares[action] = 1 + self.to_play()
        self.num_moves += 1
        is_over = self.num_moves == NUM_SQUARES
        return Step(1.0 if is_over else 0.0, is_over, False)

    def action_planes(self) -> np.ndarray:
        return np.eye(NUM_SQUARES, dtype=np.float32).reshape(-1, 1, 3, 3)

    def symmetries(self) -> Symmetries:
        return square_symmetries(3)

    def key(self) -> str:
        return f"{self.num_moves} {self.squares.tolist()}"

    def clone(self) -> "Sound":
        twin = copy(self)
        twin.squares = self.squares.copy()
        return twin


class Alone(Sound):
    """The same for one, with what a user may leave out left out."""

    changes = {"num_players": 1, "value_bounds": None}
    key = clone = None  # type: ignore[assignment]

    def to_play(self) -> int:
        return 0


class FirstSquareBlocked(Sound):
    """Not broken: the board has its symmetries, but most of them do not leave the first position as it is."""

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.squares[0] = 1

    def step(self, action: int) -> Step:
        super().step(action)
        is_over = self.num_moves == NUM_SQUARES - 1
        return Step(1.0 if is_over else 0.0, is_over, False)


class MissingMethod(Sound):
    frame = None  # type: ignore[assignment]


class ThreePlayers(Sound):
    changes = {"num_players": 3}


class WrongFrameDtype(Sound):
    changes = {"frame_dtype": "float32"}


class WrongBoardShape(Sound):
    changes = {"board_shape": (9, 1), "action_shape": ()}


class WrongActionShape(Sound):
    changes = {"action_shape": (3, 3)}


class MovesOffTheBoard(Sound):
    changes = {"moves_per_point": 2}


class HalfAMove(Sound):
    changes = {"moves_per_point": 0.5}


class NumberedByColumn(Sound):
    changes = {"moves_per_point": 1}

    def action_planes(self) -> np.ndarray:
        return np.ascontiguousarray(super().action_planes().reshape(3, 3, 1, 3, 3).swapaxes(0, 1).reshape(9, 1, 3, 3))


class UnknownEncoding(Sound):
    changes = {"encoding": "hexagons"}


class NoValueBounds(Sound):
    changes = {"value_bounds": None}


class RaisesOnReset(Sound):
    def reset(self, seed: int) -> None:
        raise RuntimeError("no board left")


class ChangingSpec(Sound):
    num_made = 0

    def __init__(self) -> None:
        type(self).num_made += 1
        self.changes = {"max_moves": NUM_SQUARES + self.num_made}
        super().__init__()


class HalfFrame(Sound):
    def frame(self, out: np.ndarray) -> None:
        out[:2] = self.squares.reshape(3, 3)[:2]


class OnlyAddsLegal(Sound):
    def legal_actions(self, out: np.ndarray) -> None:
        out[self.squares == 0] = True


class PlaysWhenAsked(Sound):
    num_asked = 0

    def frame(self, out: np.ndarray) -> None:
        super().frame(out)
        self.num_asked += 1
        out[0, 0] = self.num_asked % 2


class GymnasiumStep(Sound):
    def step(self, action: int) -> Step:
        step = super().step(action)
        return (None, step.reward, step.is_terminal, False, {})  # type: ignore[return-value]


class RaisesInTheEnd(Sound):
    def step(self, action: int) -> Step:
        if self.num_moves == 6:
            raise IndexError("seventh stone")
        return super().step(action)


class Endless(Sound):
    changes = {"max_moves": 5}


class Stuck(Sound):
    def legal_actions(self, out: np.ndarray) -> None:
        out[:] = (self.squares == 0) & (self.num_moves < 5)


class LegalAfterTheEnd(Sound):
    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(step.reward, self.num_moves == 8, False)


class MovesTwice(Sound):
    def to_play(self) -> int:
        return self.num_moves // 2 % 2


class OtherFrameNumbers(Sound):
    def frame(self, out: np.ndarray) -> None:
        super().frame(out)
        out[out == 2] = -1


class InfiniteFrame(Sound):
    changes = {"frame_shape": (NUM_SQUARES,), "frame_dtype": "float32", "encoding": "vector", "board_shape": (), "action_shape": ()}

    def frame(self, out: np.ndarray) -> None:
        out[:] = np.where(self.squares == 0, np.inf, self.squares)

    def action_planes(self) -> np.ndarray:
        return np.eye(NUM_SQUARES, dtype=np.float32)


class RewardOfNumpy(Sound):
    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(np.float32(step.reward), step.is_terminal, False)  # type: ignore[arg-type]


class RewardNotANumber(Sound):
    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(float("nan"), step.is_terminal, False)


class EndedAndCut(Sound):
    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(step.reward, step.is_terminal, step.is_terminal)


class TooMuchReward(Sound):
    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(2.0 * step.reward, step.is_terminal, False)


class LopsidedBounds(Sound):
    changes = {"value_bounds": (0.0, 1.0)}


class ForgetsToReset(Sound):
    num_started = 0

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.num_started += 1
        self.squares[self.num_started % NUM_SQUARES] = 1
        self.num_moves = 0

    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(step.reward, not (self.squares == 0).any(), False)


class UnseededChance(Sound):
    num_made = 0

    def __init__(self) -> None:
        type(self).num_made += 1
        self.number = self.num_made
        super().__init__()

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.squares[np.random.default_rng([time.monotonic_ns(), self.number]).permutation(NUM_SQUARES)[:4]] = 2

    def step(self, action: int) -> Step:
        step = super().step(action)
        return Step(step.reward, not (self.squares == 0).any(), False)


class LegalButRefused(Sound):
    def step(self, action: int) -> Step:
        if action == 8 and self.num_moves == 0:
            raise ValueError("the last square is not for beginners")
        return super().step(action)

    def symmetries(self) -> Symmetries:
        return Symmetries(np.arange(NUM_SQUARES)[None], np.arange(NUM_SQUARES, dtype=np.int32)[None])


class ActionsAlike(Sound):
    def action_planes(self) -> np.ndarray:
        planes = super().action_planes()
        planes[4] = planes[3]
        return planes


class PlanesOfOtherShape(Sound):
    def action_planes(self) -> np.ndarray:
        return np.eye(NUM_SQUARES, dtype=np.float32)


class PlanesWithoutShape(Sound):
    changes = {"action_shape": ()}


class Picture(Sound):
    """Shows its board as a picture that was not scaled."""

    changes = {"frame_shape": (1, 3, 3), "frame_dtype": "float32", "encoding": "planes"}

    def frame(self, out: np.ndarray) -> None:
        out[0] = 255.0 * (self.squares.reshape(3, 3) == 1)

    def symmetries(self) -> Symmetries:
        return square_symmetries(3)


class NeverReturns(Sound):
    def step(self, action: int) -> Step:
        while self.num_moves == 6:
            time.sleep(0.01)
        return super().step(action)


class NoPlanes(Sound):
    def action_planes(self) -> np.ndarray:
        return None  # type: ignore[return-value]


class InfinitePlanes(Sound):
    def action_planes(self) -> np.ndarray:
        return np.where(super().action_planes() == 0, np.float32(0), np.float32(np.inf))


class PlanesRaise(Sound):
    def action_planes(self) -> np.ndarray:
        raise ValueError("no picture\nof any move")


class WrongSymmetry(Sound):
    def symmetries(self) -> Symmetries:
        turns = square_symmetries(3)
        return Symmetries(turns.cell, turns.action[[0, 3, 2, 1, 4, 5, 6, 7]])


class SymmetryTable(Sound):
    def symmetries(self) -> Symmetries:
        turns = square_symmetries(3)
        return Symmetries(turns.cell[:, :4], turns.action)


class SymmetryOfFloats(Sound):
    def symmetries(self) -> Symmetries:
        turns = square_symmetries(3)
        return Symmetries(turns.cell, turns.action.astype(np.float32))  # type: ignore[arg-type]


class SymmetriesAsTuple(Sound):
    def symmetries(self) -> Symmetries:
        turns = square_symmetries(3)
        return (turns.cell, turns.action)  # type: ignore[return-value]


class NoSymmetryAtAll(Sound):
    def symmetries(self) -> Symmetries:
        turns = square_symmetries(3)
        return Symmetries(turns.cell[:0], turns.action[:0])


class LeavesInTheEnd(Sound):
    def step(self, action: int) -> Step:
        if self.num_moves == 6:
            sys.exit(7)
        return super().step(action)


class ShallowClone(Sound):
    def clone(self) -> "ShallowClone":
        return copy(self)


class ShowsTheLastMove(Sound):
    last = 0

    def reset(self, seed: int) -> None:
        super().reset(seed)
        self.last = 0

    def step(self, action: int) -> Step:
        self.last = action
        return super().step(action)

    def frame(self, out: np.ndarray) -> None:
        super().frame(out)
        out.reshape(-1)[self.last] = 0

    def symmetries(self) -> Symmetries:
        return Symmetries(np.arange(NUM_SQUARES)[None], np.arange(NUM_SQUARES, dtype=np.int32)[None])
