"""The commands: precedence of flags and variables, exit codes, sentences instead of tracebacks."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.config import RunConfig
from engine.config_text import config_from_toml, config_to_toml
from engine.errors import CorruptCheckpoint, MachineProblem, RunFailed
from launch.cli import _default_run_dir, launch, muzero
from muzero.config import EnvConfig
from muzero.errors import MuZeroError, UserError
from muzero.games import PREFIXES

Launch = Callable[..., Result]


@pytest.fixture
def training(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A training that records how it was called and returns `exit_code`, or raises `error`."""
    record = SimpleNamespace(calls=[], exit_code=0, error=None)

    def train(config: Any, **arguments: Any) -> int:
        record.calls.append({"config": config, **arguments})
        if record.error is not None:
            raise record.error
        return int(record.exit_code)

    monkeypatch.setattr("engine.training.train", train)
    return record


def test_flags_reach_the_training(run_launch: Launch, training: SimpleNamespace, tmp_path: Path) -> None:
    arguments = (
        "--env connect4 --actors 3 --games-per-actor 8 --simulations 9 --device cuda --learner-device cpu --seed 5 --steps 77 --minutes 2.5"
    )

    result = run_launch(*arguments.split(), "--run-dir", str(tmp_path / "R"), "--overwrite", "--preset", "small")

    call = training.calls[0]
    config = call["config"]
    assert result.exit_code == 0
    assert (config.env.name, config.actors.num_actors, config.actors.games_per_actor, config.search.num_simulations) == (
        "connect4",
        3,
        8,
        9,
    )
    assert (config.inference.device, config.learner.device, config.seed, config.minutes) == ("cuda", "cpu", 5, 2.5)
    assert (config.steps, config.network.num_blocks) == (77, 1)
    assert (call["run_dir"], call["mode"]) == (tmp_path / "R", "overwrite")


def test_device_sets_both_sides(run_launch: Launch, training: SimpleNamespace) -> None:
    run_launch("--env", "tictactoe", "--device", "cuda:1")

    config = training.calls[0]["config"]
    assert (config.inference.device, config.learner.device) == ("cuda:1", "cuda:1")


def test_run_dir_is_named_after_environment_time_and_seed(run_launch: Launch, training: SimpleNamespace) -> None:
    run_launch("--env", "cartpole", "--seed", "3")

    assert training.calls[0]["mode"] == "new"
    assert re.fullmatch(r"runs/cartpole-\d{8}-\d{6}-s3", str(training.calls[0]["run_dir"]))


