"""The latest frames of several running games, stacked into the observations a search starts from."""

import numpy as np

from muzero.types import FrameArray, GameSpec, Int8Array, Observation


class FrameHistory:
    """Remembers the last `spec.num_frames` frames of each game.

    Attributes:
        frames: spec.frame_dtype [B, num_frames, *frame_shape], oldest first, zeros before the start of the episode.
    """

    def __init__(self, spec: GameSpec, num_games: int) -> None:
        """Starts with empty histories of `num_games` games."""
        self.frames: FrameArray = np.zeros((num_games, spec.num_frames, *spec.frame_shape), spec.frame_dtype)

    def clear(self, game_index: int) -> None:
        """Forgets a game; to be called when its next episode starts."""
        self.frames[game_index] = 0

    def push(self, game_index: int, frame: FrameArray) -> None:
        """Adds the newest frame of a game, dropping its oldest.

        Args:
            game_index: which game, in [0, num_games).
            frame: [*frame_shape], copied.
        """
        frames = self.frames[game_index]
        frames[:-1] = frames[1:]
        frames[-1] = frame

    def observation(self, to_play: Int8Array) -> Observation:
        """Returns the present observation of all games, as fresh arrays.

        Args:
            to_play: int8 [B], the player to move in each game.
        """
        return Observation(self.frames.copy(), to_play.copy())
