"""The presets of every world: all can be started, `paper` holds the paper's numbers, `small` fits a laptop."""

import tomllib
from importlib import resources
from math import prod
from typing import Any

import pytest

from engine.config import RunConfig
from launch.config import preset_choices, preset_tables
from launch.settings import build_config, choose, differences, flatten
from muzero.config import EnvConfig
from muzero.games import GAMES, PREFIXES, make_game, world_of
from muzero.networks.shape import latent_shape, num_downsamplings, uses_planes
from muzero.types import GameSpec

PRESETS = resources.files("launch") / "presets"
EXAMPLES = ("atari:Breakout", "gym:Acrobot-v1", "openspiel:breakthrough(rows=6,columns=6)", "openspiel:nim")
"""A world of each prefix; breakthrough shows planes, nim a vector."""
WORLDS = (*GAMES, *EXAMPLES)
MAX_GUMBEL_SIMULATIONS = 64
ATARI = "atari:Breakout"

PAPER_EVERYWHERE = {
    "search.rule": "puct",
    "search.pb_c_init": 1.25,
    "search.pb_c_base": 19652.0,
    "search.dirichlet_fraction": 0.25,
    "self_play.temperature": 1.0,
    "self_play.random_opening_moves": 0,
    "network.num_blocks": 16,
    "network.num_channels": 256,
    "training.training_steps": 1_000_000,
    "training.unroll_steps": 5,
    "training.optimizer": "sgd",
    "training.momentum": 0.9,
    "training.weight_decay": 1e-4,
    "training.lr_schedule": "exponential",
    "training.lr_decay_rate": 0.1,
    "training.lr_warmup_steps": 0,
    "training.value_loss_weight": 1.0,
    "training.reward_loss_weight": 1.0,
    "training.policy_loss_weight": 1.0,
    "training.use_symmetries": False,
    "learner.publish_every_steps": 1000,
}
PAPER_BOARDS = PAPER_EVERYWHERE | {
    "search.num_simulations": 800,
    "search.discount": 1.0,
    "self_play.temperature_schedule": [],
    "self_play.temperature_moves": 30,
    "network.value_head": "scalar",
    "network.transform_values": False,
    "training.batch_size": 2048,
    "training.lr_decay_steps": 400_000,
    "replay.capacity_games": 1_000_000,
    "replay.is_prioritized": False,
}
PAPER: dict[str, dict[str, Any]] = {
    "go19": PAPER_BOARDS
    | {
        "search.dirichlet_alpha": 0.03,
        "self_play.max_trajectory_steps": 722,
        "training.td_steps": 722,
        "training.learning_rate": 0.01,
    },
    "chess": PAPER_BOARDS
    | {
        "env.kwargs.history": 100,
        "search.dirichlet_alpha": 0.3,
        "self_play.max_trajectory_steps": 512,
        "training.td_steps": 512,
        "training.learning_rate": 0.1,
    },
    "shogi": PAPER_BOARDS
    | {
        "search.dirichlet_alpha": 0.15,
        "self_play.max_trajectory_steps": 512,
        "training.td_steps": 512,
        "training.learning_rate": 0.1,
    },
    ATARI: PAPER_EVERYWHERE
    | {
        "env.kwargs.screen": "rgb96",
        "env.kwargs.history": 32,
        "env.kwargs.frame_skip": 4,
        "env.kwargs.full_action_set": True,
        "env.kwargs.noop_max": 30,
        "env.kwargs.max_frames": 108_000,
        "search.num_simulations": 50,
        "search.discount": 0.997,
        "search.dirichlet_alpha": 0.25,
        "self_play.temperature_schedule": [(500_000, 0.5), (750_000, 0.25)],
        "self_play.temperature_moves": 27_000,
        "self_play.max_trajectory_steps": 200,
        "network.num_downsamplings": 4,
        "network.value_head": "categorical",
        "network.support_size": 300,
        "network.transform_values": True,
        "training.batch_size": 1024,
        "training.td_steps": 10,
        "training.learning_rate": 0.05,
        "training.lr_decay_steps": 350_000,
        "replay.capacity_games": 125_000,
        "replay.capacity_steps": 125_000 * (200 + 1 + 31),
        "replay.replay_ratio": 0.1,
        "replay.is_prioritized": True,
        "replay.priority_exponent": 1.0,
        "replay.importance_exponent": 1.0,
    },
}
"""arXiv:1911.08265, appendices B to G and its pseudocode, written down by hand; 0.1 samples per move: its appendix on Reanalyze."""
PAPER_WORLDS = {"go19": (362, 722), "chess": (4672, 512), "shogi": (11259, 512), ATARI: (18, 27_000)}
"""Actions and most moves, as the paper's pseudocode has them."""


def presets_of_world(name: str) -> list[str]:
    """Names of a world's presets."""
    world = world_of(name)
    assert world is not None
    return list(preset_tables(world.presets))


