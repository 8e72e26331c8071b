"""Decodes frames of shogi into the input planes of arXiv:1712.01815, on the device. It has no parameters.

Legend: B batch, N frames.
"""

import torch
from torch import Tensor, nn

from muzero.games.shogi import BOARD, HANDS, NUM_MOVES, NUM_MOVES_BASE, NUM_PIECES, REPETITIONS
from muzero.types import GameSpec

PIECES_IN_THE_GAME = (18, 4, 4, 4, 4, 2, 2)
"""Pawns, lances, knights, silvers, golds, bishops, rooks of both players together: the most that one hand can hold."""
MAX_REPETITIONS = 3
PLANES_PER_FRAME = 2 * NUM_PIECES + MAX_REPETITIONS + 2 * len(PIECES_IN_THE_GAME)
CONSTANT_PLANES = 2


class ShogiEncoder(nn.Module):
    """Turns (frames, to_play) into planes, never turning the board: row 0 is rank i.

    For each frame, oldest first: 14 kinds of pieces of the player to move, the same of the opponent, a plane each if the position
    occurred once, twice, three times before, 7 kinds of pieces in the hand of the player to move as a part of all there are, the
    same of the opponent. Then constant planes of the present: player to move, plies played as a part of max_moves.
    """

    piece: Tensor
    times: Tensor
    in_the_game: Tensor

    def __init__(self, spec: GameSpec) -> None:
        """Makes the encoder of shogi with spec.num_frames positions."""
        super().__init__()
        self.output_shape = (PLANES_PER_FRAME * spec.num_frames + CONSTANT_PLANES, *spec.board_shape)
        self.max_moves = spec.max_moves
        self.register_buffer("piece", torch.arange(1, NUM_PIECES + 1, dtype=torch.int8).view(1, 1, -1, 1, 1), persistent=False)
        self.register_buffer("times", torch.arange(1, MAX_REPETITIONS + 1, dtype=torch.int8), persistent=False)
        self.register_buffer("in_the_game", torch.tensor(PIECES_IN_THE_GAME, dtype=torch.float32), persistent=False)

    def forward(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns float32 [B, 45N+2, 9, 9].

        Args:
            frames: int8 [B, N, 98], as `muzero/games/shogi.py` lays them out, oldest first.
            to_play: int8 [B].
        """
        size = self.output_shape[1:]
        board = frames[..., BOARD].reshape(*frames.shape[:2], 1, *size)
        player = to_play.view(-1, 1, 1, 1, 1)
        own, opponent = board == self.piece + NUM_PIECES * player, board == self.piece + NUM_PIECES * (1 - player)
        counters = torch.cat(((frames[..., REPETITIONS, None] >= self.times).float(), self._hands(frames, to_play)), dim=2)
        counters = counters[..., None, None].expand(-1, -1, -1, *size)
        history = torch.cat((own.float(), opponent.float(), counters), dim=2).flatten(1, 2)
        high, low = frames[:, -1, NUM_MOVES].float().unbind(1)
        constants = torch.stack((to_play.float(), (NUM_MOVES_BASE * high + low) / self.max_moves), dim=1)
        return torch.cat((history, constants[..., None, None].expand(-1, -1, *size)), dim=1)

    def _hands(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns both hands as parts of all pieces of a kind, the one of the player to move first, float32 [B, N, 14]."""
        hands = frames[..., HANDS].float().reshape(*frames.shape[:2], 2, -1) / self.in_the_game
        return torch.where(to_play.view(-1, 1, 1, 1) == 0, hands, hands.flip(2)).flatten(2)
