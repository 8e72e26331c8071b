"""Atari: what is shown, sticky actions, lives and limits on a console of this test, and ale-py's own games bit for bit."""

import subprocess
import sys

import numpy as np
import pytest
from ale_py import Action

from muzero.config import EnvConfig
from muzero.errors import UnknownName, UnsupportedGame, UserError
from muzero.games import Game, make_game
from muzero.games.atari_emulator import NUM_FLUSH_FRAMES, load_cartridge
from muzero.games.atari_screen import AtariScreen
from tests.muzero.atari_console import CountingConsole
from tests.muzero.positions import frame_of

FIRE = 1
Moves = list[tuple[np.ndarray, float, bool, bool]]


def atari(game: str, **kwargs: object) -> Game:
    return make_game(EnvConfig(name=f"atari:{game}", kwargs=kwargs))


def play(game: Game, actions: list[int]) -> Moves:
    """Plays actions up to the end of the episode, and returns frame, reward and ends of each move."""
    moves: Moves = []
    for action in actions:
        step = game.step(action)
        moves.append((frame_of(game), step.reward, step.is_terminal, step.is_truncated))
        if step.is_terminal or step.is_truncated:
            break
    return moves


def assert_same(first: Moves, second: Moves) -> None:
    assert [move[1:] for move in first] == [move[1:] for move in second]
    assert all(np.array_equal(before[0], after[0]) for before, after in zip(first, second, strict=True))


def random_actions(seed: int, number: int = 120) -> list[int]:
    return [int(action) for action in np.random.default_rng(seed).integers(18, size=number)]


@pytest.fixture
def console(monkeypatch: pytest.MonkeyPatch) -> CountingConsole:
    console = CountingConsole()
    monkeypatch.setattr("muzero.games.atari.load_cartridge", lambda rom_name: console)
    return console


def test_common_practice_is_four_grey_images_and_eighteen_actions() -> None:
    spec = atari("Breakout").spec
    assert (spec.frame_shape, spec.frame_dtype, spec.encoding, spec.num_frames) == ((1, 84, 84), "uint8", "image", 4)
    assert (spec.num_actions, spec.max_moves, spec.board_shape, spec.action_shape) == (18, 27_000, (84, 84), ())


def test_the_papers_frame_is_a_colour_image_and_the_action_that_led_to_it() -> None:
    game = atari("Breakout", screen="rgb96")
    assert (game.spec.frame_shape, game.spec.encoding, game.spec.num_frames) == ((3 * 96 * 96 + 1,), "image_actions", 32)
    game.reset(0)
    assert frame_of(game)[-1] == 0
    game.step(17)
    assert frame_of(game)[-1] == 18
    red, green, blue = frame_of(game)[:-1].reshape(3, 96, 96)[:, 30]
    assert red.mean() > green.mean() > blue.mean() > 0  # the top row of the wall is red


def test_history_and_minimal_actions_are_settings() -> None:
    spec = atari("Breakout", history=2, full_action_set=False, frame_skip=5).spec
    assert (spec.num_frames, spec.num_actions, spec.max_moves) == (2, 4, 21_600)


@pytest.mark.parametrize(("game_name", "screen"), [("Breakout", "grey84"), ("Qbert", "grey84"), ("Tetris", "grey84"), ("Amidar", "rgb96")])
def test_seed_and_actions_give_the_same_frames_whatever_was_played_before(game_name: str, screen: str) -> None:
    # Q*bert and Tetris once started in two ways, and Amidar's first frame showed the episode before.
    actions, game, other = random_actions(1), atari(game_name, screen=screen), atari(game_name, screen=screen)
    game.reset(5)
    first = play(game, actions)
    game.reset(6)
    play(game, actions)
    game.reset(5)
    assert_same(play(game, actions), first)
    other.reset(5)
    assert_same(play(other, actions), first)


def test_another_seed_makes_other_actions_stick() -> None:
    actions, game, last_frames = random_actions(1), atari("Breakout"), []
    for seed in (5, 6):
        game.reset(seed)
        last_frames.append(play(game, actions)[-1][0])
    assert not np.array_equal(*last_frames)


@pytest.mark.parametrize("num_channels", [1, 3])
def test_a_repainted_screen_is_ale_s_own(num_channels: int) -> None:
    console = load_cartridge("Seaquest")
    screen = AtariScreen(console, num_channels)
    for action in random_actions(2, 300):
        console.act(Action(action))
        screen.read()
        truth = console.getScreenGrayscale() if num_channels == 1 else console.getScreenRGB()
        assert np.array_equal(screen.pixels, truth.reshape(210, -1))


def test_rewards_are_the_games_points() -> None:
    game, console = atari("MsPacman", sticky_actions=0.0), load_cartridge("MsPacman")
    game.reset(0)
    console.restoreState(console.cloneState())
    for _ in range(NUM_FLUSH_FRAMES):
        console.act(Action.NOOP)
    actions = random_actions(3, 150)
    points = [sum(console.act(Action(action)) for _ in range(4)) for action in actions]
    rewards = [move[1] for move in play(game, actions)]
    assert rewards == points[: len(rewards)] and max(rewards) >= 10


@pytest.mark.parametrize(
    ("frame_skip", "brightness"),
    [
        (4, 106),  # frames 3 to 6, of which 5 and 6 are looked at
        (3, 104),  # frames 3 to 5: the brighter frame 4 shines through
        (1, 3),
    ],
)
def test_a_frame_is_the_maximum_of_the_last_two_raw_screens(console: CountingConsole, frame_skip: int, brightness: int) -> None:
    game = atari("Counting", frame_skip=frame_skip)
    game.reset(0)
    assert (frame_of(game) == 100 + NUM_FLUSH_FRAMES).all()
    assert game.step(FIRE).reward == frame_skip and (frame_of(game) == brightness).all()


