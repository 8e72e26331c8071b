"""From flags, variables, a file and a preset to one configuration. What a setting is stands in `settings.py`."""

import tomllib
from collections.abc import Collection, Mapping
from contextlib import closing
from importlib import resources
from pathlib import Path
from typing import Any

import msgspec

from engine.config import RunConfig
from launch.settings import Choices, build_config, choices_of, choose, differences
from muzero.config import EnvConfig, require
from muzero.errors import UnknownName, UserError
from muzero.games import Game, make_game, world_of

DEFAULT_PRESET = "default"
BASED_ON = "based_on"
"""What a preset calls the other one that it only changes in parts."""
REANALYZE_FRACTION = 0.8
"""Share of fresh samples where reanalyzers are asked for but no share. Source: arXiv:1911.08265, appendix H."""
FIXED_ON_RESUME = ("env.", "network.", "training.optimizer", "training.projection_size", "replay.capacity_steps", "replay.policy_entries")
"""They shape the weights, the optimizer's state or the stored ring, none of which a resumed run can change."""
FIXED_IN_ONE_PROCESS = ("seed", "actors.games_per_actor", "actors.groups", "self_play.max_trajectory_steps")
"""A run without actors also stores its running games, which these shape."""


AUTOMATIC = ("search.rule", "network.kind")
"""Their default is "auto", which what is checked here has replaced by a decision."""


def presets_of(env: EnvConfig) -> str:
    """Returns the file of a world's presets, without ".toml"; a user's class has those of gym (one player) or openspiel (two).

    Raises:
        UserError: there is no such world, or the user's class cannot be made or breaks the contract.
    """
    world = world_of(env.name)
    if world is not None:
        return world.presets
    return "gym" if playable_game(env).spec.num_players == 1 else "openspiel"


def preset_choices(env: EnvConfig, preset: str) -> Choices:
    """Returns the choices of a preset: its table in the world's file in `presets` over the one it is BASED_ON, over the table [default].

    Args:
        env: the world; its keyword arguments are looked at for a user's class alone.
        preset: the preset's name.

    Raises:
        UserError: as `presets_of`, or there is no such preset.
    """
    presets = presets_of(env)
    tables = preset_tables(presets)
    if preset not in tables:
        raise UnknownName(f"preset of {env.name}", preset, tables)
    choices: Choices = {}
    for name in dict.fromkeys((DEFAULT_PRESET, tables[preset].get(BASED_ON, preset), preset)):
        table = {section: settings for section, settings in tables[name].items() if section != BASED_ON}
        choices |= choices_of(table, f"preset {presets}.{name}")
    return choices


def preset_tables(presets: str) -> dict[str, Any]:
    """Returns the presets of a file by name; without the file there are only the defaults of the structs."""
    file = resources.files("launch") / "presets" / f"{presets}.toml"
    return {DEFAULT_PRESET: {}} | (tomllib.loads(file.read_text(encoding="utf-8")) if file.is_file() else {})


def file_choices(path: Path) -> Choices:
    """Returns the choices of a TOML file.

    Raises:
        UserError: it cannot be read or is not TOML.
    """
    try:
        return choices_of(tomllib.loads(path.read_text(encoding="utf-8")), f"file {path}")
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror}): give a TOML file that exists.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path} is not TOML ({error}): correct it.") from None


def set_choices(assignments: Collection[str], origin: str) -> Choices:
    """Returns the choices of `--set KEY=VALUE`; a value that is not TOML is taken as text, a table sets what is in it."""
    choices: Choices = {}
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise UserError(f"--set got '{assignment}': write KEY=VALUE, for example search.num_simulations=200.")
        choices |= choices_of({key.strip(): _toml_value(text.strip())}, origin)
    return choices


def _toml_value(text: str) -> Any:
    """Returns a value read as TOML, else as plain text."""
    if "\n" not in text:
        try:
            return tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            pass
    return text


def resolve(overrides: Choices, *, file: Path | None, preset: str) -> tuple[RunConfig, Choices]:
    """Returns the configuration of a new run and who chose what.

    Args:
        overrides: the choices of flags and variables, which win over everything.
        file: the `--config` file, which wins over the preset.
        preset: the preset's name, which wins over the defaults.

    Raises:
        UserError: no environment is named, or something does not exist or fit.
    """
    above_preset = (file_choices(file) if file else {}) | overrides
    if "env.name" not in above_preset:
        raise UserError("no environment: give --env NAME, for example go9 or atari:Breakout; muzero games lists them all.")
    choices = _with_fraction(preset_choices(chosen_env(above_preset), preset) | above_preset, overrides)
    config = build_config(choices)
    _refuse_contradiction(config, overrides)
    return _checked(config), choices


def resolve_resumed(overrides: Choices, *, file: Path | None, run_dir: Path) -> tuple[RunConfig, Choices, dict[str, tuple[Any, Any]]]:
    """Returns the configuration of a resumed run, who chose what, and the settings that change (was, now).

    Args:
        overrides: the choices of flags and variables.
        file: a `--config` file, which wins over the stored configuration.
        run_dir: the run's folder.

    Raises:
        UserError: the folder holds no run, or a change does not fit what is stored.
    """
    stored_file = run_dir / "config.toml"
    if not stored_file.is_file():
        raise UserError(f"{run_dir} holds no run to resume: give --run-dir a folder with a config.toml, or leave out --resume.")
    stored = file_choices(stored_file)
    choices = _with_fraction(stored | (file_choices(file) if file else {}) | overrides, overrides)
    before, after = build_config(stored), build_config(choices)
    changes = differences(before, after)
    stays_one_process = before.actors.num_actors == after.actors.num_actors == 0
    _refuse_fixed(changes, FIXED_ON_RESUME + FIXED_IN_ONE_PROCESS if stays_one_process else FIXED_ON_RESUME, run_dir)
    _refuse_contradiction(after, overrides)
    _refuse_late_reanalysis(before, after, run_dir)
    return _checked(after), choices, changes


