"""Reads the screen of an Atari console in grey or in colour, converting only what changed since it was read last. Needs Numba."""

from typing import Any

import numpy as np

from muzero.jit import njit
from muzero.types import BoolArray, FrameArray

NUM_COLOURS = 256


class AtariScreen:
    """A copy of the console's screen that is brought up to date by repainting.

    ALE converts a whole screen in 10 us (grey) or 17 us (colour), but gives out its colour numbers in 0.4 us; few of them change from
    frame to frame, and comparing takes 2 us. What a number looks like is learned from ALE, where a new one appears.

    Attributes:
        pixels: uint8 [H, W * C], the channels of a pixel side by side; C is 1 in grey, 3 in colour.
    """

    def __init__(self, console: Any, num_channels: int) -> None:
        """Reads the present screen.

        Args:
            console: ale-py's interface, with a cartridge.
            num_channels: C.
        """
        height, width = console.getScreenDims()
        self._console = console
        self._read_whole = console.getScreenGrayscale if num_channels == 1 else console.getScreenRGB
        self._number, self._shown_number = np.zeros((2, height, width), np.uint8)
        self._colour, self._is_known = np.zeros((NUM_COLOURS, num_channels), np.uint8), np.zeros(NUM_COLOURS, np.bool_)
        self._painted = np.zeros((height, width, num_channels), np.uint8)
        self.pixels = self._painted.reshape(height, -1)
        console.getScreen(self._number)
        self._learn()

    def read(self) -> None:
        """Makes `pixels` show the console's present screen."""
        self._console.getScreen(self._number)
        if not repaint(self._number, self._colour, self._is_known, self._shown_number, self._painted):
            self._learn()

    def _learn(self) -> None:
        """Reads the whole screen, and with it what its colour numbers look like."""
        self._painted[:] = self._read_whole().reshape(self._painted.shape)
        self._colour[self._number], self._is_known[self._number] = self._painted, True
        self._shown_number[:] = self._number


@njit
def repaint(number: FrameArray, colour: FrameArray, is_known: BoolArray, out_shown_number: FrameArray, out_pixels: FrameArray) -> bool:
    """Paints the pixels whose colour number changed, and returns whether all their colours are known.

    Args:
        number: uint8 [H, W], the present colour numbers.
        colour: uint8 [256, C], what they look like.
        is_known: bool [256], for which numbers that is known.
        out_shown_number: uint8 [H, W], the numbers that are painted.
        out_pixels: uint8 [H, W, C].
    """
    all_known = True
    for row in range(number.shape[0]):
        difference = np.uint8(0)
        for column in range(number.shape[1]):  # without a branch, so that the rows that did not change cost 2 us in all
            difference |= number[row, column] ^ out_shown_number[row, column]
        if difference == 0:
            continue
        for column in range(number.shape[1]):
            present = number[row, column]
            if present != out_shown_number[row, column]:
                out_shown_number[row, column] = present
                all_known &= is_known[present]
                for channel in range(colour.shape[1]):
                    out_pixels[row, column, channel] = colour[present, channel]
    return all_known
