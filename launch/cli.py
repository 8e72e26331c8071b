"""The command `muzero-launch`: flags, variables and exit codes. What it starts is imported when needed; `muzero` is in `commands.py`."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from engine.config import RunConfig
from engine.config_text import config_to_toml
from engine.device_names import SIMULATED
from launch import STARTED
from launch.commands import muzero
from launch.config import DEFAULT_PRESET, origins_of, resolve, resolve_resumed, set_choices
from launch.file_names import file_stem
from launch.flags import PositiveNumber, SentenceCommand, WholeNumber
from launch.settings import Choices, choose
from launch.shown_errors import shown_errors
from launch.variables import PREFIX, variables_of, warnings_about
from launch.versions import version_option
from muzero.errors import UserError

if TYPE_CHECKING:
    from engine.run_folder import RunMode

__all__ = ["launch", "muzero"]

MODES: "tuple[RunMode, ...]" = ("resume", "restart", "overwrite")
SETTINGS_OF_FLAGS = {
    "env": ("env.name",),
    "actors": ("actors.num_actors",),
    "games_per_actor": ("actors.games_per_actor",),
    "reanalyzers": ("reanalyze.num_reanalyzers",),
    "simulations": ("search.num_simulations",),
    "device": ("inference.device", "learner.device"),
    "servers": ("inference.num_servers",),
    "learner_device": ("learner.device",),
    "seed": ("seed",),
    "steps": ("steps",),
    "minutes": ("minutes",),
}
"""Flag -> the settings it sets; a later flag wins over an earlier one."""


def _shown(value: object) -> str:
    """Returns a setting as the user would write it."""
    return "none" if value is None else str(value)


@click.command(cls=SentenceCommand, context_settings={"auto_envvar_prefix": PREFIX, "show_default": False})
@click.option(
    "--env",
    metavar="NAME",
    help="World to learn: go9, chess, atari:Breakout, gym:<id>, openspiel:<game>, package.module:Class; see muzero games.",
)
@click.option("--actors", type=WholeNumber(min=0), metavar="N", help="Actor processes; 0 runs everything in one process, reproducibly.")
@click.option("--games-per-actor", type=WholeNumber(min=1), metavar="N", help="Games each actor plays at the same time.")
@click.option("--reanalyzers", type=WholeNumber(min=0), metavar="N", help="Processes that search stored positions again; 0: no reanalysis.")
@click.option("--simulations", type=WholeNumber(min=1), metavar="N", help="Simulations per move.")
@click.option("--device", metavar="DEVICE", help="Device of inference and learner: auto, cpu, cuda, cuda:N or simulated:200+35.")
@click.option("--servers", type=WholeNumber(min=1), metavar="N", help="Inference servers; on GPUs each has one to itself.")
@click.option("--learner-device", metavar="DEVICE", help="Device of the learner where it differs.")
@click.option(
    "--run-dir", type=click.Path(path_type=Path, file_okay=False), help="Folder of the run; runs/<env>-<date>-<time>-s<seed> by default."
)
@click.option("--seed", type=WholeNumber(min=0), metavar="N", help="Seed of all randomness.")
@click.option("--steps", type=WholeNumber(min=1), metavar="N", help="Learner steps after which the run stops.")
@click.option("--minutes", type=PositiveNumber(), metavar="M", help="Wall-clock limit of this start.")
@click.option("--resume", is_flag=True, help="Continue the run in --run-dir from its newest checkpoint.")
@click.option("--restart", is_flag=True, help="Start anew in --run-dir; the old run is kept as <run-dir>.old-N.")
@click.option("--overwrite", is_flag=True, help="Start anew in --run-dir; the old run is deleted.")
@click.option(
    "--preset", metavar="NAME", default=DEFAULT_PRESET, help="Preset: default, small (a laptop), paper or reanalyze (the paper's)."
)
@click.option(
    "--config", "config_file", type=click.Path(path_type=Path), metavar="FILE", envvar="MUZERO_CONFIG", help="TOML file of settings."
)
@click.option(
    "--set", "assignments", multiple=True, metavar="K=V", envvar="MUZERO_SET", help="Any setting, for example --set replay.replay_ratio=8."
)
@click.option("--dry-run", is_flag=True, help="Show the processes and the memory the run would take, and start nothing.")
@click.option("--print-config", is_flag=True, help="Print every setting and where it comes from, and start nothing.")
@click.option("--overfit-batch", is_flag=True, help="Self-test: learn one batch by heart, say whether that worked, and start no run.")
@click.option(
    "--profile",
    "profile_seconds",
    type=PositiveNumber(),
    metavar="SECONDS",
    envvar="MUZERO_PROFILE",
    help="Record so many seconds once learning is steady, and say what limits the run.",
)
@click.option("--json-logs", is_flag=True, help="One JSON object per line instead of the screen.")
@version_option
@click.pass_context
@shown_errors()
def launch(
    context: click.Context,
    /,
    run_dir: Path | None,
    preset: str,
    config_file: Path | None,
    dry_run: bool,
    print_config: bool,
    overfit_batch: bool,
    profile_seconds: float | None,
    json_logs: bool,
    **flags: Any,
) -> None:
    """Trains a MuZero player: muzero-launch --env tictactoe.

    Each flag can also be given as a variable MUZERO_<FLAG>, for example MUZERO_GAMES_PER_ACTOR=8. A flag wins over a variable,
    that over the --config file, that over the preset, that over the defaults.
    """
    for warning in warnings_about(os.environ, (*variables_of(launch), *variables_of(muzero))):
        click.echo(warning, err=True)
    if overfit_batch:
        _refuse_folder_flags(context)
    mode = "new" if overfit_batch else _mode(flags)
    overrides = _overrides(context)
    changes: Mapping[str, tuple[Any, Any]] = {}
    if mode == "resume":
        if run_dir is None:
            raise UserError("--resume needs to know which run: add --run-dir with the folder of the run.")
        if context.get_parameter_source("preset") is ParameterSource.COMMANDLINE:
            raise UserError("--preset cannot change a run that exists: leave it out and change single settings with --set.")
        config, choices, changes = resolve_resumed(overrides, file=config_file, run_dir=run_dir)
    else:
        config, choices = resolve(overrides, file=config_file, preset=preset)
    if print_config:
        click.echo(config_to_toml(config, origins_of(choices)), nl=False)
    elif dry_run:
        _show_plan(config, as_json=json_logs)
    elif overfit_batch:
        from launch.overfit import run_overfit

        run_overfit(config, json_logs=json_logs)
    else:
        context.exit(_train(config, run_dir or _default_run_dir(config), mode, changes, profile_seconds, json_logs=json_logs))


def _mode(flags: Mapping[str, Any]) -> "RunMode":
    """Returns what to do with a run folder that is not empty."""
    chosen = [mode for mode in MODES if flags[mode]]
    if len(chosen) > 1:
        raise UserError(f"--{chosen[0]} and --{chosen[1]} exclude each other: give one of them.")
    return chosen[0] if chosen else "new"


def _refuse_folder_flags(context: click.Context) -> None:
    """Raises UserError for flags of a run and its folder before a self-test; their variables, set for all runs perhaps, are ignored."""
    for flag in ("run_dir", *MODES):
        if context.get_parameter_source(flag) is ParameterSource.COMMANDLINE:
            raise UserError(f"--overfit-batch uses no run folder: leave out {_spelled(flag, ParameterSource.COMMANDLINE)}.")
    if context.get_parameter_source("profile_seconds") is ParameterSource.COMMANDLINE:
        raise UserError("--overfit-batch starts no run that could be profiled: leave out --profile.")


def _overrides(context: click.Context) -> Choices:
    """Returns the choices of variables and, over them, of flags; --set wins over the other flags."""
    choices: Choices = {}
    for source, word in ((ParameterSource.ENVIRONMENT, "variable"), (ParameterSource.COMMANDLINE, "flag")):
        for flag, keys in SETTINGS_OF_FLAGS.items():
            if context.get_parameter_source(flag) is source:
                origin = f"{word} {_spelled(flag, source)}"
                choices |= {key: choose(key, _device_of(flag, key, context.params[flag]), origin) for key in keys}
        if context.get_parameter_source("assignments") is source:
            choices |= set_choices(context.params["assignments"], f"{word} {_spelled('set', source)}")
    return choices


def _device_of(flag: str, key: str, value: Any) -> Any:
    """Returns what a flag sets a key to: the learner computes on the CPU where `--device` simulates the inference's."""
    return "cpu" if (flag, key) == ("device", "learner.device") and value.startswith(SIMULATED) else value


