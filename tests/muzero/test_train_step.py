"""Tests of the training step: it learns, resumes exactly, and refuses numbers that are not finite."""

from dataclasses import fields, replace
from typing import Any

import msgspec
import numpy as np
import pytest
import torch

from muzero.batch_rows import micro_batches
from muzero.config import NetworkConfig, TrainingConfig
from muzero.networks.network import build_network, flatten_state, num_floats
from muzero.optimizer import learning_rate_at, make_optimizer
from muzero.train_batch import to_device
from muzero.train_step import Trainer
from muzero.types import Batch
from tests.muzero.networks.network_specs import MLP, RESIDUAL, SCALAR, board_spec, planes_of, random_batch, random_full_batch

CPU = torch.device("cpu")
OPTIONS = {"consistency_loss_weight": 2.0, "target_network_steps": 2, "ema_decay": 0.9}
FAST = TrainingConfig(learning_rate=0.005, lr_warmup_steps=0, lr_schedule="constant", weight_decay=0.0)


def trainer_of(config: NetworkConfig, training: TrainingConfig = FAST, *, use_amp: bool = False) -> Trainer:
    """Returns a trainer of a new network for the board game."""
    return Trainer(build_network(board_spec(), planes_of(board_spec()), config, seed=0), training, CPU, use_amp=use_amp)


def weights_of(trainer: Trainer) -> np.ndarray:
    """Returns the flat state of the trained network."""
    values = np.empty(num_floats(trainer.network), np.float32)
    flatten_state(trainer.network, values)
    return values


def small_batch(seed: int = 0) -> Batch:
    """Returns eight samples of five steps."""
    return random_batch(board_spec(), 8, 5, seed)


def full_batch(seed: int = 0) -> Batch:
    """Returns eight samples of five steps with what the options of training look at."""
    return random_full_batch(board_spec(), 8, 5, seed)


def short_batch(seed: int = 0) -> Batch:
    """Returns eight samples of two steps with the same, which compile faster."""
    return random_full_batch(board_spec(), 8, 2, seed)


def sgd_change(**changes: Any) -> tuple[float, np.ndarray]:
    """Returns the gradient norm and the change of the weights of one step of SGD."""
    plain = {"optimizer": "sgd", "learning_rate": 0.1, "lr_warmup_steps": 0, "weight_decay": 0.0, "max_grad_norm": 1e6}
    trainer = trainer_of(MLP, TrainingConfig(**(plain | changes)))
    before = weights_of(trainer)
    return trainer.step(small_batch()).grad_norm, weights_of(trainer) - before


@pytest.mark.parametrize("config", [NetworkConfig(kind="mlp"), SCALAR, RESIDUAL], ids=["mlp", "scalar", "residual"])
def test_one_batch_is_learnt_by_heart(config: NetworkConfig) -> None:
    trainer, batch = trainer_of(config), small_batch()
    first = trainer.step(batch)
    for _ in range(250):
        last = trainer.step(batch)
    assert last.total_loss < 0.03 * first.total_loss
    assert last.priorities.max() < 0.3


@pytest.mark.parametrize("config", [MLP, RESIDUAL], ids=["mlp", "residual"])
def test_bfloat16_learns_a_batch_by_heart_with_weights_in_float32(config: NetworkConfig) -> None:
    trainer, batch = trainer_of(config, use_amp=True), small_batch()
    first = trainer.step(batch)
    for _ in range(250):
        last = trainer.step(batch)
    assert last.total_loss < 0.1 * first.total_loss
    assert {parameter.dtype for parameter in trainer.network.parameters()} == {torch.float32}


@pytest.mark.parametrize("config", [MLP, RESIDUAL], ids=["mlp", "residual"])
def test_a_step_in_bfloat16_goes_where_one_in_float32_goes(config: NetworkConfig) -> None:
    plain, rounded = trainer_of(config), trainer_of(config, use_amp=True)
    losses = [[trainer.step(small_batch(step)).total_loss for step in range(3)][-1] for trainer in (plain, rounded)]
    gradients = [torch.cat([p.grad.flatten() for p in trainer.network.parameters() if p.grad is not None]) for trainer in (plain, rounded)]
    assert losses[0] != losses[1]
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert torch.cosine_similarity(*gradients, dim=0) > 0.98


