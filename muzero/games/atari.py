"""Plays the Atari 2600 games of ale-py; the console is in `atari_emulator.py`, what a user can set in `atari_settings.py`."""

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from muzero.games.atari_emulator import Emulator, load_cartridge
from muzero.games.atari_settings import SCREENS, AtariSettings
from muzero.games.game import Step
from muzero.symmetries import Symmetries, no_symmetries
from muzero.types import BoolArray, Float32Array, FrameArray, GameSpec

if TYPE_CHECKING:
    from muzero.games.area_average import AreaAverage


class AtariGame:
    """One episode of an Atari game; see `Game` for its methods.

    An episode is a whole game, from its seed alone. Only where a lost life ends it, the next episode starts where the console
    stands, so that it follows from the seeds and actions since the last whole game.
    """

    def __init__(self, name: str, rom_name: str, settings: AtariSettings) -> None:
        """Loads the cartridge.

        Args:
            name: the name it is made by.
            rom_name: the game, for example "Breakout".
            settings: how it is played and shown.

        Raises:
            UnknownName: there is no such game.
            UnsupportedGame: nobody can play it alone.
        """
        console = load_cartridge(rom_name)
        screen = SCREENS[settings.screen]
        image_shape = (screen.num_channels, screen.size, screen.size)
        self._buttons = console.getLegalActionSet() if settings.full_action_set else console.getMinimalActionSet()
        self.spec = GameSpec(
            name=name,
            num_players=1,
            num_actions=len(self._buttons),
            frame_shape=(int(np.prod(image_shape)) + 1,) if screen.shows_action else image_shape,
            frame_dtype="uint8",
            num_frames=settings.history or screen.history,
            encoding="image_actions" if screen.shows_action else "image",
            board_shape=(screen.size, screen.size),
            max_moves=settings.max_frames // settings.frame_skip,
        )
        self._settings, self._shows_action, self._image = settings, screen.shows_action, np.zeros(image_shape, np.uint8)
        self._emulator = Emulator(
            console, num_channels=screen.num_channels, frame_skip=settings.frame_skip, sticky_actions=settings.sticky_actions
        )
        self._console = console
        self._power_on = _Start(console.cloneState(include_rng=True), 0)
        self._start, self._num_moves, self._goes_on = self._power_on, 0, False
        self._seed: int | None = None

    def reset(self, seed: int) -> None:
        """Starts the episode of that seed: a new game, or after a lost life that ended an episode, the rest of the present one.

        The seed of the latest episode starts that same episode again.
        """
        if seed != self._seed:
            self._start = _Start(self._console.cloneState(include_rng=True), self._num_moves) if self._goes_on else self._power_on
        self._seed, self._num_moves = seed, self._start.num_moves
        self._emulator.begin(self._start.state, seed, 0 if self._num_moves else self._settings.noop_max)
        self._lives = self._console.lives()
        self._shown_action, self._is_over, self._goes_on = 0, False, False

    def to_play(self) -> int:
        """Returns 0."""
        return 0

    def legal_actions(self, out: BoolArray) -> None:
        """Writes True for every action of bool [A] until the episode is over."""
        out[:] = not self._is_over

    def frame(self, out: FrameArray) -> None:
        """Writes the screen into uint8 [1, 84, 84], or screen and latest action into uint8 [3 * 96 * 96 + 1]."""
        first, second = self._emulator.screens
        self._shrink(first.pixels, second.pixels, self._image)
        if self._shows_action:
            out[:-1], out[-1] = self._image.reshape(-1), self._shown_action
        else:
            out[:] = self._image

    def step(self, action: int) -> Step:
        """Plays an action for `frame_skip` raw frames; the reward is the game's points, not clipped."""
        points = self._emulator.press(self._buttons[action])
        lives, self._lives = self._lives, self._console.lives()
        self._num_moves += 1
        self._shown_action = action + 1
        is_game_over = self._console.game_over()
        # Some games show 0 lives for a while before they are over: that is no lost life, the end of the game is near.
        is_life_over = self._settings.life_loss_is_terminal and 0 < self._lives < lives
        is_last_move = self._num_moves >= self.spec.max_moves
        is_terminal = is_game_over or is_life_over
        self._goes_on = is_life_over and not is_game_over and not is_last_move
        self._is_over = is_terminal or is_last_move
        return Step(float(points), is_terminal, is_last_move and not is_terminal)

    def action_planes(self) -> Float32Array:
        """Returns the unit matrix, float32 [A, A]."""
        return np.eye(self.spec.num_actions, dtype=np.float32)

    def symmetries(self) -> Symmetries:
        """Returns the identity alone."""
        return no_symmetries(int(np.prod(self.spec.frame_shape)), self.spec.num_actions)

    @cached_property
    def _shrink(self) -> "AreaAverage":
        """Shrinks the screens; made at first use because it imports Numba, which whoever asks only for the spec must not need."""
        from muzero.games.area_average import AreaAverage

        num_channels, height, width = self._image.shape
        return AreaAverage(self._console.getScreenDims(), (height, width), num_channels)


@dataclass(frozen=True)
class _Start:
    """Where an episode starts: a state of the console, and the moves played before it since the game started."""

    state: Any
    num_moves: int


def atari(name: str, **kwargs: Any) -> AtariGame:
    """Returns the game "atari:<its name in ale-py>", for example "atari:MsPacman".

    Args:
        name: as the user wrote it.
        kwargs: fields of `AtariSettings`.

    Raises:
        UnknownName, UnsupportedGame: as AtariGame does.
        UserError: a setting has a value that makes no sense.
        ValueError: a setting is unknown or of another type.
    """
    return AtariGame(name, name.partition(":")[2], msgspec.convert(kwargs, AtariSettings))
