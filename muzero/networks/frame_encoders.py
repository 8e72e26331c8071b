"""The decoders of frames that need no rules of a game: vectors, boards with stones, planes, images. No parameters.

Legend: B batch, N frames, C planes per frame, H W board, D numbers per frame.
"""

from math import prod

import torch
from torch import Tensor, nn

from muzero.types import GameSpec

WHITE_BYTE = 255.0


class VectorEncoder(nn.Module):
    """Puts the numbers of all frames in a row; where two play, the player to move comes last."""

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game with frames of any shape."""
        super().__init__()
        self.is_two_player = spec.num_players == 2
        self.output_shape: tuple[int, ...] = (spec.num_frames * prod(spec.frame_shape) + self.is_two_player,)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, N*D] or [B, N*D + 1].

        Args:
            frames: [B, N, *frame_shape], oldest first.
            to_play: int8 [B].
        """
        numbers = frames.flatten(1).float()
        return torch.cat((numbers, to_play.view(-1, 1).float()), dim=1) if self.is_two_player else numbers


class BoardEncoder(nn.Module):
    """Shows stones of the player to move, stones of the opponent, and one constant plane that tells which player moves."""

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game with frames [H, W]."""
        super().__init__()
        self.output_shape: tuple[int, ...] = (2 * spec.num_frames + 1, *spec.frame_shape)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, 2N+1, H, W] of zeros and ones.

        Args:
            frames: int8 [B, N, H, W], 0 empty, 1 first player's stone, 2 second player's, oldest first.
            to_play: int8 [B].
        """
        player = to_play.view(-1, 1, 1, 1)
        own = frames == player + 1
        opponent = frames == 2 - player
        colour = player.expand(-1, 1, *frames.shape[2:]).bool()
        return torch.cat((own, opponent, colour), dim=1).float()


class PlanesEncoder(nn.Module):
    """Shows the planes of all frames as they are; where two play, a constant plane at the end tells which player moves."""

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game with frames [C, H, W]."""
        super().__init__()
        self.is_two_player = spec.num_players == 2
        num_planes, height, width = spec.frame_shape
        self.output_shape: tuple[int, ...] = (spec.num_frames * num_planes + self.is_two_player, height, width)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, N*C, H, W] or [B, N*C + 1, H, W].

        Args:
            frames: [B, N, C, H, W], oldest first.
            to_play: int8 [B].
        """
        planes = frames.flatten(1, 2).float()
        if not self.is_two_player:
            return planes
        return torch.cat((planes, constant_planes(to_play.view(-1, 1), planes)), dim=1)


class ImageEncoder(nn.Module):
    """Shows images in [0, 1], the planes of all frames one behind the other."""

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game with frames [C, H, W]."""
        super().__init__()
        self.planes = PlanesEncoder(spec)
        self.output_shape = self.planes.output_shape

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, N*C, H, W], or one plane more where two play.

        Args:
            frames: uint8 [B, N, C, H, W], oldest first.
            to_play: int8 [B].
        """
        planes: Tensor = self.planes(frames / WHITE_BYTE, to_play)
        return planes


class ImageActionsEncoder(nn.Module):
    """Shows images in [0, 1] and behind them, for each frame, a constant plane for the action that led to it.

    The plane of action a is (a + 1) / A, 0 before the first one. Source: arXiv:1911.08265, appendix E: a/18 for Atari.
    """

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of a game with frames [C*H*W + 1] and board_shape (H, W)."""
        super().__init__()
        self.num_actions = spec.num_actions
        self.board_shape = spec.board_shape
        num_planes = (spec.frame_shape[0] - 1) // prod(spec.board_shape)
        self.output_shape: tuple[int, ...] = (spec.num_frames * (num_planes + 1), *spec.board_shape)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, N*C + N, H, W].

        Args:
            frames: uint8 [B, N, C*H*W + 1], oldest first; the last byte is the action plus 1, or 0 at the start.
            to_play: int8 [B], not shown: images with actions are for one player.
        """
        images = frames[:, :, :-1].reshape(frames.shape[0], -1, *self.board_shape) / WHITE_BYTE
        actions = constant_planes(frames[:, :, -1] / self.num_actions, images)
        return torch.cat((images, actions), dim=1)


def constant_planes(values: Tensor, like: Tensor) -> Tensor:
    """Returns planes that show one number each, in the dtype and board size of others.

    Args:
        values: [B, P].
        like: [B, ..., H, W].
    """
    return values.to(like.dtype)[:, :, None, None].expand(-1, -1, *like.shape[-2:])