@pytest.mark.timeout(400)
def test_a_compiled_step_is_the_plain_one_whatever_the_number_of_observations() -> None:
    training = msgspec.structs.replace(FAST, consistency_loss_weight=2.0)
    network = [build_network(board_spec(), planes_of(board_spec()), MLP, seed=0) for _ in range(2)]
    plain, compiled = Trainer(network[0], training, CPU), Trainer(network[1], training, CPU, use_compiler=True)
    before = weights_of(compiled)
    compiled.compile(short_batch())
    np.testing.assert_array_equal(weights_of(compiled), before)
    assert compiled.steps == 0 and all(parameter.grad is None for parameter in compiled.network.parameters())
    with torch.compiler.set_stance("fail_on_recompile"):
        for step in range(3):
            batch = short_batch(step)
            assert batch.next_mask is not None
            batch.next_mask[step] = 0.0
            expected, stats = plain.step(batch), compiled.step(batch)
            for name in ("total_loss", "consistency_loss", "grad_norm"):
                assert getattr(stats, name) == pytest.approx(getattr(expected, name), rel=1e-3, abs=1e-3), name
    assert np.abs(weights_of(compiled) - weights_of(plain)).mean() < 1e-4  # Adam turns a rounded gradient near zero into a whole step


@pytest.mark.parametrize("size", [1, 2, 4])
def test_without_batch_norm_micro_batches_give_the_step_of_the_whole_batch(size: int) -> None:
    training = TrainingConfig(optimizer="sgd", lr_warmup_steps=0, max_grad_norm=0.5, micro_batch_size=size)
    whole, parted = trainer_of(MLP, msgspec.structs.replace(training, micro_batch_size=None)), trainer_of(MLP, training)
    for step in range(3):
        expected, stats = whole.step(small_batch(step)), parted.step(small_batch(step))
        for name in ("total_loss", "value_loss", "reward_loss", "policy_loss", "grad_norm"):
            assert getattr(stats, name) == pytest.approx(getattr(expected, name), rel=1e-4), name
        np.testing.assert_allclose(stats.priorities, expected.priorities, atol=1e-5)
    np.testing.assert_allclose(weights_of(parted), weights_of(whole), atol=1e-5)


def test_no_more_than_a_micro_batch_goes_through_the_network_at_once() -> None:
    trainer = trainer_of(RESIDUAL, TrainingConfig(micro_batch_size=2))
    seen: list[int] = []
    trainer.network.encoder.register_forward_pre_hook(lambda encoder, inputs: seen.append(len(inputs[0])))
    assert trainer.step(small_batch()).is_finite
    assert seen == [2, 2, 2, 2]


def test_a_last_micro_batch_may_be_shorter() -> None:
    parts = list(micro_batches(small_batch(), 3))
    assert [len(part.action) for part in parts] == [3, 3, 2]
    np.testing.assert_array_equal(np.concatenate([part.frames for part in parts]), small_batch().frames)
    assert len(list(micro_batches(small_batch(), None))) == 1


@pytest.mark.parametrize("options", [{}, OPTIONS], ids=["plain", "options"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_resumed_training_is_bit_for_bit_the_same(optimizer: str, options: dict[str, Any]) -> None:
    training = TrainingConfig(optimizer=optimizer, learning_rate=0.01, **options)  # type: ignore[arg-type]
    straight, first, second = (trainer_of(RESIDUAL, training) for _ in range(3))
    for step in range(6):
        straight.step(full_batch(step))
    for step in range(3):
        first.step(full_batch(step))
    saved = {name: torch.from_numpy(np.array(tensor.numpy(), order="C")) for name, tensor in first.state_dict().items()}
    second.load_state_dict(saved)  # in the one layout that files have
    for step in range(3, 6):
        second.step(full_batch(step))
    assert second.steps == 6
    for name, tensor in straight.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name]), name


