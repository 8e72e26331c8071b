"""Presets, files and stored runs: which wins, and what is refused."""

import tomllib
from importlib import resources
from pathlib import Path

import pytest

from engine.config_text import config_to_toml
from launch.config import known_environments, preset_choices, resolve, resolve_resumed, set_choices
from launch.settings import Choices, build_config, choose
from muzero.errors import UnknownName, UserError

PRESETS = resources.files("launch") / "presets"


def env(name: str) -> Choices:
    """The choice `--env name`."""
    return {"game.name": choose("game.name", name, "flag --env")}


def stored_run(folder: Path, **changes: str) -> Path:
    """A folder with the configuration of a tic-tac-toe run."""
    config, _ = resolve(
        env("tictactoe") | set_choices([f"{key}={value}" for key, value in changes.items()], "test"), file=None, preset="default"
    )
    (folder / "config.toml").write_text(config_to_toml(config))
    return folder


@pytest.mark.parametrize("file", [entry.name for entry in PRESETS.iterdir() if entry.name.endswith(".toml")])
def test_every_preset_of_every_file_resolves(file: str) -> None:
    environment = file.removesuffix(".toml")
    for preset in tomllib.loads((PRESETS / file).read_text()):
        config, _ = resolve(env(environment), file=None, preset=preset)
        assert config.game.name == environment


def test_every_environment_has_a_default_preset() -> None:
    for environment in known_environments():
        assert build_config(preset_choices(environment, "default"))


def test_a_named_preset_lies_over_the_default_one() -> None:
    small, _ = resolve(env("connect4"), file=None, preset="small")

    assert (small.network.num_blocks, small.network.num_channels) == (2, 32)
    assert small.network.kind == "residual"


def test_flag_wins_over_file_and_file_over_preset(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text("seed = 4\n[search]\nnum_simulations = 33\n[replay]\nreplay_ratio = 2.0\n")

    config, choices = resolve(env("tictactoe") | set_choices(["search.num_simulations=44"], "flag --set"), file=file, preset="default")

    assert (config.search.num_simulations, config.replay.replay_ratio, config.seed) == (44, 2.0, 4)
    assert choices["search.num_simulations"].origin == "flag --set"
    assert choices["replay.replay_ratio"].origin == f"file {file}"
    assert choices["training.learning_rate"].origin == "preset tictactoe.default"


def test_the_environment_may_stand_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('[game]\nname = "cartpole"\n')

    config, _ = resolve({}, file=file, preset="default")

    assert config.network.transform_values


def test_no_environment_lists_them_all() -> None:
    with pytest.raises(UserError, match="--env NAME with one of cartpole, connect4, tictactoe"):
        resolve({}, file=None, preset="default")


@pytest.mark.parametrize(
    ("environment", "preset", "assignment", "sentence"),
    [
        ("tictactow", "default", "seed=1", "unknown environment 'tictactow': did you mean tictactoe"),
        ("connect4", "smal", "seed=1", "unknown preset of connect4 'smal': did you mean small"),
        ("tictactoe", "default", "evaluation.opponent=perfekt", "unknown opponent 'perfekt': did you mean perfect"),
        ("connect4", "default", "evaluation.opponent=perfect", "opponent 'perfect' does not know 'connect4'"),
        ("tictactoe", "default", "game.name=tictactow", "unknown environment 'tictactow'"),
    ],
)
def test_names_that_do_not_exist_are_refused(environment: str, preset: str, assignment: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        resolve(env(environment) | set_choices([assignment], "flag --set"), file=None, preset=preset)


def test_set_reads_toml_and_else_text() -> None:
    choices = set_choices(["seed=3", "search.rule=puct", 'game.kwargs.x="1"', "game.kwargs.y=[1, 2]"], "flag --set")

    assert [choice.value for choice in choices.values()] == [3, "puct", "1", [1, 2]]


def test_set_takes_a_table() -> None:
    choices = set_choices(["game.kwargs={rows=5, columns=6}", "search={rule='puct'}"], "flag --set")

    assert {key: choice.value for key, choice in choices.items()} == {
        "game.kwargs.rows": 5,
        "game.kwargs.columns": 6,
        "search.rule": "puct",
    }


def test_arguments_that_do_not_fit_the_game_are_refused_before_anything_starts() -> None:
    with pytest.raises(UserError, match="do not fit environment 'cartpole'"):
        resolve(env("cartpole") | set_choices(["game.kwargs.colour=red"], "flag --set"), file=None, preset="default")


def test_the_opponent_is_ignored_where_one_plays_alone() -> None:
    config, _ = resolve(env("cartpole") | set_choices(["evaluation.opponent=perfect"], "flag --set"), file=None, preset="default")

    assert config.evaluation.opponent == "perfect"


def test_set_without_a_value_is_refused() -> None:
    with pytest.raises(UserError, match="--set got 'seed': write KEY=VALUE"):
        set_choices(["seed"], "flag --set")


@pytest.mark.parametrize("content", [None, b"seed = ", b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "my.toml"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(UserError, match="my.toml"):
        resolve(env("tictactoe"), file=file, preset="default")


def test_resume_starts_from_the_stored_settings_and_not_from_the_preset(tmp_path: Path) -> None:
    run = stored_run(tmp_path, **{"training.batch_size": "64"})

    config, _, changes = resolve_resumed({}, file=None, run_dir=run)

    assert config.training.batch_size == 64
    assert changes == {}


def test_resume_tells_each_change(tmp_path: Path) -> None:
    run = stored_run(tmp_path)

    config, _, changes = resolve_resumed(set_choices(["training.batch_size=32"], "flag --set"), file=None, run_dir=run)

    assert config.training.batch_size == 32
    assert changes == {"training.batch_size": (128, 32)}


@pytest.mark.parametrize(
    "assignment",
    ["game.name=connect4", "network.hidden_size=64", "replay.capacity_steps=5000", "replay.policy_entries=4", "training.optimizer=sgd"],
)
def test_resume_refuses_what_does_not_fit_the_stored_arrays(tmp_path: Path, assignment: str) -> None:
    run = stored_run(tmp_path)

    with pytest.raises(UserError, match=f"{assignment.partition('=')[0]} is .* cannot become"):
        resolve_resumed(set_choices([assignment], "flag --set"), file=None, run_dir=run)


@pytest.mark.parametrize("assignment", ["seed=9", "actors.games_per_actor=8", "actors.groups=1", "self_play.max_trajectory_steps=8"])
def test_resume_in_one_process_refuses_what_does_not_fit_the_running_games(tmp_path: Path, assignment: str) -> None:
    run, change = stored_run(tmp_path, **{"actors.num_actors": "0"}), set_choices([assignment], "flag --set")

    with pytest.raises(UserError, match=f"{assignment.partition('=')[0]} is .* cannot become"):
        resolve_resumed(change, file=None, run_dir=run)
    assert len(resolve_resumed(change | set_choices(["actors.num_actors=2"], "flag --set"), file=None, run_dir=run)[2]) == 2


def test_resume_of_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run to resume"):
        resolve_resumed({}, file=None, run_dir=tmp_path)


def test_unknown_preset_of_an_unknown_environment_names_the_environment() -> None:
    with pytest.raises(UnknownName, match="environment"):
        preset_choices("chess3", "small")
