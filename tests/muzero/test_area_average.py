"""Area averaging against numbers by hand, a dense matrix product and the kernel as plain Python."""

import numpy as np
import pytest

from muzero.games import area_average
from muzero.games.area_average import AreaAverage, overlap_weights


def average(first: np.ndarray, second: np.ndarray, new_size: tuple[int, int], num_channels: int) -> np.ndarray:
    out = np.full((num_channels, *new_size), 77, np.uint8)
    AreaAverage((len(first), first.shape[1] // num_channels), new_size, num_channels)(first, second, out)
    return out


def dense_average(image: np.ndarray, new_size: tuple[int, int]) -> np.ndarray:
    """Returns the same of uint8 [H, W, C] by whole matrices of overlaps, in exact whole numbers."""
    matrices = []
    for old, new in zip(image.shape[:2], new_size, strict=True):
        edges = [(i * old, (i + 1) * old) for i in range(new)]
        matrices.append(np.array([[max(0, min(end, (j + 1) * new) - max(start, j * new)) for j in range(old)] for start, end in edges]))
    total = image.shape[0] * image.shape[1]
    sums = np.einsum("ir,rcx,jc->xij", matrices[0], image.astype(np.int64), matrices[1], optimize=True)
    return (2 * sums + total) // (2 * total)


def test_weights_by_hand() -> None:
    first, weights = overlap_weights(5, 2)  # each new pixel covers two and a half old ones
    assert first.tolist() == [0, 2] and weights.tolist() == [[2, 2, 1], [1, 2, 2]]
    first, weights = overlap_weights(210, 84)
    assert first[:3].tolist() == [0, 2, 5] and weights[:2].tolist() == [[2, 2, 1], [1, 2, 2]]


def test_an_average_by_hand_rounds_halves_up() -> None:
    image = np.array([[0, 10, 1, 2], [20, 30, 2, 1]], np.uint8)
    assert average(image, image, (1, 2), 1).tolist() == [[[15, 2]]]  # the mean of 1, 2, 2, 1 is 1.5


@pytest.mark.parametrize("height", [210, 214, 220, 230, 250])
@pytest.mark.parametrize(("new_size", "num_channels"), [(84, 1), (96, 3)])
def test_every_screen_of_ale_is_averaged_exactly(height: int, new_size: int, num_channels: int) -> None:
    random = np.random.default_rng(height)
    first, second = random.integers(0, 256, (2, height, 160 * num_channels), dtype=np.uint8)
    first[: height // 2], second[: height // 2] = 255, 255
    truth = dense_average(np.maximum(first, second).reshape(height, 160, num_channels), (new_size, new_size))
    assert np.array_equal(average(first, second, (new_size, new_size), num_channels), truth)


def test_compiled_and_plain_kernel_agree(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = np.random.default_rng(0).integers(0, 256, (2, 12, 30), dtype=np.uint8)
    compiled = average(first, second, (5, 4), 3)
    monkeypatch.setattr(area_average, "average_area", area_average.average_area.py_func)
    assert np.array_equal(average(first, second, (5, 4), 3), compiled)


def test_sizes_that_float32_could_round_wrongly_are_refused() -> None:
    with pytest.raises(ValueError, match="exactly"):
        AreaAverage((251, 163), (84, 84), 1)