def test_options_that_are_off_leave_no_trace() -> None:
    plain, given = trainer_of(RESIDUAL), trainer_of(RESIDUAL)
    for step in range(3):
        without = {field.name: None for field in fields(Batch) if field.name.startswith(("next_", "bootstrap_"))}
        assert plain.step(replace(full_batch(step), **without)).total_loss == given.step(full_batch(step)).total_loss
    assert {name.split(".")[0] for name in given.state_dict()} == {"network", "optimizer", "steps"}
    np.testing.assert_array_equal(weights_of(plain), weights_of(given))


def test_what_only_watches_training_does_not_change_it() -> None:
    plain, watched = trainer_of(RESIDUAL), trainer_of(RESIDUAL, msgspec.structs.replace(FAST, target_network_steps=2, ema_decay=0.99))
    for step in range(5):
        batch = full_batch(step)
        batch.bootstrap_factor[:] = 0.0  # type: ignore[index]
        assert plain.step(batch).total_loss == watched.step(batch).total_loss
    np.testing.assert_array_equal(weights_of(plain), weights_of(watched))


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_options_may_be_switched_when_training_is_resumed(optimizer: str) -> None:
    plain = msgspec.structs.replace(FAST, optimizer=optimizer)
    rich = msgspec.structs.replace(plain, **OPTIONS)
    for before, after in ((plain, rich), (rich, plain)):
        old, new = trainer_of(RESIDUAL, before), trainer_of(RESIDUAL, after)
        for step in range(3):
            old.step(full_batch(step))
        new.load_state_dict({name: tensor.clone() for name, tensor in old.state_dict().items()})
        np.testing.assert_array_equal(weights_of(new), weights_of(old))
        assert set(new.state_dict()) >= {name for name in old.state_dict() if name.startswith("network.")}
        assert new.step(full_batch(3)).is_finite


def test_the_target_network_is_refreshed_when_due() -> None:
    trainer = trainer_of(MLP, msgspec.structs.replace(FAST, target_network_steps=3))
    is_fresh = []
    for step in range(7):
        trainer.step(full_batch(step))
        state = trainer.state_dict()
        is_fresh.append(torch.equal(state["target.heads.policy.bias"], state["network.heads.policy.bias"]))
    assert is_fresh == [False, False, True, False, False, True, False]


def test_priorities_are_measured_against_the_bootstrapped_target() -> None:
    batch = full_batch()
    bootstrapped = trainer_of(SCALAR, msgspec.structs.replace(FAST, target_network_steps=9))
    with torch.no_grad():
        bootstrapped._target.network.heads.value.bias.fill_(100.0)  # type: ignore[union-attr] # squashed: its value is 1 everywhere
    priorities = bootstrapped.step(batch).priorities
    np.testing.assert_allclose(priorities, np.abs(batch.target_value[:, 0] + batch.bootstrap_factor[:, 0]))  # type: ignore[index]


def test_the_first_average_is_nine_tenths_of_the_new_weights() -> None:
    trainer = trainer_of(MLP, msgspec.structs.replace(FAST, ema_decay=0.99))
    before = weights_of(trainer)
    trainer.step(small_batch())
    values = np.empty_like(before)
    flatten_state(trainer.published_network, values)
    np.testing.assert_allclose(values, 0.1 * before + 0.9 * weights_of(trainer), atol=1e-7)


def test_the_consistency_loss_is_learnt_and_part_of_the_total() -> None:
    trainer, batch = trainer_of(RESIDUAL, msgspec.structs.replace(FAST, consistency_loss_weight=2.0)), full_batch()
    first = trainer.step(batch)
    parts = 0.25 * first.value_loss + first.reward_loss + first.policy_loss + 2.0 * first.consistency_loss
    assert first.total_loss == pytest.approx(parts, rel=1e-5)
    for _ in range(40):
        last = trainer.step(batch)
    lowest = -float(batch.policy_mask[:, 1:].mean())  # every pair that counts points the same way
    assert lowest <= last.consistency_loss < 0.6 * lowest < first.consistency_loss


