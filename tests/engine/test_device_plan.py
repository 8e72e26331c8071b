"""What a GPU holds: hand-computed bytes, what fits, and advice that really helps."""

import re
from dataclasses import replace

import msgspec
import pytest

from engine.config import ActorsConfig, EvaluationConfig, InferenceConfig, LearnerConfig, PlanConfig, RunConfig
from engine.device_parts import Placement, device_parts, placements_of, pool_bytes
from engine.device_plan import DevicePlan, plan_devices
from engine.fitting import largest, with_actors
from muzero.config import NetworkConfig, ReanalyzeConfig, SearchConfig, TrainingConfig
from muzero.types import GameSpec

GO19 = GameSpec(
    name="go19",
    num_players=2,
    num_actions=362,
    frame_shape=(19, 19),
    frame_dtype="int8",
    num_frames=8,
    encoding="board",
    board_shape=(19, 19),
    action_shape=(1, 19, 19),
    max_moves=722,
)
NUM_FLOATS = 40_000_000
PAPER = RunConfig(
    network=NetworkConfig(kind="residual", num_blocks=16, num_channels=256, head_size=256, value_head="scalar"),
    search=SearchConfig(rule="puct", num_simulations=800),
    training=TrainingConfig(batch_size=2048, optimizer="sgd"),
    inference=InferenceConfig(device="cuda", precision="bfloat16"),
    learner=LearnerConfig(device="cuda"),
    actors=ActorsConfig(num_actors=64, games_per_actor=16),
)


def planned(config: RunConfig, memory: str = "80GB") -> DevicePlan:
    config = msgspec.structs.replace(config, plan=PlanConfig(device_memory=memory))
    (placement,) = placements_of(config)
    (plan,) = plan_devices(config, GO19, NUM_FLOATS, (placement,), None)
    return plan


def with_advice(config: RunConfig, advice: str) -> RunConfig:
    """The configuration as a user changes it who does what a plan says."""
    numbers = {name: int(number) for name, number in re.findall(r"(micro_batch_size|--actors|--games-per-actor)[= ](\d+)", advice)}
    actors = ActorsConfig(
        num_actors=numbers.get("--actors", config.actors.num_actors),
        games_per_actor=numbers.get("--games-per-actor", config.actors.games_per_actor),
    )
    micro = numbers.get("micro_batch_size", config.training.micro_batch_size)
    training = msgspec.structs.replace(config.training, micro_batch_size=micro)
    return msgspec.structs.replace(config, actors=actors, training=training)


def test_pool_and_weights_by_hand() -> None:
    parts = {part.name: part.size_bytes for part in device_parts(PAPER, GO19, NUM_FLOATS, Placement("cuda:0", 0, True))}

    assert parts["latent pool"] == ((64 * 16 + 20) * 801 + 1) * 256 * 361 * 2
    assert parts["serving weights"] == (4 + 2) * (NUM_FLOATS + 362 * 361)
    assert parts["learner's weights"] == (3 * 4 + 2) * NUM_FLOATS + 4 * 362 * 361
    # 413 maps of 256 x 361 numbers a sample: 69 in each of 5 applications of g, 68 in h
    assert parts["learner's activations"] == pytest.approx(2048 * 413 * 256 * 361 * 2, rel=0.02)


def test_adamw_keeps_one_vector_more_than_sgd() -> None:
    adamw = msgspec.structs.replace(PAPER, training=TrainingConfig(batch_size=2048, optimizer="adamw"))
    sizes = [device_parts(config, GO19, NUM_FLOATS, Placement("cuda:0", None, True))[0].size_bytes for config in (PAPER, adamw)]

    assert sizes[1] - sizes[0] == 4 * NUM_FLOATS