def test_sticky_actions_repeat_what_was_pressed_in_a_quarter_of_the_frames(console: CountingConsole) -> None:
    console.deaths = (10**6,)
    game = atari("Counting", frame_skip=1)
    game.reset(0)
    for move in range(4000):
        game.step(move % 18)
    pressed = console.pressed[NUM_FLUSH_FRAMES:]
    repeats = sum(button == before for before, button in zip(pressed, pressed[1:], strict=False))
    assert 0.22 < repeats / len(pressed) < 0.28


def test_without_sticky_actions_each_frame_gets_its_action(console: CountingConsole) -> None:
    game = atari("Counting", sticky_actions=0.0)
    game.reset(0)
    game.step(FIRE)
    assert console.pressed[NUM_FLUSH_FRAMES:] == [Action.FIRE] * 4


def test_noops_at_the_start_are_drawn_by_the_seed(console: CountingConsole) -> None:
    game, starts = atari("Counting", noop_max=7), []
    for seed in [*range(60), 0]:
        game.reset(seed)
        starts.append(len(console.pressed) - NUM_FLUSH_FRAMES)
    assert set(starts) == set(range(8)) and starts[0] == starts[-1]


def test_lost_lives_are_no_ends_unless_asked_for(console: CountingConsole) -> None:
    game = atari("Counting")
    game.reset(0)
    moves = play(game, [0] * 20)  # frames 3 to 30
    assert len(moves) == 7 and moves[-1][2] and sum(move[1] for move in moves) == 28
    legal = np.ones(18, np.bool_)
    game.legal_actions(legal)
    assert not legal.any()


def test_a_lost_life_ends_the_episode_and_the_next_one_goes_on(console: CountingConsole) -> None:
    game, returns = atari("Counting", life_loss_is_terminal=True, noop_max=5), []
    for seed in range(4):
        game.reset(seed)
        returns.append([frame_of(game)[0, 0, 0] % 100, len(play(game, [0] * 20))])
    (first_start, _), second, third, (new_start, _) = returns
    first_end = first_start + 4 * returns[0][1]
    assert 10 <= first_end < 14 and second[0] == first_end + NUM_FLUSH_FRAMES
    assert 23 <= second[0] + 4 * second[1] < 27 and third[0] == second[0] + 4 * second[1] + NUM_FLUSH_FRAMES
    assert new_start <= NUM_FLUSH_FRAMES + 5  # the third life was the last one: a new game


def test_the_seed_of_a_life_plays_it_again_and_lives_follow_from_their_seeds() -> None:
    actions, lives = random_actions(4, 500), []
    game, other = (atari("Breakout", life_loss_is_terminal=True) for _ in range(2))
    for seed in (1, 2, 3):
        game.reset(seed)
        lives.append(play(game, actions))
        game.reset(seed)
        assert_same(play(game, actions), lives[-1])
    for seed, life in zip((1, 2, 3), lives, strict=True):
        assert life[-1][2]
        other.reset(seed)
        assert_same(play(other, actions), life)


def test_a_game_is_cut_after_its_most_frames(console: CountingConsole) -> None:
    game = atari("Counting", max_frames=14, life_loss_is_terminal=True)
    game.reset(0)
    assert game.spec.max_moves == 3
    assert [move[2:] for move in play(game, [0] * 9)] == [(False, False), (True, False)]  # a life is lost in frame 10
    game.reset(1)
    assert [move[2:] for move in play(game, [0] * 9)] == [(False, True)]  # its third move since the game started
    game.reset(2)
    assert frame_of(game)[0, 0, 0] == 100 + NUM_FLUSH_FRAMES  # and so a new game


def test_unknown_games_are_refused_with_the_nearest() -> None:
    with pytest.raises(UnknownName, match="unknown Atari game 'Breakot': did you mean Breakout"):
        atari("Breakot")


@pytest.mark.parametrize("name", ["Breakout", "breakout", "ALE/Breakout-v5", "gym:ALE/Breakout-v5", "BreakoutNoFrameskip-v4"])
def test_an_atari_game_named_as_elsewhere_gets_its_name_here(name: str) -> None:
    with pytest.raises(UserError, match=r"(did you mean|or play) atari:Breakout[?.]$"):
        make_game(EnvConfig(name=name))


def test_games_that_need_two_players_are_refused() -> None:
    with pytest.raises(UnsupportedGame, match="'Combat' needs two players"):
        atari("Combat")


@pytest.mark.parametrize(
    ("kwargs", "sentence"),
    [
        ({"screen": "grey85"}, "env.kwargs.screen is 'grey85': set grey84 or rgb96"),
        ({"frame_skip": 0}, "frame_skip is 0: set at least 1"),
        ({"frame_skip": "four"}, "frame_skip"),
        ({"sticky_actions": 1.0}, r"sticky_actions is 1.0: set a value in \[0, 1\)"),
        ({"history": 0}, "history is 0"),
        ({"noop_max": -1}, "noop_max is -1"),
        ({"max_frames": 3}, "max_frames is 3: set at least env.kwargs.frame_skip"),
        ({"mode": 1}, "mode"),
    ],
)
def test_settings_that_make_no_sense_are_refused(kwargs: dict, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        atari("Breakout", **kwargs)


def test_asking_for_the_spec_prints_nothing_and_needs_no_numba() -> None:
    code = (
        "import sys; from muzero.config import EnvConfig; from muzero.games import make_game; "
        "make_game(EnvConfig(name='atari:Pong')).spec; assert not {'numba', 'torch'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
