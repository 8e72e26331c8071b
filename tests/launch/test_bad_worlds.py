"""Worlds that cannot be played end the launcher with one sentence and exit code 2, whatever is wrong with them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from launch.cli import launch
from tests.muzero.walk_source import WALK

BAD_CLASSES = f"""{WALK}
class NoPlanes(Walk):
    def action_planes(self): return None

class PlanesRaise(Walk):
    def action_planes(self): raise ValueError("first\\nsecond")

class NoSymmetries(Walk):
    def symmetries(self): return None

class Leaves(Walk):
    def __init__(self): sys.exit(7)

class Colour(Enum):
    RED = 1
"""


def dry_run(name: str) -> Result:
    """Asks the launcher for the plan of a run in that world."""
    return CliRunner().invoke(launch, ["--env", name, "--preset", "small", "--dry-run"], catch_exceptions=False)


def assert_one_sentence(result: Result, sentence: str) -> None:
    """Checks exit code and standard error."""
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert sentence in result.stderr


@pytest.mark.parametrize(
    ("class_name", "sentence"),
    [
        ("NoPlanes", "action_planes() must be float32 (2, 2), not NoneType"),
        ("PlanesRaise", "ValueError: first (bad_classes.py, line "),
        ("NoSymmetries", "symmetries() must return a muzero.symmetries.Symmetries, not NoneType"),
        ("Leaves", "SystemExit: 7"),
        ("Colour", "is not a class of which a game can be made"),
    ],
)
def test_a_bad_class_is_refused(class_name: str, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bad_classes.py").write_text(BAD_CLASSES)
    monkeypatch.syspath_prepend(tmp_path)
    assert_one_sentence(dry_run(f"bad_classes:{class_name}"), sentence)


@pytest.mark.parametrize(
    ("game_string", "sentence"),
    [
        ("go(board_size=25)", "supports board size up to 19"),
        ("breakthrough(rows=-3)", "-288 actions"),
        ("mnk(m=0,n=0,k=0)", "0 actions"),
        ("breakthrough(rows=6,columns=6))", "goes on behind its closing bracket"),
    ],
)
def test_a_bad_board_is_refused(game_string: str, sentence: str) -> None:
    assert_one_sentence(dry_run(f"openspiel:{game_string}"), sentence)


def test_only_cartridges_that_can_be_played_are_called_known() -> None:
    result = dry_run("atari:?")
    assert_one_sentence(result, "known: Adventure, ")
    assert "Combat" not in result.stderr and "Pong" in result.stderr
