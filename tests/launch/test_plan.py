"""The plan of a run: hand-computed bytes, the verdict and how it is shown."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest
from click.testing import Result
from rich.console import Console

from engine.config import ActorsConfig, EvaluationConfig, InferenceConfig, LearnerConfig, PlanConfig, RunConfig
from engine.errors import NotEnoughMemory
from engine.plan import Plan, make_plan, on_devices, size_text
from engine.private_memory import MIB
from launch.plan import plan_of, plan_record, print_plan
from muzero.config import EnvConfig, NetworkConfig, ReanalyzeConfig, ReplayConfig, SearchConfig, TrainingConfig
from muzero.types import GameSpec

SPEC = GameSpec(
    name="tictactoe",
    num_players=2,
    num_actions=9,
    frame_shape=(3, 3),
    frame_dtype="int8",
    num_frames=1,
    encoding="board",
    board_shape=(3, 3),
    action_shape=(1, 3, 3),
    value_bounds=(-1.0, 1.0),
    max_moves=9,
)
CONFIG = RunConfig(
    env=EnvConfig(name="tictactoe"),
    network=NetworkConfig(kind="mlp"),
    search=SearchConfig(num_simulations=25),
    replay=ReplayConfig(capacity_steps=100_000),
    actors=ActorsConfig(num_actors=64, games_per_actor=16),
)


@pytest.fixture(autouse=True)
def gib_available(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with 32 GiB for the run and no GPU."""
    monkeypatch.setattr("engine.plan.available_memory_bytes", lambda: 32 * 1024 * MIB)
    monkeypatch.setattr("engine.device_parts.GPU_FILES", ())


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


def test_reanalyzers_have_processes_and_trees_of_their_own() -> None:
    config = msgspec.structs.replace(CONFIG, reanalyze=ReanalyzeConfig(fraction=0.8, num_reanalyzers=3, batch_size=64))
    plan, without = make_plan(config, SPEC, num_floats=1000), planned()

    assert ("reanalyzer", 3) in [(role.role, role.num_processes) for role in plan.roles]
    assert plan.num_slots == without.num_slots + 3 * 64
    assert (plan.trees_in_flight, plan.telemetry_bytes > without.telemetry_bytes) == (without.trees_in_flight + 3 * 64, True)


def test_ring_bytes_are_those_of_its_arrays() -> None:
    index_bytes = 25_000 * 7 * 8
    step_bytes = 100_000 * (9 + 1 + 4 + 4 + 4 + 9 * 4 + 9 * 4 + 8 + 4)

    assert planned().ring_bytes == pytest.approx(index_bytes + step_bytes, rel=1e-4)


def test_latent_pool_holds_every_node_of_every_tree_and_one_scratch_row() -> None:
    plan = planned()

    assert (plan.num_slots, plan.num_nodes, plan.latent_shape) == (64 * 16 + 20, 26, (128,))
    assert plan.latent_pool_bytes == ((64 * 16 + 20) * 26 + 1) * 128 * 4


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


def refusal(config: RunConfig, num_floats: int = 1000) -> str:
    """The sentence that refuses a configuration."""
    with pytest.raises(NotEnoughMemory) as caught:
        make_plan(config, SPEC, num_floats).check()
    return str(caught.value)


def test_too_large_a_ring_is_refused_with_the_largest_capacity_that_fits() -> None:
    config = RunConfig(replay=ReplayConfig(capacity_steps=2_000_000_000))
    plan, message = make_plan(config, SPEC, 1000), refusal(config)

    steps = int(message.rpartition("give --set replay.capacity_steps=")[2].rstrip("."))

    assert f"{plan.memory_bytes:,} bytes" in message and f"{plan.usable_bytes:,} bytes" in message
    assert make_plan(RunConfig(replay=ReplayConfig(capacity_steps=steps)), SPEC, 1000).fits
    assert not make_plan(RunConfig(replay=ReplayConfig(capacity_steps=steps + 1000)), SPEC, 1000).fits


def test_too_many_actors_are_refused_with_the_largest_number_that_fits() -> None:
    message = refusal(RunConfig(actors=ActorsConfig(num_actors=1000)))

    actors = int(message.rpartition("give --actors ")[2].rstrip("."))

    assert make_plan(RunConfig(actors=ActorsConfig(num_actors=actors)), SPEC, 1000).fits
    assert not make_plan(RunConfig(actors=ActorsConfig(num_actors=actors + 1)), SPEC, 1000).fits