@pytest.mark.parametrize("size", [None, 2])
@pytest.mark.parametrize(("config", "options"), [(MLP, {}), (RESIDUAL, {}), (RESIDUAL, OPTIONS)], ids=["mlp", "residual", "options"])
def test_a_batch_that_is_not_finite_changes_nothing(config: NetworkConfig, options: dict[str, Any], size: int | None) -> None:
    trainer = trainer_of(config, msgspec.structs.replace(FAST, micro_batch_size=size, **options))
    trainer.step(full_batch())
    trainer.step(full_batch())
    before = {name: tensor.clone() for name, tensor in trainer.state_dict().items()}
    batch = full_batch(1)
    batch.target_value[3, 1] = np.nan

    stats = trainer.step(batch)

    assert not stats.is_finite
    for name, tensor in trainer.state_dict().items():
        assert name == "steps" or torch.equal(tensor, before[name]), name
    assert trainer.step(full_batch(2)).is_finite


def test_gradients_are_clipped_to_the_configured_norm() -> None:
    training = TrainingConfig(max_grad_norm=0.01)
    trainer = trainer_of(MLP, training)
    stats = trainer.step(small_batch())
    norms = [float(p.grad.norm()) for p in trainer.network.parameters() if p.grad is not None]
    assert stats.grad_norm > 0.01
    assert np.linalg.norm(norms) == pytest.approx(0.01, rel=1e-3)


def test_clipping_halves_a_gradient_twice_as_long_as_allowed_and_shows_its_length_before() -> None:
    grad_norm, change = sgd_change()
    clipped_norm, clipped = sgd_change(max_grad_norm=0.5 * grad_norm)
    assert clipped_norm == grad_norm
    assert np.linalg.norm(change) == pytest.approx(0.1 * grad_norm, rel=1e-4)
    np.testing.assert_allclose(clipped, 0.5 * change, atol=1e-6)


def test_the_first_of_four_warm_up_steps_goes_a_quarter_of_the_way() -> None:
    np.testing.assert_allclose(sgd_change(lr_warmup_steps=4)[1], 0.25 * sgd_change()[1], atol=1e-6)


def test_only_weights_of_layers_decay() -> None:
    network = build_network(board_spec(), planes_of(board_spec()), RESIDUAL, seed=0)
    decayed, kept = make_optimizer(network, TrainingConfig(weight_decay=0.1)).param_groups
    assert decayed["weight_decay"] == 0.1 and kept["weight_decay"] == 0.0
    assert {p.dim() for p in decayed["params"]} == {2, 4} and {p.dim() for p in kept["params"]} == {1}
    assert len(decayed["params"]) + len(kept["params"]) == len(list(network.parameters()))


@pytest.mark.parametrize(
    ("schedule", "step", "expected"),
    [
        ("constant", 0, 0.025),
        ("constant", 1, 0.05),
        ("constant", 900, 0.1),
        ("exponential", 500, 0.01),
        ("exponential", 1000, 0.001),
        ("cosine", 500, 0.05),
        ("cosine", 1000, 0.0),
        ("cosine", 2000, 0.0),
    ],
)
def test_learning_rate_follows_the_schedule(schedule: str, step: int, expected: float) -> None:
    config = TrainingConfig(
        learning_rate=0.1,
        lr_schedule=schedule,  # type: ignore[arg-type]
        lr_warmup_steps=4,
        lr_decay_steps=500,
        training_steps=1000,
    )
    assert learning_rate_at(step, config) == pytest.approx(expected)


def test_indices_become_int64_and_frames_keep_their_dtype() -> None:
    batch = to_device(small_batch(), CPU)
    assert batch.action.dtype == batch.policy_action.dtype == torch.int64
    assert batch.frames.dtype == batch.to_play.dtype == torch.int8
