"""The plan of a run: hand-computed bytes, the verdict and how it is shown."""

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import Result
from rich.console import Console

from engine.config import ActorsConfig, EvaluationConfig, InferenceConfig, RunConfig
from engine.errors import NotEnoughMemory
from engine.plan import MIB, Plan, make_plan, size_text
from launch.plan import plan_of, print_plan
from muzero.config import GameConfig, NetworkConfig, ReplayConfig, SearchConfig
from muzero.types import GameSpec

SPEC = GameSpec(
    name="tictactoe",
    num_players=2,
    num_actions=9,
    frame_shape=(3, 3),
    frame_dtype="int8",
    num_frames=1,
    encoding="board",
    action_shape=(1, 3, 3),
    value_bounds=(-1.0, 1.0),
    max_moves=9,
)
CONFIG = RunConfig(
    game=GameConfig(name="tictactoe"),
    search=SearchConfig(num_simulations=25),
    replay=ReplayConfig(capacity_steps=100_000),
    actors=ActorsConfig(num_actors=64, games_per_actor=16),
)


@pytest.fixture(autouse=True)
def gib_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 32 GiB for the run."""
    monkeypatch.setattr("engine.plan.available_memory_bytes", lambda: 32 * 1024 * MIB)


def planned(**changes: object) -> Plan:
    """The plan of the configuration above with other numbers put into it."""
    return replace(make_plan(CONFIG, SPEC, num_floats=1000), **changes)  # type: ignore[arg-type]


def test_processes_are_actors_server_learner_evaluator_supervisor() -> None:
    plan = planned()

    assert [(role.role, role.num_processes) for role in plan.roles] == [
        ("actor", 64),
        ("server", 1),
        ("learner", 1),
        ("evaluator", 1),
        ("supervisor", 1),
    ]
    assert plan.num_processes == 68


def test_ring_bytes_are_those_of_its_arrays() -> None:
    index_bytes = 25_000 * 7 * 8
    step_bytes = 100_000 * (9 + 1 + 4 + 4 + 4 + 9 * 4 + 9 * 4 + 8)

    assert planned().ring_bytes == pytest.approx(index_bytes + step_bytes, rel=1e-4)


def test_latent_pool_holds_every_node_of_every_tree_and_one_scratch_row() -> None:
    plan = planned()

    assert (plan.num_slots, plan.num_nodes, plan.latent_shape) == (64 * 16 + 32, 26, (128,))
    assert plan.latent_pool_bytes == ((64 * 16 + 32) * 26 + 1) * 128 * 4


def test_latent_pool_is_as_large_as_the_real_one() -> None:
    torch = pytest.importorskip("torch")
    from engine.latents import LatentPool

    plan = planned()
    pool = LatentPool(plan.num_slots, plan.num_nodes, plan.latent_shape, torch.device("cpu"), torch.float32)

    assert plan.latent_pool_bytes == pool.size_bytes


def test_residual_latents_have_the_boards_shape_and_half_the_bytes_in_bfloat16_on_a_gpu() -> None:
    config = RunConfig(
        network=NetworkConfig(kind="residual", num_channels=8),
        search=SearchConfig(num_simulations=1),
        actors=ActorsConfig(num_actors=1, games_per_actor=2),
        evaluation=EvaluationConfig(is_enabled=False),
        inference=InferenceConfig(device="cuda:0", precision="bfloat16"),
    )

    plan = make_plan(config, SPEC, num_floats=None)

    assert plan.latent_shape == (8, 3, 3)
    assert plan.latent_pool_bytes == (2 * 2 + 1) * 72 * 2
    assert not plan.is_pool_on_host and plan.weights_bytes is None


def test_one_process_mode_has_one_process() -> None:
    plan = make_plan(RunConfig(actors=ActorsConfig(num_actors=0)), SPEC, num_floats=1000)

    assert plan.num_processes == 1
    assert (plan.trees_in_flight, plan.expected_batch) == (16, 8)


def test_expected_batch_is_one_group_of_every_actor_up_to_the_limit() -> None:
    assert planned().expected_batch == 64 * 8
    assert make_plan(RunConfig(inference=InferenceConfig(max_batch=5)), SPEC, 10).expected_batch == 5


def test_a_plan_that_fits_passes_the_check() -> None:
    assert planned().fits
    planned().check()


def test_too_large_a_ring_is_refused_with_a_capacity_that_fits() -> None:
    config = RunConfig(replay=ReplayConfig(capacity_steps=2_000_000_000))
    plan = make_plan(config, SPEC, 1000)

    with pytest.raises(NotEnoughMemory, match="--set replay.capacity_steps=") as caught:
        plan.check()

    steps = int(str(caught.value).rpartition("=")[2].rstrip("."))
    assert f"{plan.memory_bytes:,} bytes" in str(caught.value) and f"{plan.usable_bytes:,} bytes" in str(caught.value)
    assert make_plan(RunConfig(replay=ReplayConfig(capacity_steps=steps)), SPEC, 1000).fits
    assert not make_plan(RunConfig(replay=ReplayConfig(capacity_steps=int(1.01 * steps))), SPEC, 1000).fits


def test_too_many_actors_are_refused_with_a_number_that_fits() -> None:
    with pytest.raises(NotEnoughMemory, match=r"--actors \d+\.$") as caught:
        make_plan(RunConfig(actors=ActorsConfig(num_actors=1000)), SPEC, 1000).check()

    actors = int(str(caught.value).rpartition(" ")[2].rstrip("."))
    assert make_plan(RunConfig(actors=ActorsConfig(num_actors=actors)), SPEC, 1000).fits


def test_too_large_a_pool_is_refused_unless_it_lies_on_a_gpu() -> None:
    large = planned(latent_pool_bytes=100 * 1024 * MIB)

    with pytest.raises(NotEnoughMemory, match="--games-per-actor"):
        large.check()
    replace(large, is_pool_on_host=False).check()


def test_the_table_shows_the_verdict_in_plain_text() -> None:
    console = Console(width=100, force_terminal=False)

    with console.capture() as capture:
        print_plan(planned(), console)

    text = capture.get()
    assert "1056 trees x 26 nodes x 128, in memory" in text
    assert "fits: 32.00 GiB available" in text and "\x1b" not in text


def test_sizes_are_shown_in_a_unit_for_people() -> None:
    assert [size_text(size) for size in (2048, 3 * MIB, 5 * 1024 * MIB)] == ["2.0 KiB", "3.0 MiB", "5.00 GiB"]


def test_dry_run_prints_one_json_object(run_launch: Callable[..., Result]) -> None:
    capacity = f"replay.capacity_steps={CONFIG.replay.capacity_steps}"
    result = run_launch("--env", "tictactoe", "--actors", "64", "--set", capacity, "--dry-run", "--json-logs")

    record = json.loads(result.stdout)
    assert (result.exit_code, record["processes"]["actor"], record["fits"]) == (0, 64, True)
    assert record["ring_bytes"] == planned().ring_bytes


def test_dry_run_that_does_not_fit_prints_the_plan_and_exits_3(run_launch: Callable[..., Result]) -> None:
    result = run_launch("--env", "tictactoe", "--set", "replay.capacity_steps=2000000000", "--dry-run")

    assert result.exit_code == 3
    assert "does not fit" in result.stdout and "replay.capacity_steps=" in result.stderr


def test_plan_of_counts_the_real_network() -> None:
    plan = plan_of(RunConfig())

    assert plan.weights_bytes is not None
    assert plan.weights_bytes > 2 * 4 * 9 * 128