def test_a_flag_wins_over_a_variable_and_a_variable_over_a_file(run_launch: Launch, tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("seed = 1\n[actors]\nnum_actors = 1\ngames_per_actor = 2\n")

    result = run_launch(
        "--print-config", "--actors", "3", MUZERO_ENV="tictactoe", MUZERO_ACTORS="2", MUZERO_GAMES_PER_ACTOR="4", MUZERO_CONFIG=str(file)
    )

    assert "num_actors = 3  # flag --actors" in result.stdout
    assert "games_per_actor = 4  # variable MUZERO_GAMES_PER_ACTOR" in result.stdout
    assert f"seed = 1  # file {file}" in result.stdout
    assert 'name = "tictactoe"  # variable MUZERO_ENV' in result.stdout
    assert "rule = " in result.stdout and "# preset tictactoe.default" in result.stdout


def test_a_flag_wins_over_set_in_a_variable_but_not_over_set_as_a_flag(run_launch: Launch) -> None:
    variable = run_launch("--env", "tictactoe", "--seed", "1", "--print-config", MUZERO_SET="seed=2 search.rule=puct")
    flag = run_launch("--env", "tictactoe", "--seed", "1", "--set", "seed=3", "--print-config")

    assert "seed = 1  # flag --seed" in variable.stdout and 'rule = "puct"  # variable MUZERO_SET' in variable.stdout
    assert "seed = 3  # flag --set" in flag.stdout


def test_the_printed_configuration_is_a_config_file(run_launch: Launch, tmp_path: Path) -> None:
    first = run_launch("--env", "cartpole", "--seed", "3", "--print-config").stdout
    (tmp_path / "my.toml").write_text(first)

    second = run_launch("--config", str(tmp_path / "my.toml"), "--print-config").stdout

    assert config_from_toml(first) == config_from_toml(second)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "Error: no environment: give --env NAME"),
        ("--env tictacto", "did you mean tictactoe"),
        ("--env go20", "unknown environment 'go20': did you mean go"),
        ("--env atari:Brakeout", "did you mean Breakout"),
        ("--env gym:Pendulum-v1", "Discrete"),
        ("--env gym:CartPole-v99", "CartPole-v1"),
        ("--env openspiel:backgammon", "no chance"),
        ("--env openspiel:quoridor(players=3)", "two players"),
        ("--env openspiel:amazons", "twice in a row"),
        ("--env nosuch.module:Cls", "cannot import nosuch.module"),
        ("--env json:NoSuchClass", "json has no class NoSuchClass"),
        ("--env tictactoe --set env.kwargs.size=4", "env.kwargs {'size': 4} do not fit environment 'tictactoe'"),
        ("--env go9 --set env.kwargs.board_size=20", "20"),
        ("--env cartpole --set network.kind=residual", "residual"),
        ("--env tictactoe --preset papr", "unknown preset"),
        ("--env tictactoe --set search.num_sims=3", "search.num_simulations"),
        ("--env tictactoe --set search.num_simulations=many", "search.num_simulations is 'many': set a whole number."),
        ("--env tictactoe --games-per-actor 3", "actors.games_per_actor is 3"),
        ("--env tictactoe --config missing.toml", "cannot read missing.toml"),
        ("--env tictactoe --resume", "--resume needs to know which run"),
        ("--env tictactoe --resume --run-dir missing", "missing holds no run to resume"),
        ("--env tictactoe --resume --preset small --run-dir missing", "--preset cannot change a run"),
        ("--env tictactoe --resume --overwrite", "--resume and --overwrite exclude each other"),
        ("--env tictactoe --actors many", "Error: --actors is many: set a whole number of at least 0."),
        ("--env tictactoe --steps 0", "Error: --steps is 0: set a whole number of at least 1."),
        ("--env tictactoe --minutes 0", "Error: --minutes is 0: set a number above 0."),
        ("--env tictactoe --actor 2", "Error: No such option"),
        ("--env tictactoe --overfit-batch --run-dir runs/first", "--overfit-batch uses no run folder: leave out --run-dir"),
        ("--overfit-batch --resume", "--overfit-batch uses no run folder: leave out --resume"),
        ("--env tictactoe --reanalyzers 1 --set reanalyze.fraction=0", "reanalyze.num_reanalyzers is 1 and reanalyze.fraction 0, but"),
        ("--env tictactoe --reanalyzers 0 --set reanalyze.fraction=0.5", "reanalyze.num_reanalyzers is 0 and reanalyze.fraction 0.5, but"),
        ("--env tictactoe --set evaluation.opening_moves=2", "'perfect' is given every line from the first move, not 2 opening moves"),
    ],
)
def test_a_mistake_is_one_sentence_and_exit_code_2(run_launch: Launch, training: SimpleNamespace, arguments: str, sentence: str) -> None:
    result = run_launch(*arguments.split())

    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr and result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1
    assert training.calls == []


def test_a_misspelt_variable_is_warned_of_with_the_nearest_there_is(run_launch: Launch, training: SimpleNamespace) -> None:
    variables = {"MUZERO_STPES": "5", "MUZERO_XYZ": "1", "MUZERO_EVAL_GAMES": "7", "MUZERO_SEED": "3", "OTHER": "1"}
    result = run_launch("--env", "tictactoe", **variables)
    assert result.stderr.splitlines() == [
        "Warning: the variable MUZERO_STPES is ignored, no flag is called so: did you mean MUZERO_STEPS?",
        "Warning: the variable MUZERO_XYZ is ignored, no flag is called so.",
    ]
    assert (result.exit_code, training.calls[0]["config"].seed) == (0, 3)


