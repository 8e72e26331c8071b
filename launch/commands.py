"""The command `muzero` and its parts: flags and what is printed. What they do is imported when it is needed."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from launch.bench_parts import ALL, PARTS, TIMED_PARTS, Timing, bench_all, bench_part, bench_simulated_device, print_part
from launch.config import DEFAULT_PRESET
from launch.flags import PositiveNumber, SentenceGroup, WholeNumber
from launch.shown_errors import shown_errors
from launch.variables import PREFIX
from launch.versions import version_option
from muzero.errors import UserError

json_option = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")


@click.group(cls=SentenceGroup, context_settings={"auto_envvar_prefix": PREFIX})
@version_option
def muzero() -> None:
    """Looks at runs, worlds and the machine; training is started by muzero-launch."""


def _show(record: Mapping[str, Any], print_record: Callable[[Any], None], *, as_json: bool) -> None:
    """Prints a record as one line of JSON or for people."""
    if as_json:
        click.echo(json.dumps(record))
    else:
        print_record(record)


@muzero.command("eval")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--opponent", metavar="NAME", default="random", show_default=True, help="random, perfect, alphabeta:depth=5, ...: docs/cli.md."
)
@click.option("--games", type=WholeNumber(min=1), metavar="N", default=100, show_default=True, help="Games or episodes to play.")
@click.option("--simulations", type=WholeNumber(min=1), metavar="N", help="Simulations per move; the run's own by default.")
@click.option("--opening-moves", type=WholeNumber(min=0), metavar="N", help="Random moves each pair of games starts with.")
@click.option("--seed", type=WholeNumber(min=0), metavar="N", default=0, show_default=True, help="Seed of the opponent's moves.")
@click.option("--device", metavar="DEVICE", help="cpu, cuda or cuda:N; the run's own by default.")
@json_option
@shown_errors()
def eval_command(
    run: Path, opponent: str, games: int, simulations: int | None, opening_moves: int | None, seed: int, device: str | None, as_json: bool
) -> None:
    """Plays the newest checkpoint of RUN, or the checkpoint RUN, against an opponent."""
    from launch.eval import evaluate_run, print_evaluation

    record = evaluate_run(
        run,
        opponent=opponent,
        num_games=games,
        num_simulations=simulations,
        opening_moves=opening_moves,
        seed=seed,
        device=device,
    )
    _show(record, print_evaluation, as_json=as_json)


@muzero.command("diagnose")
@click.argument("run", type=click.Path(path_type=Path))
@click.option(
    "--positions", type=WholeNumber(min=1), metavar="N", default=2000, show_default=True, help="Stored positions to look at, at most."
)
@click.option(
    "--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Folder of the report; RUN/diagnosis by default."
)
@json_option
@shown_errors()
def diagnose_command(run: Path, positions: int, out: Path | None, as_json: bool) -> None:
    """Shows what the newest checkpoint of RUN has learnt and where it is weak, as numbers, a picture and sentences."""
    from launch.diagnose import diagnose_run, print_diagnosis

    _show(diagnose_run(run, num_positions=positions, out=out), print_diagnosis, as_json=as_json)


@muzero.command("profile")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--seconds", type=PositiveNumber(), metavar="S", default=10.0, show_default=True, help="How long to record.")
@json_option
@shown_errors()
def profile_command(run: Path, seconds: float, as_json: bool) -> None:
    """Records the live run RUN for some seconds and says what limits it; writes RUN/trace/profile.json.gz and profile.md."""
    from engine.profile_files import ask_for_profile
    from launch.profile import print_profile

    _show(ask_for_profile(run, seconds), print_profile, as_json=as_json)


@muzero.command("tune")
@click.option("--env", metavar="NAME", help="World to tune for, as for muzero-launch.")
@click.option("--preset", metavar="NAME", default=DEFAULT_PRESET, show_default=True, help="Preset to begin with.")
@click.option("--set", "assignments", multiple=True, metavar="K=V", help="Any setting to begin with: --set search.num_simulations=50.")
@click.option("--seconds", type=PositiveNumber(), metavar="S", default=8.0, show_default=True, help="How long each trial measures.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="File for the settings found; tuned-<env>.toml by default.",
)
@json_option
@click.pass_context
@shown_errors()
def tune_command(
    context: click.Context, /, env: str | None, preset: str, assignments: Sequence[str], seconds: float, out: Path | None, as_json: bool
) -> None:
    """Finds how many actors, games, groups and threads make this machine fastest, by short runs, and writes them to a file."""
    from launch.tune import tune
    from launch.tune_report import print_tuning

    record, exit_code = tune(env=env, preset=preset, assignments=assignments, seconds=seconds, out=out)
    _show(record, print_tuning, as_json=as_json)
    context.exit(exit_code)


@muzero.command("games")
@click.option("--atari", is_flag=True, help="List the names of the Atari games instead.")
@json_option
@shown_errors()
def games_command(atari: bool, as_json: bool) -> None:
    """Lists the worlds that --env takes."""
    from launch.games import atari_record, games_record, print_atari, print_games

    if atari:
        _show(atari_record(), print_atari, as_json=as_json)
    else:
        _show(games_record(), print_games, as_json=as_json)


@muzero.command("check-env")
@click.argument("name")
@click.option("--games", type=WholeNumber(min=1), metavar="N", default=20, show_default=True, help="Random games to play.")
@click.option("--seed", type=WholeNumber(min=0), metavar="N", default=0, show_default=True, help="Seed of the games.")
@click.option("--set", "assignments", multiple=True, metavar="K=V", help="An argument of the world: --set env.kwargs.history=4.")
@json_option
@shown_errors()
def check_env_command(name: str, games: int, seed: int, assignments: Sequence[str], as_json: bool) -> None:
    """Tests whether the world NAME, your own class included, keeps the contract of a game."""
    from launch.check_env import check_env, print_report, require_met

    report = check_env(name, assignments, num_games=games, seed=seed)
    _show(report, print_report, as_json=as_json)
    require_met(report)


@muzero.command("bench")
@click.argument("part", type=click.Choice([*PARTS, ALL]))
@click.argument("names", nargs=-1)
@click.option(
    "--seconds", type=PositiveNumber(), metavar="S", help="Time per game, task or measurement of processes; the part's own by default."
)
@click.option("--device", metavar="DEVICE", help="engine: a simulated device, for example simulated:200+35.")
@click.option("--actors", type=WholeNumber(min=1), metavar="N", help="engine with --device: actor processes, 1 by default.")
@click.option("--games-per-actor", type=WholeNumber(min=2), metavar="N", help="engine with --device: trees of each, 64 by default.")
@json_option
@shown_errors()
def bench_command(
    part: str,
    names: Sequence[str],
    seconds: float | None,
    device: str | None,
    actors: int | None,
    games_per_actor: int | None,
    as_json: bool,
) -> None:
    """Measures one part of the engine, whole runs beside other engines (end-to-end), or everything (all); NAMES says which games."""
    if (device or actors or games_per_actor) and (part != "engine" or device is None):
        raise UserError("--device, --actors and --games-per-actor go together, and only with bench engine: leave them out.")
    if seconds is not None and part not in TIMED_PARTS:
        why = "each part measures as long as it does alone" if part == ALL else "it measures a fixed amount of work"
        raise UserError(f"bench {part} takes no --seconds: leave it out, {why}.")
    if names and part != "games":
        raise UserError(f"bench {part} got '{names[0]}': leave it out, only bench games takes names.")
    timing = Timing() if seconds is None else Timing(seconds=seconds)
    if part == ALL:
        _show(bench_all(print_part), lambda record: None, as_json=as_json)
    elif device is not None:
        _show(bench_simulated_device(device, actors, games_per_actor, timing), print_part, as_json=as_json)
    else:
        _show(bench_part(part, names, timing), print_part, as_json=as_json)