def _spelled(flag: str, source: ParameterSource) -> str:
    """Returns a flag as the user wrote it: --games-per-actor or MUZERO_GAMES_PER_ACTOR."""
    return f"MUZERO_{flag.upper()}" if source is ParameterSource.ENVIRONMENT else f"--{flag.replace('_', '-')}"


def _default_run_dir(config: RunConfig) -> Path:
    """Returns a folder named after environment, local time and seed; letters, digits and dashes are all it is made of."""
    return Path("runs") / f"{file_stem(config.env.name)}-{time.strftime('%Y%m%d-%H%M%S')}-s{config.seed}"


def _show_plan(config: RunConfig, *, as_json: bool) -> None:
    """Prints the plan, and raises NotEnoughMemory after it if the machine cannot hold it."""
    from launch.plan import plan_of, plan_record, print_plan

    plan = plan_of(config)
    if as_json:
        click.echo(json.dumps(plan_record(plan)))
    else:
        print_plan(plan)
    plan.check()


def _train(
    config: RunConfig,
    run_dir: Path,
    mode: "RunMode",
    changes: Mapping[str, tuple[Any, Any]],
    profile_seconds: float | None,
    *,
    json_logs: bool,
) -> int:
    """Runs the training and returns its exit code."""
    from engine.profile_files import require_seconds
    from engine.training import train
    from launch.dashboard import make_display

    if profile_seconds is not None:
        require_seconds(profile_seconds, "--profile")
    display = make_display(json_logs=json_logs)
    for key, (was, now) in changes.items():
        display.message(f"{key}: {_shown(was)} -> {_shown(now)}")
    return train(
        config,
        run_dir=run_dir,
        mode=mode,
        display=display,
        command_line=sys.argv,
        started=STARTED,
        profile_seconds=profile_seconds,
    )


if __name__ == "__main__":
    launch()