@pytest.mark.parametrize(
    ("error", "exit_code"),
    [(RunFailed("actors died."), 1), (UserError("in use."), 2), (MachineProblem("no CUDA."), 3), (CorruptCheckpoint("broken."), 4)],
)
def test_errors_of_the_engine_end_with_their_code(
    run_launch: Launch, training: SimpleNamespace, error: MuZeroError, exit_code: int
) -> None:
    training.error = error

    result = run_launch("--env", "tictactoe")

    assert (result.exit_code, result.stderr) == (exit_code, f"Error: {error}\n")


@pytest.mark.parametrize("exit_code", [0, 1, 130, 143])
def test_the_training_decides_the_exit_code(run_launch: Launch, training: SimpleNamespace, exit_code: int) -> None:
    training.exit_code = exit_code

    assert run_launch("--env", "tictactoe").exit_code == exit_code


def test_resume_needs_no_environment_and_shows_what_changes(run_launch: Launch, training: SimpleNamespace, tmp_path: Path) -> None:
    run_launch("--env", "tictactoe", "--run-dir", str(tmp_path))
    (tmp_path / "config.toml").write_text(config_to_toml(training.calls[0]["config"]))

    result = run_launch("--resume", "--run-dir", str(tmp_path), "--steps", "99")

    assert (training.calls[1]["mode"], training.calls[1]["config"].steps) == ("resume", 99)
    assert "steps: none -> 99" in result.stdout


def test_resume_with_another_environment_is_refused(run_launch: Launch, training: SimpleNamespace, tmp_path: Path) -> None:
    run_launch("--env", "tictactoe")
    (tmp_path / "config.toml").write_text(config_to_toml(training.calls[0]["config"]))

    result = run_launch("--resume", "--run-dir", str(tmp_path), "--env", "cartpole")

    assert result.exit_code == 2
    assert "env.name is tictactoe" in result.stderr


def test_run_dir_of_a_name_with_signs_has_only_letters_digits_and_dashes() -> None:
    names = {
        "atari:Breakout": "atari-Breakout",
        "openspiel:breakthrough(rows=6,columns=6)": "openspiel-breakthrough-rows-6-columns-6",
        "my_games.go:Go": "my-games-go-Go",
    }

    for name, folder in names.items():
        assert re.fullmatch(rf"runs/{folder}-\d{{8}}-\d{{6}}-s0", str(_default_run_dir(RunConfig(env=EnvConfig(name=name)))))


def test_arguments_of_the_world_reach_the_training(run_launch: Launch, training: SimpleNamespace) -> None:
    run_launch("--env", "connect4", "--set", "env.kwargs.rows=5", "--set", "env.kwargs.columns=6")

    assert training.calls[0]["config"].env == EnvConfig(name="connect4", kwargs={"rows": 5, "columns": 6})


def test_help_names_every_prefix_and_the_list_of_worlds() -> None:
    text = " ".join(CliRunner().invoke(launch, ["--help"]).output.split())

    assert [word for word in (*(f"{prefix}:" for prefix in PREFIXES), "package.module:Class", "muzero games") if word not in text] == []


@pytest.mark.parametrize("command", [launch, muzero])
def test_version_names_what_results_depend_on(command: Any) -> None:
    text = CliRunner().invoke(command, ["--version"], env={"MUZERO_VERSION": "0"}).output

    assert [name for name in ("muzero-engine ", "python 3.", "torch ", "build: ", "numba ") if name not in text] == []


def test_looking_at_settings_imports_neither_torch_nor_numba() -> None:
    code = (
        "import sys; from launch.cli import launch; launch(['--env', 'tictactoe', '--print-config'], standalone_mode=False); "
        "sys.exit(' '.join({'torch', 'numba', 'rich'} & set(sys.modules)))"
    )

    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)

    assert (result.returncode, result.stderr.strip()) == (1, "")