def _with_fraction(choices: Choices, overrides: Choices) -> Choices:
    """Returns the choices with a share of fresh samples where flags or variables ask for reanalyzers and nothing says how large it is."""
    asked, fraction = overrides.get("reanalyze.num_reanalyzers"), choices.get("reanalyze.fraction")
    if not asked or not asked.value or "reanalyze.fraction" in overrides or (fraction and fraction.value):
        return choices
    return choices | {"reanalyze.fraction": choose("reanalyze.fraction", REANALYZE_FRACTION, asked.origin)}


def _refuse_contradiction(config: RunConfig, overrides: Choices) -> None:
    """Raises a UserError if, of the number of reanalyzers and the share of fresh samples, flags or variables set one to 0 and one above."""
    reanalyze, asked = config.reanalyze, [overrides.get(f"reanalyze.{name}") for name in ("num_reanalyzers", "fraction")]
    require(
        None in asked or (reanalyze.num_reanalyzers > 0) == (reanalyze.fraction > 0),
        f"reanalyze.num_reanalyzers is {reanalyze.num_reanalyzers} and reanalyze.fraction {reanalyze.fraction:g}, but each of them "
        "turns reanalysis off at 0 and on above: leave one of them out.",
    )


def _refuse_fixed(changes: Mapping[str, tuple[Any, Any]], fixed_keys: tuple[str, ...], run_dir: Path) -> None:
    """Raises a UserError if a change does not fit what is stored: a key that is fixed, or whose group is."""
    fixed = [key for key in changes if key.startswith(fixed_keys)]
    if fixed:
        was, now = changes[fixed[0]]
        raise UserError(f"{fixed[0]} is {was} in {run_dir} and cannot become {now} on --resume: leave it, or start a new run.")


def _refuse_late_reanalysis(before: RunConfig, after: RunConfig, run_dir: Path) -> None:
    """Raises a UserError if stored positions are to be reanalyzed of which no legal actions were stored."""
    if after.reanalyze.is_enabled and not before.reanalyze.is_enabled:
        raise UserError(
            f"{run_dir} stores no legal actions of its positions, because it was last run without reanalysis, and cannot begin with "
            "it on --resume: leave out --reanalyzers and reanalyze.fraction, or start a new run."
        )


def origins_of(choices: Choices) -> dict[str, str]:
    """Returns who chose each setting, by dotted key; of one that was left to us, that it was `auto` before."""
    origins = {key: choice.origin for key, choice in choices.items()}
    for key in AUTOMATIC:
        if key not in choices:
            origins[key] = "auto"
        elif choices[key].value == "auto":
            origins[key] = f"auto, {choices[key].origin}"
    return origins


def chosen_env(choices: Choices) -> EnvConfig:
    """Returns the world that these choices name, with its keyword arguments."""
    return build_config({key: choice for key, choice in choices.items() if key.startswith("env.")}).env


def _checked(config: RunConfig) -> RunConfig:
    """Returns the configuration, the kind of its network decided, if game, network, searches and opponent can be made: a mistake is
    heard before anything starts."""
    from engine.opponents import make_opponent, opening_moves_against
    from muzero.networks.shape import resolved
    from muzero.playout_cap import fast_search_config

    fast_search_config(config.self_play, config.search)
    _require_whole_unrolls(config)
    spec = playable_game(config.env).spec
    if spec.num_players == 2 and config.evaluation.is_enabled:
        with closing(make_opponent(config.evaluation.opponent, config.env, in_run=True)) as opponent:
            opening_moves_against(opponent, config.evaluation.opening_moves)
    if spec.num_players == 1 and config.evaluation.opening_moves:
        moves = config.evaluation.opening_moves
        raise UserError(f"evaluation.opening_moves is {moves}, but '{config.env.name}' has no opponent: leave it out.")
    return msgspec.structs.replace(config, network=resolved(config.network, spec))


def playable_game(env: EnvConfig) -> Game:
    """Returns the game of a world; what others wrote, a user's class or an environment of gymnasium, is played for a moment first.

    Raises:
        UserError: it cannot be made, or it breaks the contract of a game.
    """
    game = make_game(env)
    if world_of(env.name) is None or env.name.startswith("gym:"):
        from muzero.games.contract import quick_check

        quick_check(game)
    return game


def _require_whole_unrolls(config: RunConfig) -> None:
    """Raises UserError where no unroll fits into what is reanalyzed together: hardly any sample would ever be fresh."""
    chunk, unroll = config.reanalyze.chunk_steps, config.training.unroll_steps
    require(
        chunk > unroll or not config.reanalyze.is_enabled,
        f"reanalyze.chunk_steps is {chunk}, too few for unrolls of {unroll + 1} positions: set more than training.unroll_steps ({unroll}).",
    )
