"""A user's own class becomes a game: found by name, made with its arguments, completed where it is short."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest

from muzero.config import EnvConfig
from muzero.errors import UserError
from muzero.games import BoardGame, make_game
from tests.muzero import broken_games
from tests.muzero.walk_source import WALK

SHORT = f"""{WALK}
class Leaves(Walk):
    def __init__(self):
        sys.exit(7)

class Colour(Enum):
    RED = 1

class Alone(Walk):
    def __init_subclass__(cls):
        raise RuntimeError("no heirs\\nat all")

not_a_class = Walk()
"""


@pytest.fixture
def walk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module in the working directory."""
    (tmp_path / "walk_module.py").write_text(SHORT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "walk_module", raising=False)
    return "walk_module"


def test_a_class_in_the_working_directory_is_found_and_completed(walk: str) -> None:
    game = make_game(EnvConfig(name=f"{walk}:Walk", kwargs={"squares": 7}))
    game.reset(0)
    assert game.step(1).reward == 4.0
    np.testing.assert_array_equal(game.action_planes(), np.eye(2, dtype=np.float32))
    assert len(game.symmetries()) == 1
    assert type(game).__name__ == "Walk" and type(game).__module__ == walk
    assert not isinstance(game, BoardGame)


def test_what_a_class_has_itself_is_kept() -> None:
    game = make_game(EnvConfig(name="tests.muzero.broken_games:Sound"))
    assert isinstance(game, broken_games.Sound) and isinstance(game, BoardGame)
    assert game.action_planes().shape == (9, 1, 3, 3) and len(game.symmetries()) == 8
    assert isinstance(game.clone(), type(game))


@pytest.mark.parametrize(
    ("name", "kwargs", "sentence"),
    [
        ("Nothing", {}, "walk_module has no class Nothing"),
        ("not_a_class", {}, "walk_module has no class not_a_class"),
        ("Walk", {"rows": 3}, "cannot be made with env.kwargs {'rows': 3}"),
        ("Leaves", {}, "cannot be made with env.kwargs {} (SystemExit: 7): correct it."),
        ("Colour", {}, "is not a class of which a game can be made (TypeError: "),
        ("Alone", {}, "is not a class of which a game can be made (RuntimeError: no heirs): give a plain class."),
    ],
)
def test_a_class_that_cannot_be_made_is_refused(walk: str, name: str, kwargs: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=re.escape(sentence)):
        make_game(EnvConfig(name=f"{walk}:{name}", kwargs=kwargs))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("raise ValueError('out of luck\\nand of time')", "ValueError: out of luck"),
        ("import sys; sys.exit(7)", "SystemExit: 7"),
        ("raise RuntimeError", "RuntimeError"),
    ],
)
def test_a_module_that_fails_is_refused_with_its_reason(walk: str, text: str, reason: str) -> None:
    Path("fails_at_once.py").write_text(text)
    sentence = f"environment 'fails_at_once:Anything': cannot import fails_at_once ({reason}): start where it can be imported."
    with pytest.raises(UserError, match=f"^{re.escape(sentence)}$"):
        make_game(EnvConfig(name="fails_at_once:Anything"))
