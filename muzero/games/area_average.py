"""Shrinks images by area averaging: each new pixel is the mean of the old ones under it. Needs Numba; knows nothing of Atari.

Legend: H, W of the large image, h, w of the small one, C channels, t the old pixels that one new pixel covers at most.
"""

import math

import numpy as np

from muzero.jit import njit
from muzero.types import Float32Array, FrameArray, Int64Array

MAX_TOTAL_WEIGHT = 16_384
"""Largest sum of a pixel's weights: above it, float32 could round a mean the wrong way (255 * 2**-23 would pass 0.5 / total)."""


def overlap_weights(old_size: int, new_size: int) -> tuple[Int64Array, Float32Array]:
    """Returns which old pixels each new one covers along one axis, and how much of them, in whole numbers without a common divisor.

    Args:
        old_size: pixels before.
        new_size: pixels after, at most as many.

    Returns:
        int64 [new_size], the first old pixel, and float32 [new_size, t], the weights of it and of those behind it.
    """
    old, new = np.arange(old_size), np.arange(new_size)[:, None]
    overlap = np.minimum((new + 1) * old_size, (old + 1) * new_size) - np.maximum(new * old_size, old * new_size)
    weights = overlap.clip(0) // math.gcd(old_size, new_size)
    num_taps = int((weights > 0).sum(axis=1).max())
    first = np.minimum((weights > 0).argmax(axis=1), old_size - num_taps)
    return first, np.take_along_axis(weights, first[:, None] + np.arange(num_taps), axis=1).astype(np.float32)


class AreaAverage:
    """Shrinks the pixelwise maximum of two images of one size to another size.

    The two are merged here because the maximum costs nothing where the pixels are read anyway.
    """

    def __init__(self, old_size: tuple[int, int], new_size: tuple[int, int], num_channels: int) -> None:
        """Computes the weights.

        Args:
            old_size, new_size: (H, W) and (h, w).
            num_channels: C.
        """
        self._rows, self._columns = (overlap_weights(old, new) for old, new in zip(old_size, new_size, strict=True))
        total = int(self._rows[1][0].sum() * self._columns[1][0].sum())
        if total > MAX_TOTAL_WEIGHT:
            raise ValueError(f"cannot average {old_size} pixels into {new_size} exactly")
        self._scale, self._half = np.float32(1 / total), np.float32(total // 2 + 0.5)
        self._line = np.zeros(max(old_size[1] * num_channels, new_size[0]), np.float32)
        self._sums = np.zeros((old_size[1] * num_channels, new_size[0]), np.float32)
        self._pixels = np.zeros(new_size[0], np.uint8)

    def __call__(self, first: FrameArray, second: FrameArray, out: FrameArray) -> None:
        """Writes the mean colours, halves rounded up.

        Args:
            first, second: uint8 [H, W * C], the channels of a pixel side by side.
            out: uint8 [C, h, w], overwritten.
        """
        weights = *self._rows, *self._columns
        average_area(first, second, *weights, self._scale, self._half, self._line, self._sums, self._pixels, out)


@njit
def average_area(
    first: FrameArray,
    second: FrameArray,
    first_row: Int64Array,
    row_weight: Float32Array,
    first_column: Int64Array,
    column_weight: Float32Array,
    scale: np.float32,
    half: np.float32,
    line: Float32Array,
    sums: Float32Array,
    pixels: FrameArray,
    out_image: FrameArray,
) -> None:
    """Averages rows first, then columns.

    The sums of rows are kept with the image's columns first, so that both passes run along memory, and a column of pixels is
    complete before it is put in place: 11 us for a grey screen instead of 25 us. All sums are whole numbers below
    2**24, exact in float32.

    Args:
        first, second: uint8 [H, W * C]; their maximum is averaged.
        first_row, row_weight: int64 [h], float32 [h, t], from `overlap_weights`.
        first_column, column_weight: int64 [w], float32 [w, t].
        scale: 1 / the sum of all weights of a pixel.
        half: half that sum, rounded down, plus 0.5: makes the cut to a whole number round, and keeps away from its edge.
        line: float32 [max(W * C, h)], scratch.
        sums: float32 [W * C, h], scratch.
        pixels: uint8 [h], scratch.
        out_image: uint8 [C, h, w].
    """
    num_channels, height, width = out_image.shape
    num_columns = first.shape[1]
    for row in range(height):
        line[:num_columns] = 0
        for tap in range(row_weight.shape[1]):
            weight, old_row = row_weight[row, tap], first_row[row] + tap
            for column in range(num_columns):
                line[column] += weight * max(first[old_row, column], second[old_row, column])
        for column in range(num_columns):
            sums[column, row] = line[column]
    for channel in range(num_channels):
        for column in range(width):
            line[:height] = half
            for tap in range(column_weight.shape[1]):
                weight, old_column = column_weight[column, tap], (first_column[column] + tap) * num_channels + channel
                for row in range(height):
                    line[row] += weight * sums[old_column, row]
            for row in range(height):
                pixels[row] = np.uint8(np.int32(line[row] * scale))
            for row in range(height):
                out_image[channel, row, column] = pixels[row]
