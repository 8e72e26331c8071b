"""Tests of the encoder: frames to planes and vectors."""

import pytest
import torch

from muzero.errors import UnsupportedGame
from muzero.networks.encoder import Encoder
from tests.muzero.networks.network_specs import board_spec, image_spec, planes_spec, vector_spec

FIRST = torch.zeros(1, dtype=torch.int8)
SECOND = torch.ones(1, dtype=torch.int8)


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
    torch.testing.assert_close(Encoder(vector_spec(2))(frames, FIRST), torch.arange(8.0).view(1, 8))


def test_vectors_of_two_players_end_with_the_player_to_move() -> None:
    encoder, frames = Encoder(vector_spec(num_players=2)), torch.arange(4.0).view(1, 1, 4)
    assert encoder.output_shape == (5,)
    assert encoder(frames, FIRST).tolist() == [[0, 1, 2, 3, 0]]
    assert encoder(frames, SECOND).tolist() == [[0, 1, 2, 3, 1]]


def test_planes_are_shown_as_they_are_and_colour_only_where_two_play() -> None:
    frames = torch.rand(1, 1, 3, 4, 5)
    alone, together = Encoder(planes_spec(5, num_players=1)), Encoder(planes_spec(5))
    assert (alone.output_shape, together.output_shape) == ((3, 4, 5), (4, 4, 5))
    torch.testing.assert_close(alone(frames, FIRST), frames[:, 0])
    torch.testing.assert_close(together(frames, SECOND), torch.cat((frames[:, 0], torch.ones(1, 1, 4, 5)), dim=1))


def test_images_lie_in_zero_one_and_frames_follow_each_other_oldest_first() -> None:
    encoder, frames = Encoder(image_spec(2, 3)), torch.zeros(1, 2, 3, 2, 3, dtype=torch.uint8)
    frames[0, 0, 1, 0, 2], frames[0, 1, 2, 1, 0] = 255, 51
    expected = torch.zeros(1, 6, 2, 3)
    expected[0, 1, 0, 2], expected[0, 5, 1, 0] = 1.0, 0.2
    assert encoder.output_shape == (6, 2, 3) and encoder.input_dtype == torch.uint8
    torch.testing.assert_close(encoder(frames, FIRST), expected)


def test_actions_of_frames_are_constant_planes_behind_all_images() -> None:
    encoder, frames = Encoder(image_spec(2, 3, shows_actions=True)), torch.zeros(1, 2, 19, dtype=torch.uint8)
    frames[0, 0, :18], frames[0, 1, 5] = 255, 51
    frames[0, 0, 18], frames[0, 1, 18] = 0, 18
    planes = encoder(frames, FIRST)[0]
    assert planes.shape == encoder.output_shape == (8, 2, 3)
    torch.testing.assert_close(planes[:3], torch.ones(3, 2, 3))
    assert planes[3].tolist() == [[0, 0, 0], [0, 0, pytest.approx(0.2)]] and float(planes[4:6].sum()) == 0.0
    torch.testing.assert_close(planes[6:], torch.stack((torch.zeros(2, 3), torch.ones(2, 3))))


def test_unknown_encoding_is_refused_with_the_known_ones() -> None:
    spec = board_spec()
    object.__setattr__(spec, "encoding", "sound")
    with pytest.raises(UnsupportedGame, match="'sound': known are vector, board, planes, image, image_actions, chess, shogi"):
        Encoder(spec)
