"""The list of worlds that `--env` takes, for `muzero games`: facts, and how they look as a table."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from rich.console import Console
from rich.table import Table
from rich.text import Text

from launch.config import DEFAULT_PRESET, chosen_env, preset_choices, preset_tables
from launch.settings import build_config, choose
from launch.tables import cell_text
from muzero.errors import UserError
from muzero.games import GAMES, make_game, world_of

EXAMPLES = ("atari:Breakout", "gym:FrozenLake-v1", "openspiel:clobber")
"""One world of each prefix, so that the table shows what its kind looks like."""
PREFIX_HINTS = {
    "atari:<ROM>": "{num_atari} games; muzero games --atari lists them",
    "gym:<id>": "gymnasium: Discrete actions, Box or Discrete observations",
    "openspiel:<game>": "OpenSpiel: two players in turn, no chance, nothing hidden",
    "package.module:Class": "a class of your own; muzero check-env tests it",
}
"""How names are made that are too many to list -> what they name."""
NARROW = 100
"""Columns of a terminal below which the table stands closer."""


class GameRow(TypedDict):
    """One world, as the default preset plays it; what cannot be made here has a `problem` and no facts.

    Attributes:
        name, source: its name, and who wrote its rules.
        presets: names that `--preset` takes.
        players, actions: their numbers.
        frame_shape, frame_dtype, frame_bytes: the frame stored per step.
        history: frames in one observation.
        simulations: per move.
        problem: why it cannot be made here, or None.
    """

    name: str
    source: str
    presets: list[str]
    players: int | None
    actions: int | None
    frame_shape: list[int] | None
    frame_dtype: str | None
    frame_bytes: int | None
    history: int | None
    simulations: int | None
    problem: str | None


def games_record() -> dict[str, Any]:
    """Returns every world with a name of its own, one example of each prefix, and what the prefixes name.

    Returns:
        {"games": [GameRow, ...], "prefixes": {how a name is made: what it names}}
    """
    try:
        num_atari = len(_atari_names())
    except ImportError:
        num_atari = 0
    hints = {form: hint.format(num_atari=num_atari) for form, hint in PREFIX_HINTS.items()}
    return {"games": [game_row(name) for name in (*GAMES, *EXAMPLES)], "prefixes": hints}


def game_row(name: str) -> GameRow:
    """Returns the facts of one world, or why it cannot be made here.

    Args:
        name: of GAMES or with a prefix.
    """
    world = world_of(name)
    assert world is not None, f"{name} is a user's class"
    row = GameRow(
        name=name,
        source=world.source,
        presets=list(preset_tables(world.presets)),
        players=None,
        actions=None,
        frame_shape=None,
        frame_dtype=None,
        frame_bytes=None,
        history=None,
        simulations=None,
        problem=None,
    )
    try:
        return _with_facts(row)
    except (UserError, ImportError) as error:
        return {**row, "problem": str(error)}


def _with_facts(row: GameRow) -> GameRow:
    """Returns the row with the facts of the world as the default preset makes it."""
    choices = {"env.name": choose("env.name", row["name"], "table")}
    config = build_config(preset_choices(chosen_env(choices), DEFAULT_PRESET) | choices)
    spec = make_game(config.env).spec
    return {
        **row,
        "players": spec.num_players,
        "actions": spec.num_actions,
        "frame_shape": list(spec.frame_shape),
        "frame_dtype": spec.frame_dtype,
        "frame_bytes": spec.frame_bytes,
        "history": spec.num_frames,
        "simulations": config.search.num_simulations,
    }


def print_games(record: Mapping[str, Any], console: Console | None = None) -> None:
    """Prints the table of `games_record`, what the prefixes name below it, and why some worlds cannot be made here."""
    console = console or Console(highlight=False)
    gap = 1 if console.width < NARROW else 3
    table = Table(title="Worlds for --env", title_justify="left", title_style="bold", box=None, pad_edge=False, padding=(0, gap, 0, 0))
    for heading in ("name", "players", "actions", "frame", "bytes\na step", "history", "simulations", "rules by"):
        table.add_column(heading, justify="left" if heading in ("name", "frame", "rules by") else "right", no_wrap=True)
    for row in record["games"]:
        table.add_row(*_cells(row))
    console.print(table)
    _print_pairs(record["prefixes"], "Names made of two parts", console)
    if problems := {row["name"]: row["problem"] for row in record["games"] if row["problem"]}:
        _print_pairs(problems, "Cannot be played here", console)


def _cells(row: GameRow) -> tuple[str, ...]:
    """Returns the texts of a table row, dashes for a world that cannot be made."""
    numbers = (row["players"], row["actions"], row["frame_bytes"], row["history"], row["simulations"])
    players, actions, size, history, simulations = map(cell_text, numbers)
    return row["name"], players, actions, _shape_text(row["frame_shape"] or ()), size, history, simulations, row["source"]


def _shape_text(shape: Sequence[int]) -> str:
    """Returns (4, 84, 84) as 4x84x84, a dash for nothing."""
    return "x".join(str(side) for side in shape) or "-"


def _print_pairs(pairs: Mapping[str, str], title: str, console: Console) -> None:
    """Prints a heading and two columns below it."""
    table = Table(title=f"\n{title}", title_justify="left", title_style="bold", box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    for pair in pairs.items():
        table.add_row(*(Text(text) for text in pair))
    console.print(table)


def atari_record() -> dict[str, list[str]]:
    """Returns {"atari": every name that `--env atari:<ROM>` takes, without the prefix}."""
    return {"atari": _atari_names()}


def print_atari(record: Mapping[str, Sequence[str]], console: Console | None = None) -> None:
    """Prints the names of the Atari games in columns."""
    from rich.columns import Columns

    console = console or Console(highlight=False)
    console.print(Columns([f"atari:{name}" for name in record["atari"]], padding=(0, 2), column_first=True))


def _atari_names() -> list[str]:
    """Returns the names of the bundled games."""
    from muzero.games.atari_emulator import playable_roms

    return list(playable_roms())