def test_target_network_average_and_observations_are_counted() -> None:
    options = TrainingConfig(batch_size=64, unroll_steps=5, target_network_steps=100, ema_decay=0.99, consistency_loss_weight=2.0)
    plain, rich = (msgspec.structs.replace(PAPER, training=training) for training in (TrainingConfig(batch_size=64), options))
    before, after = (
        {part.name: part for part in device_parts(config, GO19, NUM_FLOATS, Placement("cuda:0", None, True))} for config in (plain, rich)
    )

    head = 256 * 361 * 256 + 2 * 256 * 256 + 6 * 256 + 2 * 256 * 128 + 2 * 128 + 256
    assert after["learner's weights"].size_bytes - before["learner's weights"].size_bytes == 4 * (2 * NUM_FLOATS + 4 * head)
    assert after["learner's weights"].reason.endswith("a bfloat16 copy, target network, moving average, consistency head")
    assert "learner's observations" not in before
    assert after["learner's observations"].size_bytes == 2 * 64 * (5 + 6) * 8 * 361


@pytest.mark.parametrize("memory", ["24GB", "80GB", "192GB"])
def test_the_papers_network_does_not_fit_but_does_with_the_advice_given(memory: str) -> None:
    plan = planned(PAPER, memory)

    assert not plan.fits and "training.micro_batch_size=" in plan.remedy
    assert planned(with_advice(PAPER, plan.remedy), memory).fits


def test_one_device_of_80_gb_is_advised_micro_batches_and_fewer_games() -> None:
    assert planned(PAPER).remedy == "give --set training.micro_batch_size=128 --games-per-actor 4"


def test_only_a_smaller_micro_batch_is_advised_where_that_is_enough() -> None:
    few_games = msgspec.structs.replace(PAPER, actors=ActorsConfig(num_actors=64, games_per_actor=2))

    assert planned(few_games).remedy == "give --set training.micro_batch_size=512"


def test_games_per_actor_are_the_most_that_fit() -> None:
    config = with_advice(PAPER, "micro_batch_size=64")
    games = planned(config).games_per_actor
    assert games is not None and games % 2 == 0

    assert planned(with_advice(config, f"--games-per-actor {games}")).fits
    assert not planned(with_advice(config, f"--games-per-actor {games + 2}")).fits


def test_no_advice_helps_a_device_that_cannot_even_hold_the_evaluators_trees() -> None:
    plan = planned(PAPER, "4GB")

    assert (plan.games_per_actor, plan.remedy[:25]) == (0, "give fewer --simulations,")


@pytest.mark.parametrize(
    ("inference", "learner", "placements"),
    [
        ("cpu", "cpu", ()),
        ("cpu", "cuda", (Placement("planned GPU", None, True),)),
        ("auto", "cpu", (Placement("planned GPU", 0, False),)),
        ("auto", "auto", (Placement("planned GPU", 0, True),)),
    ],
)
def test_the_planned_gpu_holds_only_what_is_not_on_the_cpu(inference: str, learner: str, placements: tuple[Placement, ...]) -> None:
    plan = PlanConfig(device_memory="80GB")
    config = RunConfig(inference=InferenceConfig(device=inference), learner=LearnerConfig(device=learner), plan=plan)

    assert placements_of(config) == placements


def test_learner_and_server_may_have_a_gpu_each() -> None:
    config = msgspec.structs.replace(PAPER, learner=LearnerConfig(device="cuda:1"))

    assert placements_of(config) == (Placement("cuda:0", 0, False), Placement("cuda:1", None, True))


@pytest.mark.parametrize(
    ("inference", "learner", "placements"),
    [
        ("cuda", "cuda", (Placement("cuda:0", 0, True), Placement("cuda:1", 1, False))),
        ("cuda:1", "cuda:0", (Placement("cuda:0", None, True), Placement("cuda:1", 0, False), Placement("cuda:2", 1, False))),
        ("cuda:1", "cuda:2", (Placement("cuda:1", 0, False), Placement("cuda:2", 1, True))),
        ("simulated:200+35", "cpu", ()),
    ],
)
def test_each_server_has_a_gpu_in_order_from_the_one_that_is_named(inference: str, learner: str, placements: tuple[Placement, ...]) -> None:
    devices = {"inference": InferenceConfig(device=inference, num_servers=2), "learner": LearnerConfig(device=learner)}

    assert placements_of(RunConfig(**devices)) == placements  # type: ignore[arg-type]
    if placements:
        planned = placements_of(RunConfig(**devices, plan=PlanConfig(device_memory="80GB")))  # type: ignore[arg-type]
        assert planned == tuple(replace(placement, name=f"planned {placement.name}") for placement in placements)


