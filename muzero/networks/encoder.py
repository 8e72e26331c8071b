"""The first layer: decodes compact frames into input planes or vectors on the device. It has no parameters; how each encoding is
decoded stands in `frame_encoders.py`, `chess_encoder.py` and `shogi_encoder.py`.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from muzero.errors import UnsupportedGame
from muzero.networks.chess_encoder import ChessEncoder
from muzero.networks.frame_encoders import BoardEncoder, ImageActionsEncoder, ImageEncoder, PlanesEncoder, VectorEncoder
from muzero.networks.shogi_encoder import ShogiEncoder
from muzero.types import GameSpec

ENCODERS: dict[str, Callable[[GameSpec], nn.Module]] = {
    "vector": VectorEncoder,
    "board": BoardEncoder,
    "planes": PlanesEncoder,
    "image": ImageEncoder,
    "image_actions": ImageActionsEncoder,
    "chess": ChessEncoder,
    "shogi": ShogiEncoder,
}
"""Who decodes which encoding of a GameSpec; each has an `output_shape` and takes (frames, to_play)."""


class Encoder(nn.Module):
    """Turns (frames, to_play) into the network's input.

    Attributes:
        input_shape: (N, *frame_shape), N frames of one observation.
        input_dtype: torch's dtype of frames.
        output_shape: (planes, H, W), or (numbers,) for vectors.
    """

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game.

        Raises:
            UnsupportedGame: if the game's encoding is not one of ENCODERS.
        """
        super().__init__()
        if spec.encoding not in ENCODERS:
            raise UnsupportedGame(f"game '{spec.name}' has encoding '{spec.encoding}': known are {', '.join(ENCODERS)}.")
        self.decoder = ENCODERS[spec.encoding](spec)
        self.input_shape = (spec.num_frames, *spec.frame_shape)
        self.input_dtype: torch.dtype = getattr(torch, spec.frame_dtype)
        self.output_shape: tuple[int, ...] = self.decoder.output_shape  # type: ignore[assignment]

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, *output_shape].

        Args:
            frames: input_dtype [B, *input_shape], oldest first.
            to_play: int8 [B].
        """
        observation: Tensor = self.decoder(frames, to_play)
        return observation
