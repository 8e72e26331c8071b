"""The stack of latest frames."""

import numpy as np

from muzero.games.history import FrameHistory
from muzero.types import GameSpec

SPEC = GameSpec(
    name="numbers",
    num_players=1,
    num_actions=1,
    frame_shape=(2,),
    frame_dtype="float32",
    num_frames=3,
    encoding="vector",
    action_shape=(),
    value_bounds=None,
    max_moves=9,
)
TO_PLAY = np.zeros(2, np.int8)


def pushed(history: FrameHistory, game_index: int, *values: int) -> list[list[float]]:
    for value in values:
        history.push(game_index, np.full(2, value, np.float32))
    return history.observation(TO_PLAY).frames[game_index].tolist()


def test_newest_frame_comes_last_and_zeros_before_the_start() -> None:
    history = FrameHistory(SPEC, num_games=2)
    assert pushed(history, 1, 5, 6) == [[0, 0], [5, 5], [6, 6]]
    assert pushed(history, 1, 7, 8) == [[6, 6], [7, 7], [8, 8]]
    assert not history.observation(TO_PLAY).frames[0].any()


def test_clear_forgets_one_game_only() -> None:
    history = FrameHistory(SPEC, num_games=2)
    pushed(history, 0, 1), pushed(history, 1, 2)
    history.clear(0)
    frames = history.observation(TO_PLAY).frames
    assert not frames[0].any() and frames[1, 2].tolist() == [2, 2]


def test_observations_are_fresh_arrays() -> None:
    history, to_play = FrameHistory(SPEC, num_games=2), TO_PLAY.copy()
    observation = history.observation(to_play)
    pushed(history, 0, 1)
    to_play[:] = 1
    assert not observation.frames.any() and not observation.to_play.any()
    assert observation.frames.shape == (2, 3, 2) and observation.frames.dtype == np.float32