def test_too_large_a_pool_is_refused_with_games_that_fit_unless_it_lies_on_a_gpu() -> None:
    network, search = NetworkConfig(kind="residual", num_channels=512), SearchConfig(num_simulations=800)
    large = RunConfig(network=network, search=search, actors=ActorsConfig(num_actors=8, games_per_actor=512))

    games = int(refusal(large).rpartition("give --games-per-actor ")[2].rstrip("."))

    assert games % 2 == 0
    fitting = ActorsConfig(num_actors=8, games_per_actor=games)
    assert make_plan(RunConfig(network=network, search=search, actors=fitting), SPEC, 1000).fits
    on_gpu = RunConfig(network=network, search=search, actors=large.actors, inference=InferenceConfig(device="cuda"))
    assert make_plan(on_gpu, SPEC, 1000).fits


def test_too_large_a_batch_on_a_cpu_is_refused_with_a_micro_batch_that_fits() -> None:
    network = NetworkConfig(kind="residual", num_blocks=16, num_channels=256)
    config = RunConfig(network=network, training=TrainingConfig(batch_size=16384))

    micro = int(refusal(config).rpartition("give --set training.micro_batch_size=")[2].rstrip("."))

    training = TrainingConfig(batch_size=16384, micro_batch_size=micro)
    assert make_plan(RunConfig(network=network, training=training), SPEC, 1000).fits


LARGE_RING = "--set replay.capacity_steps=2000000000"
LARGE_POOL = "--set network.kind=residual --set network.num_channels=512 --simulations 800 --actors 8 --games-per-actor 512"


@pytest.mark.parametrize(
    "flags",
    [
        f"{LARGE_RING} --actors 1000",
        f"{LARGE_RING} {LARGE_POOL}",
        f"{LARGE_POOL} --actors 300 --set training.batch_size=65536",
        f"{LARGE_RING} --reanalyzers 100 --set reanalyze.batch_size=32768",
    ],
)
def test_following_the_advice_makes_any_run_fit(run_launch: Callable[..., Result], flags: str) -> None:
    refused = run_launch("--env", "tictactoe", "--device", "cpu", *flags.split(), "--dry-run")
    advice = refused.stderr.rpartition(": give ")[2].strip().rstrip(".")

    followed = run_launch("--env", "tictactoe", "--device", "cpu", *flags.split(), *advice.split(), "--dry-run")

    assert (refused.exit_code, followed.exit_code) == (3, 0)
    assert len(re.findall("--set|--actors|--games", advice)) >= 2


def test_where_nothing_small_enough_fits_no_flag_is_promised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.plan.available_memory_bytes", lambda: 100 * MIB)

    assert "no smaller ring, batch or number of games fits" in refusal(CONFIG)


def test_another_machines_memory_is_planned_for_where_it_is_given() -> None:
    plan = make_plan(RunConfig(plan=PlanConfig(host_memory="6GB"), actors=ActorsConfig(num_actors=64)), SPEC, 1000)

    assert (plan.available_bytes, plan.fits) == (6 * 10**9, False)


def test_this_machines_memory_does_not_refuse_what_is_planned_for_another_gpu() -> None:
    ring = ReplayConfig(capacity_steps=2_000_000_000)

    plan = make_plan(RunConfig(plan=PlanConfig(device_memory="24GB"), replay=ring), SPEC, 1000)

    plan.check()
    assert not plan.is_memory_checked and "plan.host_memory" in plan.notes[0]


def test_a_planned_gpu_does_not_matter_where_everything_is_on_the_cpu() -> None:
    config = RunConfig(
        plan=PlanConfig(device_memory="24GB"),
        inference=InferenceConfig(device="cpu"),
        learner=LearnerConfig(device="cpu"),
        replay=ReplayConfig(capacity_steps=2_000_000_000),
    )

    plan = make_plan(config, SPEC, 1000)

    assert plan.devices == () and plan.notes == ()
    assert plan.is_pool_on_host and plan.is_memory_checked and not plan.fits


def test_a_plan_for_another_machine_says_so() -> None:
    plan = make_plan(RunConfig(plan=PlanConfig(host_memory="512GB")), SPEC, 1000)

    assert plan.fits
    assert plan.notes == (
        "planned for a machine of 512GB (plan.host_memory), not for this one: add --set plan.host_memory=none for this one",
    )


def test_the_papers_preset_on_the_cpu_has_no_gpu_in_its_plan(run_launch: Callable[..., Result]) -> None:
    result = run_launch("--env", "go19", "--preset", "paper", "--actors", "64", "--device", "cpu", "--dry-run", "--json-logs")

    record = json.loads(result.stdout)
    assert record["devices"] == [] and "plan.host_memory" in record["notes"][0]
    assert record["memory_bytes"] > record["latent_pool_bytes"] + record["ring_bytes"]


def test_a_real_run_is_checked_against_this_machine_whatever_was_planned_for() -> None:
    config = RunConfig(plan=PlanConfig(device_memory="80GB", host_memory="512GB"), inference=InferenceConfig(device="auto"))

    found = on_devices(config, "cpu", "cpu")

    assert (found.inference.device, found.learner.device, found.plan) == ("cpu", "cpu", PlanConfig())


