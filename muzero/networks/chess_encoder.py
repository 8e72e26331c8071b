"""Decodes frames of chess into the input planes of arXiv:1712.01815, on the device. It has no parameters.

Legend: B batch, N frames.
"""

import torch
from torch import Tensor, nn

from muzero.games.chess import BOARD, CASTLING, NO_PROGRESS, NUM_MOVES, NUM_MOVES_BASE, REPETITIONS
from muzero.types import GameSpec

NUM_PIECES = 6
PLANES_PER_FRAME = 2 * NUM_PIECES + 2
CONSTANT_PLANES = 7
DRAWING_PLIES = 100
"""Plies without progress that end the game."""


class ChessEncoder(nn.Module):
    """Turns (frames, to_play) into planes, never turning the board: row 0 is rank 1.

    For each frame, oldest first: pawns, knights, bishops, rooks, queens and king of the player to move, the same of the opponent, one
    plane if the position occurred before, one if twice. Then constant planes of the present: player to move, plies played as a part
    of max_moves, right to castle of the player to move on king and queen side, of the opponent, plies without progress as a part of 100.
    """

    piece: Tensor
    times: Tensor

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of chess with spec.num_frames positions."""
        super().__init__()
        self.output_shape = (PLANES_PER_FRAME * spec.num_frames + CONSTANT_PLANES, *spec.board_shape)
        self.max_moves = spec.max_moves
        self.register_buffer("piece", torch.arange(1, NUM_PIECES + 1, dtype=torch.int8).view(1, 1, -1, 1, 1), persistent=False)
        self.register_buffer("times", torch.arange(1, 3, dtype=torch.int8).view(1, 1, 2, 1, 1), persistent=False)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, 14N+7, 8, 8].

        Args:
            frames: int8 [B, N, 72], as `muzero/games/chess.py` lays them out, oldest first.
            to_play: int8 [B].
        """
        size = self.output_shape[1:]
        board = frames[..., BOARD].reshape(*frames.shape[:2], 1, *size)
        player = to_play.view(-1, 1, 1, 1, 1)
        own, opponent = board == self.piece + NUM_PIECES * player, board == self.piece + NUM_PIECES * (1 - player)
        has_occurred = (frames[..., REPETITIONS, None, None, None] >= self.times).expand(-1, -1, -1, *size)
        history = torch.cat((own, opponent, has_occurred), dim=2).flatten(1, 2).float()
        constants = self._constants(frames[:, -1].float(), to_play)
        return torch.cat((history, constants[..., None, None].expand(-1, -1, *size)), dim=1)

    def _constants(self, latest: Tensor, to_play: Tensor) -> Tensor:
        """Returns the numbers of the constant planes, float32 [B, 7]."""
        high, low = latest[:, NUM_MOVES].unbind(1)
        castling = latest[:, CASTLING].reshape(-1, 2, 2)
        castling = torch.where(to_play.view(-1, 1, 1) == 0, castling, castling.flip(1))
        moves = (NUM_MOVES_BASE * high + low) / self.max_moves
        progress = latest[:, NO_PROGRESS] / DRAWING_PLIES
        return torch.cat((torch.stack((to_play.float(), moves), 1), castling.flatten(1), progress[:, None]), dim=1)
