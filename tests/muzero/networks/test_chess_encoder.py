"""Input planes of chess, from frames written by hand."""

import pytest
import torch

from muzero.config import EnvConfig
from muzero.games import make_game
from muzero.networks.chess_encoder import ChessEncoder

E4, E5 = (3, 4), (4, 4)
COLOUR, MOVES, CASTLING, PROGRESS = -7, -6, slice(-5, -1), -1


def encoder(history: int = 2) -> ChessEncoder:
    return ChessEncoder(make_game(EnvConfig(name="chess", kwargs={"history": history})).spec)


def frame(pieces: dict[tuple[int, int], int], counters: dict[int, int] | None = None) -> torch.Tensor:
    """Returns int8 [72] with these pieces on (rank, file) and these counters."""
    out = torch.zeros(72, dtype=torch.int8)
    for (rank, file), code in pieces.items():
        out[8 * rank + file] = code
    for index, count in (counters or {}).items():
        out[index] = count
    return out


def planes_of(*frames: torch.Tensor, to_play: int = 0) -> torch.Tensor:
    """Returns the planes of one observation, float32 [C, 8, 8]."""
    return encoder(len(frames))(torch.stack(frames)[None], torch.tensor([to_play], dtype=torch.int8))[0]


def ones(planes: torch.Tensor) -> list[list[int]]:
    return planes.nonzero().tolist()


@pytest.mark.parametrize(("history", "num_planes"), [(1, 21), (8, 119), (100, 1407)])
def test_eight_positions_make_the_119_planes_of_the_paper(history: int, num_planes: int) -> None:
    assert encoder(history).output_shape == (num_planes, 8, 8)


def test_pieces_of_the_player_to_move_come_first_on_the_same_squares() -> None:
    newest = frame({E4: 1, E5: 12})
    as_white, as_black = planes_of(frame({}), newest), planes_of(frame({}), newest, to_play=1)
    assert ones(as_white[:28]) == [[14 + 0, *E4], [14 + 11, *E5]]
    assert ones(as_black[:28]) == [[14 + 5, *E5], [14 + 6, *E4]]
    assert (as_white[COLOUR] == 0).all() and (as_black[COLOUR] == 1).all()


def test_positions_before_the_start_are_empty() -> None:
    assert not planes_of(frame({}), frame({E4: 1}))[:14].any()


def test_repetitions_fill_one_plane_or_two() -> None:
    once, twice = planes_of(frame({}, {68: 1}), frame({}, {68: 2}))[:28].reshape(2, 14, 64)
    assert once.all(dim=1).nonzero().flatten().tolist() == [12]
    assert twice.all(dim=1).nonzero().flatten().tolist() == [12, 13]


def test_counters_are_parts_of_their_most() -> None:
    planes = planes_of(frame({}, {69: 25, 70: 2, 71: 0}))
    assert (planes[PROGRESS] == 0.25).all() and (planes[MOVES] == 256 / 512).all()


def test_castling_rights_of_the_player_to_move_come_first() -> None:
    newest = frame({}, {64: 1, 67: 1})
    assert planes_of(newest)[CASTLING, 0, 0].tolist() == [1, 0, 0, 1]
    assert planes_of(newest, to_play=1)[CASTLING, 0, 0].tolist() == [0, 1, 1, 0]


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning")
def test_a_trace_encodes_other_batches_alike() -> None:
    module, generator = encoder(), torch.Generator().manual_seed(0)
    frames = torch.randint(0, 13, (6, 2, 72), generator=generator, dtype=torch.int8)
    to_play = torch.tensor([0, 1, 0, 1, 1, 0], dtype=torch.int8)
    traced = torch.jit.trace(module, (frames[:2], to_play[:2]))
    assert torch.equal(traced(frames, to_play), module(frames, to_play))
    assert torch.equal(module(frames, to_play)[3:4], module(frames[3:4], to_play[3:4]))
