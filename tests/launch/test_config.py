"""Presets, files and stored runs: which wins, and what is refused."""

from pathlib import Path

import pytest

from engine.config_text import config_to_toml
from launch.config import origins_of, playable_game, preset_choices, presets_of, resolve, resolve_resumed, set_choices
from launch.settings import Choices, build_config, choose
from muzero.config import EnvConfig
from muzero.errors import UnknownName, UnsupportedGame, UserError
from muzero.games import GAMES, Game


def env(name: str) -> Choices:
    """The choice `--env name`."""
    return {"env.name": choose("env.name", name, "flag --env")}


def stored_run(folder: Path, **changes: str) -> Path:
    """A folder with the configuration of a tic-tac-toe run."""
    config, _ = resolve(
        env("tictactoe") | set_choices([f"{key}={value}" for key, value in changes.items()], "test"), file=None, preset="default"
    )
    (folder / "config.toml").write_text(config_to_toml(config))
    return folder


def test_every_environment_has_a_default_and_a_small_preset() -> None:
    for environment in GAMES:
        for preset in ("default", "small"):
            assert build_config(preset_choices(EnvConfig(name=environment), preset))


@pytest.mark.parametrize(
    ("environment", "file"),
    [("go9", "go9"), ("cartpole", "cartpole"), ("atari:Pong", "atari"), ("gym:Taxi-v3", "gym"), ("openspiel:clobber(rows=5)", "openspiel")],
)
def test_a_name_of_two_parts_has_the_presets_of_its_prefix(environment: str, file: str) -> None:
    assert presets_of(EnvConfig(name=environment)) == file


@pytest.mark.parametrize(("name", "file"), [("PileAlone", "gym"), ("Pile", "openspiel")])
def test_a_class_of_the_users_has_presets_by_its_number_of_players(user_worlds: str, name: str, file: str) -> None:
    assert presets_of(EnvConfig(name=f"{user_worlds}:{name}")) == file


@pytest.mark.parametrize(("name", "sentence"), [("MovesTwice", "players alternate"), ("ForThree", "a game has 1 or 2 players")])
def test_a_class_of_the_users_that_breaks_the_contract_is_refused(user_worlds: str, name: str, sentence: str) -> None:
    with pytest.raises(UnsupportedGame, match=sentence):
        resolve(env(f"{user_worlds}:{name}"), file=None, preset="default")


def test_an_environment_of_gymnasium_that_breaks_the_contract_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(game: Game) -> None:
        raise UnsupportedGame(f"{game.spec.name} shows nothing.")

    monkeypatch.setattr("muzero.games.contract.quick_check", refuse)

    assert playable_game(EnvConfig(name="cartpole")).spec.num_players == 1
    with pytest.raises(UnsupportedGame, match="gym:CartPole-v1 shows nothing"):
        playable_game(EnvConfig(name="gym:CartPole-v1"))


def test_a_network_that_does_not_fit_the_game_is_refused() -> None:
    with pytest.raises(UserError, match="residual"):
        resolve(env("cartpole") | set_choices(["network.kind=residual"], "flag --set"), file=None, preset="default")


def test_a_named_preset_lies_over_the_default_one() -> None:
    small, _ = resolve(env("connect4"), file=None, preset="small")

    assert (small.network.num_blocks, small.network.num_channels) == (1, 32)
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
    file.write_text('[env]\nname = "cartpole"\n')

    config, _ = resolve({}, file=file, preset="default")

    assert config.network.transform_values


def test_no_environment_says_where_they_are_listed() -> None:
    with pytest.raises(UserError, match="no environment: give --env NAME, for example go9 .* muzero games"):
        resolve({}, file=None, preset="default")


