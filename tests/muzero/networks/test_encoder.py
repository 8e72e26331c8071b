"""Tests of the encoder: frames to planes."""

import pytest
import torch

from muzero.errors import UnsupportedGame
from muzero.networks.encoder import Encoder
from tests.muzero.networks.network_specs import board_spec, vector_spec


def test_board_planes_are_own_stones_opponents_stones_and_colour() -> None:
    frames = torch.tensor([[[[1, 2], [0, 1]]]] * 2, dtype=torch.int8)
    planes = Encoder(board_spec(2))(frames, torch.tensor([0, 1], dtype=torch.int8))
    first, second = torch.tensor([[1.0, 0], [0, 1]]), torch.tensor([[0.0, 1], [0, 0]])
    torch.testing.assert_close(planes[0], torch.stack((first, second, torch.zeros(2, 2))))
    torch.testing.assert_close(planes[1], torch.stack((second, first, torch.ones(2, 2))))


def test_swapping_colours_and_the_player_changes_only_the_colour_plane() -> None:
    frames = torch.randint(0, 3, (5, 4, 3, 3), dtype=torch.int8)
    swapped = torch.where(frames > 0, 3 - frames, frames)
    encoder, first = Encoder(board_spec(3, num_frames=4)), torch.zeros(5, dtype=torch.int8)
    planes, mirrored = encoder(frames, first), encoder(swapped, first + 1)
    assert planes.shape == (5, *encoder.output_shape) == (5, 9, 3, 3)
    torch.testing.assert_close(planes[:, :-1], mirrored[:, :-1])


def test_vectors_are_put_in_a_row_oldest_first() -> None:
    frames = torch.arange(8.0).view(1, 2, 4)
    torch.testing.assert_close(Encoder(vector_spec(2))(frames, torch.zeros(1, dtype=torch.int8)), torch.arange(8.0).view(1, 8))


def test_unknown_encoding_is_refused_with_the_known_ones() -> None:
    spec = board_spec()
    object.__setattr__(spec, "encoding", "sound")
    with pytest.raises(UnsupportedGame, match="'sound': known are board, vector"):
        Encoder(spec)
