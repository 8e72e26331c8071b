"""One Atari console with a cartridge, as the game needs it: seeded starts, sticky actions, frame skip. Shows raw screens only.

Talks to ale-py's ALEInterface directly: its vector environment with one game took 440 us a step where a whole step here takes 280 us,
because each step crosses two threads.
"""

import random
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ale_py import Action, ALEInterface, LoggerMode, roms

from muzero.errors import UnknownName, UnsupportedGame

if TYPE_CHECKING:
    from muzero.games.atari_screen import AtariScreen

NUM_FLUSH_FRAMES = 2
"""Frames without action after a state was restored: the first one may still show lines of the screen before (Amidar, Q*bert)."""


def load_cartridge(rom_name: str) -> Any:
    """Returns ale-py's interface with a cartridge in it, ready to play; its own randomness is off.

    Args:
        rom_name: in CamelCase, as ale-py names it in ALE/<name>-v5.

    Raises:
        UnknownName: ale-py has no such cartridge.
        UnsupportedGame: it has, but cannot load it, because nobody can play it alone.
    """
    bundled = _bundled_roms()
    if rom_name not in bundled:
        raise UnknownName("Atari game", rom_name, playable_roms())
    path = _playable_path(bundled[rom_name])
    ALEInterface.setLoggerMode(LoggerMode.Error)  # its banner would be printed once per game
    if path is None:  # loading it would end the process
        raise UnsupportedGame(f"Atari game '{rom_name}' needs two players at the console: choose one that can be played alone.")
    console = ALEInterface()
    console.setFloat("repeat_action_probability", 0.0)
    console.loadROM(path)
    console.reset_game()
    console.act(Action.NOOP)  # lets go of the reset button, which no saved state knows of: Q*bert and Tetris would start in two ways
    return console


def playable_roms() -> dict[str, Path]:
    """Returns the file of each bundled game that one can play alone, by its name as in ALE/<name>-v5, sorted."""
    paths = {name: _playable_path(rom) for name, rom in sorted(_bundled_roms().items())}
    return {name: path for name, path in paths.items() if path is not None}


def _bundled_roms() -> dict[str, str]:
    """Returns ale-py's name of each cartridge by the one in CamelCase."""
    return {rom.title().replace("_", ""): rom for rom in roms.get_all_rom_ids()}


def _playable_path(rom: str) -> Path | None:
    """Returns the file of a cartridge, or None where nobody can play it alone."""
    path = roms.get_rom_path(rom)
    return path if path is not None and ALEInterface.isSupportedROM(path) else None


class Emulator:
    """A console whose episodes follow from a state and a seed.

    ALE takes its seed only when it loads a cartridge, which costs 75 ms, and its reset leaves traces in the memory of a third of
    the games. So a game starts from a state that was saved after loading, and sticky actions are drawn here.

    Attributes:
        console: ale-py's interface.
    """

    def __init__(self, console: Any, *, num_channels: int, frame_skip: int, sticky_actions: float) -> None:
        """Prepares the console; call `begin` before playing.

        Args:
            console: from `load_cartridge`.
            num_channels: 1 for grey screens, 3 for colour.
            frame_skip: frames an action takes.
            sticky_actions: chance that a frame repeats what was pressed in the one before.
        """
        self.console = console
        self._num_channels, self._frame_skip, self._sticky_actions = num_channels, frame_skip, sticky_actions

    @cached_property
    def screens(self) -> "tuple[AtariScreen, AtariScreen]":
        """The last two raw screens of the latest action, the same one twice if it took one frame.

        Made at first use, because that imports Numba, which whoever asks only for a game's spec must not need.
        """
        from muzero.games.atari_screen import AtariScreen

        screens = [AtariScreen(self.console, self._num_channels) for _ in range(min(self._frame_skip, 2))]
        return screens[0], screens[-1]

    def begin(self, state: Any, seed: int, most_noops: int) -> None:
        """Goes on from a state.

        Args:
            state: from `console.cloneState(include_rng=True)`.
            seed: of sticky actions and the number of no-ops.
            most_noops: frames without action at the start are drawn uniformly from 0 to this number.
        """
        self._random = random.Random(seed)
        self._pressed = Action.NOOP
        self.console.restoreState(state)
        for _ in range(NUM_FLUSH_FRAMES + self._random.randint(0, most_noops)):
            self.console.act(Action.NOOP)
        for screen in self.screens:
            screen.read()

    def press(self, button: Action) -> int:
        """Returns the points that an action earns over its frames; after the end of the game the screen stands still.

        Args:
            button: the action.

        Source: sticky actions, Machado et al., JAIR 61 (2018), section 5.
        """
        points, act, draw = 0, self.console.act, self._random.random
        for frames_left in range(self._frame_skip - 1, -1, -1):
            if draw() >= self._sticky_actions:
                self._pressed = button
            points += act(self._pressed)
            if frames_left < 2:
                self.screens[1 - frames_left].read()
        return points
