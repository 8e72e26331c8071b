"""Input planes of shogi, from frames written by hand."""

import pytest
import torch

from muzero.config import EnvConfig
from muzero.games import make_game
from muzero.networks.shogi_encoder import ShogiEncoder

CENTRE, CORNER = (4, 4), (0, 8)
HANDS = slice(31, 45)


def encoder(history: int = 2) -> ShogiEncoder:
    return ShogiEncoder(make_game(EnvConfig(name="shogi", kwargs={"history": history})).spec)


def frame(pieces: dict[tuple[int, int], int], counters: dict[int, int] | None = None) -> torch.Tensor:
    """Returns int8 [98] with these pieces on (row, column) and these counters."""
    out = torch.zeros(98, dtype=torch.int8)
    for (row, column), code in pieces.items():
        out[9 * row + column] = code
    for index, count in (counters or {}).items():
        out[index] = count
    return out


def planes_of(*frames: torch.Tensor, to_play: int = 0) -> torch.Tensor:
    """Returns the planes of one observation, float32 [C, 9, 9]."""
    return encoder(len(frames))(torch.stack(frames)[None], torch.tensor([to_play], dtype=torch.int8))[0]


@pytest.mark.parametrize(("history", "num_planes"), [(1, 47), (8, 362)])
def test_eight_positions_make_the_362_planes_of_the_paper(history: int, num_planes: int) -> None:
    assert encoder(history).output_shape == (num_planes, 9, 9)


def test_pieces_of_the_player_to_move_come_first_on_the_same_squares() -> None:
    newest = frame({CENTRE: 1, CORNER: 28})
    as_black, as_white = planes_of(frame({}), newest), planes_of(frame({}), newest, to_play=1)
    assert as_black[:90].nonzero().tolist() == [[45 + 0, *CENTRE], [45 + 27, *CORNER]]
    assert as_white[:90].nonzero().tolist() == [[45 + 13, *CORNER], [45 + 14, *CENTRE]]
    assert (as_black[-2] == 0).all() and (as_white[-2] == 1).all()


def test_positions_before_the_start_are_empty() -> None:
    assert not planes_of(frame({}), frame({CENTRE: 1}))[:45].any()


def test_each_repetition_fills_one_more_plane() -> None:
    planes = planes_of(frame({}, {95: 1}), frame({}, {95: 3}))[:90].reshape(2, 45, 81)
    assert [position.all(dim=1).nonzero().flatten().tolist() for position in planes] == [[28], [28, 29, 30]]


def test_hands_are_parts_of_all_pieces_of_a_kind_and_the_own_comes_first() -> None:
    newest = frame({}, {81: 9, 87: 2, 94: 1})
    black, white = [0.5, 0, 0, 0, 0, 0, 1], [0, 0, 0, 0, 0, 0, 0.5]
    assert planes_of(newest)[HANDS, 3, 3].tolist() == black + white
    assert planes_of(newest, to_play=1)[HANDS, 3, 3].tolist() == white + black


def test_moves_are_a_part_of_max_moves() -> None:
    assert (planes_of(frame({}, {96: 1, 97: 64}))[-1] == 192 / 512).all()


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning")
def test_a_trace_encodes_other_batches_alike() -> None:
    module, generator = encoder(), torch.Generator().manual_seed(0)
    frames = torch.randint(0, 29, (6, 2, 98), generator=generator, dtype=torch.int8)
    to_play = torch.tensor([0, 1, 0, 1, 1, 0], dtype=torch.int8)
    traced = torch.jit.trace(module, (frames[:2], to_play[:2]))
    assert torch.equal(traced(frames, to_play), module(frames, to_play))
    assert torch.equal(module(frames, to_play)[3:4], module(frames[3:4], to_play[3:4]))