@pytest.mark.parametrize(
    ("environment", "preset", "assignment", "sentence"),
    [
        ("tictactow", "default", "seed=1", "unknown environment 'tictactow': did you mean tictactoe"),
        ("connect4", "smal", "seed=1", "unknown preset of connect4 'smal': did you mean small"),
        ("connect4", "paper", "seed=1", "unknown preset of connect4 'paper': known: default, small"),
        ("go20", "default", "seed=1", "unknown environment 'go20': did you mean go"),
        ("tictactoe", "default", "evaluation.opponent=perfekt", "unknown opponent 'perfekt': did you mean perfect"),
        ("connect4", "default", "evaluation.opponent=perfect", "opponent 'perfect' does not know 'connect4'"),
        ("connect4", "default", "evaluation.opponent=alphabeta:depth=0", "opponent 'alphabeta:depth=0' has depth 0: set 1 to 20"),
        ("connect4", "default", "evaluation.opponent=checkpoint:runs/x", "cannot be met inside a run"),
        ("connect4", "default", "evaluation.opening_moves=-1", "evaluation.opening_moves is -1: set 0 or more"),
        ("tictactoe", "default", "env.name=tictactow", "unknown environment 'tictactow'"),
    ],
)
def test_names_that_do_not_exist_are_refused(environment: str, preset: str, assignment: str, sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        resolve(env(environment) | set_choices([assignment], "flag --set"), file=None, preset=preset)


@pytest.mark.parametrize(("simulations", "rule"), [(32, "gumbel"), (100, "puct")])
def test_a_rule_left_to_us_is_decided_and_says_so(simulations: int, rule: str) -> None:
    chosen = set_choices(["search.rule=auto", f"search.num_simulations={simulations}"], "flag --set")

    config, choices = resolve(env("connect4") | chosen, file=None, preset="default")

    assert config.search.rule == rule
    assert origins_of(choices)["search.rule"] == "auto, flag --set"
    assert origins_of({})["search.rule"] == "auto"
    assert "auto" not in config_to_toml(config).split("[search]")[1].split("[")[0]


def test_fast_searches_longer_than_full_ones_are_refused() -> None:
    chosen = env("tictactoe") | set_choices(["self_play.full_search_fraction=0.25", "self_play.fast_simulations=30"], "flag --set")

    with pytest.raises(UserError, match=r"self_play.fast_simulations is 30, more than search.num_simulations \(25\): set at most 25"):
        resolve(chosen, file=None, preset="default")


def test_chunks_that_hold_no_unroll_are_refused() -> None:
    chosen = env("tictactoe") | set_choices(["reanalyze.fraction=0.8", "reanalyze.chunk_steps=4"], "flag --set")

    with pytest.raises(UserError, match=r"reanalyze.chunk_steps is 4, too few for unrolls of 6 positions: set more than .* \(5\)"):
        resolve(chosen, file=None, preset="default")


def test_set_reads_toml_and_else_text() -> None:
    choices = set_choices(["seed=3", "search.rule=puct", 'env.kwargs.x="1"', "env.kwargs.y=[1, 2]"], "flag --set")

    assert [choice.value for choice in choices.values()] == [3, "puct", "1", [1, 2]]


def test_set_takes_a_table() -> None:
    choices = set_choices(["env.kwargs={rows=5, columns=6}", "search={rule='puct'}"], "flag --set")

    assert {key: choice.value for key, choice in choices.items()} == {
        "env.kwargs.rows": 5,
        "env.kwargs.columns": 6,
        "search.rule": "puct",
    }


def test_arguments_that_do_not_fit_the_game_are_refused_before_anything_starts() -> None:
    with pytest.raises(UserError, match="env.kwargs {'colour': 'red'}"):
        resolve(env("cartpole") | set_choices(["env.kwargs.colour=red"], "flag --set"), file=None, preset="default")


def test_the_opponent_is_ignored_where_one_plays_alone() -> None:
    config, _ = resolve(env("cartpole") | set_choices(["evaluation.opponent=perfect"], "flag --set"), file=None, preset="default")

    assert config.evaluation.opponent == "perfect"


def test_opening_moves_are_refused_where_one_plays_alone() -> None:
    with pytest.raises(UserError, match="evaluation.opening_moves is 2, but 'cartpole' has no opponent"):
        resolve(env("cartpole") | set_choices(["evaluation.opening_moves=2"], "flag --set"), file=None, preset="default")


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
    [
        "env.name=connect4",
        "network.hidden_size=64",
        "replay.capacity_steps=5000",
        "replay.policy_entries=4",
        "training.optimizer=sgd",
        "training.projection_size=9",
    ],
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


def test_resume_refuses_reanalysis_of_positions_that_were_stored_without_legal_actions(tmp_path: Path) -> None:
    run = stored_run(tmp_path)
    with pytest.raises(UserError, match="cannot begin with it on --resume"):
        resolve_resumed(set_choices(["reanalyze.num_reanalyzers=1"], "flag --set"), file=None, run_dir=run)


def test_resume_of_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="holds no run to resume"):
        resolve_resumed({}, file=None, run_dir=tmp_path)


def test_unknown_preset_of_an_unknown_environment_names_the_environment() -> None:
    with pytest.raises(UnknownName, match="environment"):
        preset_choices(EnvConfig(name="chess3"), "small")


@pytest.mark.parametrize(
    ("flag", "more", "fraction", "is_enabled"),
    [
        ("2", [], 0.8, True),
        ("2", ["reanalyze.fraction=0.5"], 0.5, True),
        ("0", [], 0.0, False),
    ],
)
def test_asking_for_reanalyzers_turns_reanalysis_on_unless_its_share_is_given(
    flag: str, more: list[str], fraction: float, is_enabled: bool
) -> None:
    asked = {"reanalyze.num_reanalyzers": choose("reanalyze.num_reanalyzers", int(flag), "flag --reanalyzers")}
    config, choices = resolve(set_choices(["env.name=tictactoe", *more], "flag --set") | asked, file=None, preset="default")

    assert (config.reanalyze.fraction, config.reanalyze.is_enabled) == (fraction, is_enabled)
    assert more or flag == "0" or choices["reanalyze.fraction"].origin == "flag --reanalyzers"


def test_a_resumed_run_keeps_its_share_of_fresh_samples(tmp_path: Path) -> None:
    run = stored_run(tmp_path, **{"reanalyze.fraction": "0.5"})
    change = set_choices(["reanalyze.num_reanalyzers=3"], "flag --set")

    assert resolve_resumed(change, file=None, run_dir=run)[0].reanalyze.fraction == 0.5


def test_a_resumed_run_is_not_asked_for_reanalyzers_and_for_none(tmp_path: Path) -> None:
    run = stored_run(tmp_path, **{"reanalyze.fraction": "0.5"})
    change = set_choices(["reanalyze.num_reanalyzers=0"], "flag --set")

    assert not resolve_resumed(change, file=None, run_dir=run)[0].reanalyze.is_enabled
    with pytest.raises(UserError, match="leave one of them out"):
        resolve_resumed(change | set_choices(["reanalyze.fraction=0.8"], "flag --set"), file=None, run_dir=run)