@pytest.mark.parametrize("flags", [["--json"], []])
def test_bench_shows_its_rows(monkeypatch: pytest.MonkeyPatch, flags: list[str]) -> None:
    row = {"rule": "puct", "actions": 18, "trees": 64, "simulations": 50, "ns_per_simulation": 321.5}
    monkeypatch.setitem(sys.modules, "launch.bench_search", SimpleNamespace(bench_search=lambda: {"bench": "search", "rows": [row]}))

    output = CliRunner().invoke(muzero, ["bench", "search", *flags], catch_exceptions=False).output

    if flags:
        assert json.loads(output.splitlines()[-1]) == {"bench": "search", "rows": [row]}
    else:
        assert "ns per simulation" in output and "321.5" in output


@pytest.mark.parametrize("arguments", ["actors", "search go9", "all go9", "games --seconds 0", "games go20"])
def test_a_wrong_bench_is_exit_code_2(arguments: str) -> None:
    assert CliRunner().invoke(muzero, ["bench", *arguments.split()]).exit_code == 2


@pytest.mark.parametrize(
    ("part", "flags"),
    [("engine", []), ("engine", ["--device", "simulated:1+1"]), ("inference", []), ("transport", []), ("learner", []), ("end-to-end", [])],
)
def test_bench_measures_for_the_seconds_that_are_given(monkeypatch: pytest.MonkeyPatch, part: str, flags: list[str]) -> None:
    asked: list[dict[str, float]] = []

    def bench(*_: str, **settings: float) -> dict[str, Any]:
        asked.append(settings)
        return {"bench": part, "rows": []}

    name = part.replace("-", "_")
    monkeypatch.setattr(f"launch.bench_{name}.bench_{'simulated' if flags else name}", bench)
    for seconds in (["--seconds", "0.5"], []):
        CliRunner().invoke(muzero, ["bench", part, *flags, *seconds, "--json"], catch_exceptions=False)
    assert [settings.get("seconds") for settings in asked] == [0.5, None]


@pytest.mark.parametrize("part", ["search", "replay", "all"])
def test_a_benchmark_of_fixed_work_and_all_together_take_no_seconds(part: str) -> None:
    result = CliRunner().invoke(muzero, ["bench", part, "--seconds", "0.5"])
    assert result.exit_code == 2
    assert f"bench {part} takes no --seconds" in result.output


def test_a_simulated_device_is_the_inferences_alone(run_launch: Launch, training: SimpleNamespace) -> None:
    run_launch("--env", "tictactoe", "--device", "simulated:200+35")
    run_launch("--env", "tictactoe", "--device", "simulated:200+35", "--learner-device", "cuda")

    configs = [call["config"] for call in training.calls]
    assert [config.inference.device for config in configs] == ["simulated:200+35"] * 2
    assert [config.learner.device for config in configs] == ["cpu", "cuda"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("--device simulated:200", "inference.device is 'simulated:200': write simulated:<microseconds a batch>"),
        ("--device simulated:1+1 --actors 0", "one process computes by itself, set 1 actor or more"),
        ("--learner-device simulated:1+1", "only inference can be simulated"),
    ],
)
def test_a_simulated_device_that_cannot_be_is_a_sentence(run_launch: Launch, arguments: str, sentence: str) -> None:
    result = run_launch("--env", "tictactoe", *arguments.split())

    assert result.exit_code == 2
    assert sentence in result.output


def test_options_of_a_simulated_device_are_refused_elsewhere() -> None:
    for arguments in (["search", "--device", "simulated:1+1"], ["engine", "--actors", "2"], ["games", "--games-per-actor", "4"]):
        result = CliRunner().invoke(muzero, ["bench", *arguments])

        assert result.exit_code == 2
        assert "--device, --actors and --games-per-actor go together, and only with bench engine" in result.output
