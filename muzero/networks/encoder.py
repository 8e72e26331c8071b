"""The first layer: decodes compact frames into input planes or vectors on the device. It has no parameters.

Legend: B batch, N frames, H W board, D numbers per frame.
"""

import torch
from torch import Tensor, nn

from muzero.errors import UnsupportedGame
from muzero.types import GameSpec

ENCODINGS = ("board", "vector")


class Encoder(nn.Module):
    """Turns (frames, to_play) into the network's input.

    A board frame (0 empty, 1 first player's stone, 2 second player's) becomes two planes: stones of the player to move, stones
    of the opponent. One constant plane at the end tells which player moves. Vector frames are only put in a row.
    """

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game.

        Raises:
            UnsupportedGame: if the game's encoding is not one of ENCODINGS.
        """
        super().__init__()
        if spec.encoding not in ENCODINGS:
            raise UnsupportedGame(f"game '{spec.name}' has encoding '{spec.encoding}': known are {', '.join(ENCODINGS)}.")
        self.is_board = spec.encoding == "board"
        self.input_shape = (spec.num_frames, *spec.frame_shape)
        self.output_shape = _board_shape(spec) if self.is_board else _vector_shape(spec)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, 2N+1, H, W] for boards, [B, N*D] for vectors.

        Args:
            frames: [B, N, *frame_shape], int8 for boards, float32 for vectors, oldest first.
            to_play: int8 [B].
        """
        if not self.is_board:
            return frames.flatten(1).float()
        player = to_play.view(-1, 1, 1, 1)
        own = frames == player + 1
        opponent = frames == 2 - player
        colour = player.expand(-1, 1, *frames.shape[2:]).bool()
        return torch.cat((own, opponent, colour), dim=1).float()


def _board_shape(spec: GameSpec) -> tuple[int, ...]:
    return (2 * spec.num_frames + 1, *spec.frame_shape)


def _vector_shape(spec: GameSpec) -> tuple[int, ...]:
    size = spec.num_frames
    for axis in spec.frame_shape:
        size *= axis
    return (size,)
