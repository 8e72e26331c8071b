"""What a user can set for an Atari game, and the two ways of showing its screen; nothing is played in here."""

from dataclasses import dataclass

from muzero.config import Settings, require


@dataclass(frozen=True)
class Screen:
    """A way of showing the screen.

    Attributes:
        size: height and width of the image.
        num_channels: 1 grey, 3 in colour.
        history: frames in an observation.
        shows_action: whether each frame also tells the action that led to it.
    """

    size: int
    num_channels: int
    history: int
    shows_action: bool


SCREENS = {
    "grey84": Screen(84, 1, 4, False),  # Mnih et al., Nature 518 (2015)
    "rgb96": Screen(96, 3, 32, True),  # arXiv:1911.08265, appendix E
}


class AtariSettings(Settings, frozen=True):
    """What env.kwargs may hold for an Atari game."""

    screen: str = "grey84"
    """`grey84`: 84 x 84 in grey, 4 frames; `rgb96`, the paper's: 96 x 96 in colour, 32 frames and the action that led to each."""
    history: int | None = None
    """Frames in an observation; none: as many as the screen's."""
    frame_skip: int = 4
    """Raw frames an action takes; the last two are merged by their maximum, because many games draw an object only every second one."""
    sticky_actions: float = 0.25
    """Chance that a raw frame repeats the action of the one before, in [0, 1)."""
    full_action_set: bool = True
    """All 18 actions of the console (9 in Skiing and LostLuggage), or only those that do something in this game."""
    noop_max: int = 0
    """A game starts after 0 to this many raw frames without action. 0 because sticky actions already keep an agent from learning
    a sequence by heart (Machado et al., JAIR 61, 2018); 30 is usual without them."""
    life_loss_is_terminal: bool = False
    """A lost life ends the episode, while the console goes on and the next episode with it."""
    max_frames: int = 108_000
    """Raw frames after which a game is truncated: half an hour."""

    def __post_init__(self) -> None:
        require(self.screen in SCREENS, f"env.kwargs.screen is '{self.screen}': set {' or '.join(SCREENS)}.")
        for field in ("history", "frame_skip"):
            require((number := getattr(self, field)) is None or number >= 1, f"env.kwargs.{field} is {number}: set at least 1.")
        require(0.0 <= self.sticky_actions < 1.0, f"env.kwargs.sticky_actions is {self.sticky_actions}: set a value in [0, 1).")
        require(self.noop_max >= 0, f"env.kwargs.noop_max is {self.noop_max}: set 0 or more.")
        require(
            self.max_frames >= self.frame_skip,
            f"env.kwargs.max_frames is {self.max_frames}: set at least env.kwargs.frame_skip ({self.frame_skip}).",
        )