def test_two_servers_share_the_trees_and_so_the_pool() -> None:
    two = msgspec.structs.replace(PAPER, inference=msgspec.structs.replace(PAPER.inference, num_servers=2))
    one_pool, *two_pools = (pool_bytes(config, GO19, 2, server) for config, server in ((PAPER, 0), (two, 0), (two, 1)))

    assert abs(sum(two_pools) - one_pool) * 1000 < one_pool  # each has its scratch row
    assert max(two_pools) < 0.6 * one_pool


@pytest.mark.parametrize("gigabytes", [24, 30, 40, 60])
@pytest.mark.parametrize("num_actors", [6, 7, 64])
def test_what_is_advised_makes_all_gpus_hold_the_run(gigabytes: int, num_actors: int) -> None:
    reanalyze = ReanalyzeConfig(fraction=0.8, num_reanalyzers=1)
    config = msgspec.structs.replace(
        with_actors(PAPER, num_actors, 8),
        inference=InferenceConfig(device="cuda", num_servers=2),
        learner=LearnerConfig(device="cpu"),
        reanalyze=reanalyze,
        plan=PlanConfig(device_memory=f"{gigabytes}GB"),
    )
    plans = plan_devices(config, GO19, NUM_FLOATS, placements_of(config), None)
    (remedy,) = {plan.remedy for plan in plans}

    assert len(plans) == 2
    if remedy and not remedy.startswith("give fewer --simulations"):
        advised = with_advice(config, remedy)
        assert all(plan.fits for plan in plan_devices(advised, GO19, NUM_FLOATS, placements_of(advised), None))
    assert all(plan.fits for plan in plans) == (remedy == "")


def test_a_gpu_of_the_learner_alone_is_advised_a_micro_batch() -> None:
    (plan,) = plan_devices(PAPER, GO19, NUM_FLOATS, (Placement("cuda:1", None, True),), 80 * 10**9)

    assert plan.games_per_actor is None
    assert plan.remedy == "give --set training.micro_batch_size=512"


def test_auto_is_a_gpu_only_where_there_is_one(monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    config = RunConfig(evaluation=EvaluationConfig(is_enabled=False))

    monkeypatch.setattr("engine.device_parts.GPU_FILES", ())
    assert placements_of(config) == ()
    monkeypatch.setattr("engine.device_parts.GPU_FILES", (str(tmp_path),))
    assert placements_of(config) == (Placement("cuda:0", 0, True),)


def test_a_gpu_of_unknown_memory_is_shown_but_not_checked() -> None:
    (plan,) = plan_devices(PAPER, GO19, NUM_FLOATS, (Placement("cuda:0", 0, True),), None)

    assert plan.fits and plan.games_per_actor is None and plan.total_bytes > 300 * 10**9


def test_the_largest_candidate_that_fits_is_found() -> None:
    assert largest(range(2, 100, 2), lambda number: number < 51) == 50
    assert (largest([1, 2, 4], lambda number: True), largest([1, 2, 4], lambda number: False)) == (4, 0)


def test_a_simulated_device_takes_no_memory_of_a_gpu_and_keeps_no_hidden_states() -> None:
    simulated = msgspec.structs.replace(PAPER, inference=InferenceConfig(device="simulated:200+35"), plan=PlanConfig(device_memory="80GB"))
    (placement,) = placements_of(simulated)
    assert (placement.has_server, placement.has_learner) == (False, True)
    assert pool_bytes(simulated, GO19, 4, 0) == 0
    assert pool_bytes(PAPER, GO19, 2, 0) > 0