def test_a_gpu_that_is_not_here_is_said_to_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    config = RunConfig(inference=InferenceConfig(device="cuda"))

    assert "there is no GPU here" in make_plan(config, SPEC, 1000).notes[0]
    monkeypatch.setattr("engine.device_parts.GPU_FILES", (str(tmp_path),))
    assert make_plan(config, SPEC, 1000).notes == ()


def test_gpus_that_the_run_leaves_idle_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.device_parts.GPU_FILES", (str(tmp_path),))
    one, two = (RunConfig(inference=InferenceConfig(device="cuda", num_servers=servers)) for servers in (1, 2))

    assert make_plan(one, SPEC, 1000, num_gpus=2).notes[0].startswith("of 2 GPUs here the run uses 1: --servers N, with")
    assert make_plan(two, SPEC, 1000, num_gpus=2).notes == make_plan(one, SPEC, 1000, num_gpus=1).notes == ()
    alone = RunConfig(inference=InferenceConfig(device="cuda"), actors=ActorsConfig(num_actors=0))
    assert make_plan(alone, SPEC, 1000, num_gpus=2).notes == ()  # one process uses one


def test_gpus_that_are_not_here_are_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("engine.device_parts.GPU_FILES", (str(tmp_path),))
    config = RunConfig(inference=InferenceConfig(device="cuda:1", num_servers=2))

    assert make_plan(config, SPEC, 1000, num_gpus=2).notes[0].startswith("there are 2 GPUs here, from cuda:0 on, but the run needs cuda:2")
    assert make_plan(config, SPEC, 1000, num_gpus=3).notes == ()


def test_two_servers_are_planned_with_a_pool_each() -> None:
    one, two = (make_plan(RunConfig(inference=InferenceConfig(num_servers=servers)), SPEC, 1000) for servers in (1, 2))

    assert [role.num_processes for role in two.roles if role.role == "server"] == [2]
    assert (two.num_processes, two.num_slots) == (one.num_processes + 1, one.num_slots)
    assert (one.expected_batch, two.expected_batch) == (16, 8)
    assert 0 < two.latent_pool_bytes - one.latent_pool_bytes < 4096  # a scratch row more


def test_the_table_shows_the_verdict_in_plain_text() -> None:
    console = Console(width=100, force_terminal=False)

    with console.capture() as capture:
        print_plan(planned(), console)

    text = capture.get()
    assert "1044 trees x 26 nodes x 128, in memory" in text
    assert "fits: 32.00 GiB available" in text and "\x1b" not in text


@pytest.mark.parametrize(("cores", "words"), [(80, "one for each"), (4, "they take turns, more --actors would hardly be faster")])
def test_the_plan_counts_cores(monkeypatch: pytest.MonkeyPatch, cores: int, words: str) -> None:
    monkeypatch.setattr("os.sched_getaffinity", lambda process: set(range(cores)))
    console = Console(width=160, force_terminal=False)
    with console.capture() as capture:
        print_plan(planned(), console)
    assert f"for 67 that compute: {words}" in capture.get()
    assert plan_record(planned())["cores"] == cores


def test_what_to_know_stands_before_the_verdicts() -> None:
    console = Console(width=120, force_terminal=False)
    with console.capture() as capture:
        print_plan(planned(notes=("there is no GPU here",)), console)
    text = capture.get()
    assert text.index("there is no GPU here") < text.index("fits")


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


def test_the_plan_of_another_gpu_shows_what_it_holds_and_how_many_games_fit() -> None:
    console = Console(width=120, force_terminal=False)
    plan = make_plan(RunConfig(plan=PlanConfig(device_memory="24GB")), SPEC, 1000)

    with console.capture() as capture:
        print_plan(plan, console)

    text = capture.get()
    assert all(part.name in text for part in plan.devices[0].parts)
    assert "On the planned GPU" in text and "(24 GB) on it" in text
    assert f"{plan.devices[0].games_per_actor:,}   the most that fit with 2 actors" in text


def test_the_record_of_a_plan_has_the_gpus() -> None:
    record = plan_record(make_plan(RunConfig(plan=PlanConfig(device_memory="24GB")), SPEC, 1000))

    (device,) = record["devices"]
    assert (device["device"], device["memory_bytes"], device["fits"]) == ("planned GPU", 24 * 10**9, True)
    assert sum(device["parts"].values()) == device["total_bytes"]


def test_a_simulated_device_keeps_no_hidden_states_and_the_plan_says_so() -> None:
    config = msgspec.structs.replace(CONFIG, inference=InferenceConfig(device="simulated:200+35"))
    plan, console = make_plan(config, SPEC, num_floats=1000), Console(record=True, width=120)

    print_plan(plan, console)

    assert plan.latent_pool_bytes == 0
    assert re.search(r"latent pool +0.0 KiB +none, the device is simulated", console.export_text())