def config_of(name: str, preset: str) -> RunConfig:
    """What `--env name --preset preset` sets."""
    choices = preset_choices(EnvConfig(name=name), preset) | {"env.name": choose("env.name", name, "flag --env")}
    return build_config(choices)


def setting(config: RunConfig, key: str) -> Any:
    """The value behind a dotted key."""
    value: Any = config
    for part in key.split("."):
        value = value[part] if isinstance(value, dict) else getattr(value, part)
    return value


EVERY_PRESET = [(name, preset) for name in WORLDS for preset in presets_of_world(name)]


def test_every_world_has_a_file_of_presets_and_every_file_a_world() -> None:
    files = {entry.name.removesuffix(".toml") for entry in PRESETS.iterdir() if entry.name.endswith(".toml")}

    assert files == {world.presets for world in (*GAMES.values(), *PREFIXES.values())}


@pytest.mark.parametrize("name", WORLDS)
def test_every_world_has_default_and_small_and_the_papers_worlds_have_paper(name: str) -> None:
    expected = {"default", "small"} | ({"paper"} if name in PAPER else set()) | ({"reanalyze"} if name == ATARI else set())

    assert set(presets_of_world(name)) == expected


@pytest.mark.parametrize("file", sorted(entry.name for entry in PRESETS.iterdir() if entry.name.endswith(".toml")))
def test_no_table_repeats_what_default_already_says(file: str) -> None:
    tables = tomllib.loads((PRESETS / file).read_text(encoding="utf-8"))
    default, small = flatten(tables["default"]), flatten(tables["small"])

    assert not {key for key, value in small.items() if default.get(key) == value}


@pytest.mark.parametrize(("name", "preset"), EVERY_PRESET)
def test_every_preset_fits_its_game(name: str, preset: str) -> None:
    config = config_of(name, preset)
    spec = make_game(config.env).spec
    shape = latent_shape(config.network, spec)

    assert prod(shape) > 0
    assert (len(shape) == 3) == uses_planes(config.network, spec)
    assert_search_fits(config, spec)
    assert_targets_fit(config, spec)


def assert_search_fits(config: RunConfig, spec: GameSpec) -> None:
    """Gumbel where simulations are few, and no board game discounts."""
    assert config.search.rule == "puct" or config.search.num_simulations <= MAX_GUMBEL_SIMULATIONS
    assert config.search.num_considered_actions <= max(16, config.search.num_simulations)
    assert (config.search.discount == 1.0) == (spec.num_players == 2)


def assert_targets_fit(config: RunConfig, spec: GameSpec) -> None:
    """The values of two players run to the end of the game, of one player through h(x), and learning starts before the ring is full."""
    longest = min(config.self_play.max_trajectory_steps, spec.max_moves)
    if spec.num_players == 2:
        assert longest == spec.max_moves
        assert config.training.td_steps >= longest
    else:
        assert config.network.transform_values
        assert config.self_play.temperature_moves >= spec.max_moves
    assert config.replay.min_steps + longest < config.replay.capacity_steps


@pytest.mark.parametrize("name", WORLDS)
def test_small_is_small(name: str) -> None:
    config = config_of(name, "small")

    assert config.search.num_simulations <= 25
    assert config.training.batch_size <= 128
    assert config.replay.min_steps <= 2000
    assert config.plan.device_memory is None


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, table in PAPER.items() for key in table])
def test_the_paper_preset_has_the_papers_number(name: str, key: str) -> None:
    assert setting(config_of(name, "paper"), key) == PAPER[name][key]


@pytest.mark.parametrize("name", PAPER)
def test_the_papers_worlds_have_its_actions_and_limits(name: str) -> None:
    spec = make_game(config_of(name, "paper").env).spec

    assert (spec.num_actions, spec.max_moves) == PAPER_WORLDS[name]


@pytest.mark.parametrize("name", PAPER)
def test_the_paper_preset_needs_a_gpu_and_plans_for_one_of_80_gb(name: str) -> None:
    config = config_of(name, "paper")

    assert (config.inference.device, config.learner.device) == ("cuda", "cuda")
    assert config.plan.device_memory == "80GB"


def test_the_reanalyze_preset_of_atari_is_the_papers_with_the_numbers_of_its_appendix_h() -> None:
    paper, config = config_of(ATARI, "paper"), config_of(ATARI, "reanalyze")
    changes = differences(paper, config)

    assert changes["reanalyze.fraction"] == (0.0, 0.8)
    assert (changes["training.td_steps"], changes["training.value_loss_weight"]) == ((10, 5), (1.0, 0.25))
    assert (changes["replay.replay_ratio"], config.training.target_network_steps) == ((0.1, 2.0), 1000)
    assert {key.partition(".")[0] for key in changes} == {"training", "replay", "reanalyze"}


def test_the_papers_atari_screens_are_halved_four_times() -> None:
    config = config_of(ATARI, "paper")
    spec = make_game(config.env).spec

    assert num_downsamplings(config.network, spec) == 4
    assert latent_shape(config.network, spec) == (256, 6, 6)
