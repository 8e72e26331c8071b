"""Tests of the self-test: it passes where a network can learn and names the head that cannot."""

import msgspec
import numpy as np
import pytest

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.overfit import HEADS, Progress, distinct_positions, overfit_batch, overfit_config
from tests.engine.run_examples import tiny_config
from tests.muzero.networks.network_specs import board_spec, random_batch


def small_test(name: str = "tictactoe", **training: object) -> RunConfig:
    """Returns a run whose batch is learnt in a second."""
    fast = {"batch_size": 16, "learning_rate": 0.01, "unroll_steps": 2, "lr_warmup_steps": 5, **training}
    return tiny_config(steps=400, env={"name": name}, training=fast, network={"hidden_size": 64, "head_size": 64})


@pytest.mark.parametrize("name", ["tictactoe", "cartpole"])
def test_a_batch_is_learnt_by_heart(name: str) -> None:
    reports: list[Progress] = []

    end = overfit_batch(small_test(name), reports.append)

    assert end.unlearnt == []
    assert reports[-1] == end
    assert all(end.share[head] < 0.05 or end.excess[head] < 0.01 for head in HEADS)


@pytest.mark.parametrize("head", HEADS)
def test_a_head_that_is_not_trained_is_named(head: str) -> None:
    config = msgspec.structs.replace(small_test(**{f"{head}_loss_weight": 0.0}), steps=150)

    end = overfit_batch(config, lambda progress: None)

    assert head in end.unlearnt
    assert (end.step, end.share[head]) == (150, pytest.approx(1.0, abs=0.3))
    assert max(end.share[other] for other in HEADS if other != head) < 0.3


def test_an_exploding_loss_is_one_sentence() -> None:
    with pytest.raises(RunFailed, match="loss was not finite at step"):
        overfit_batch(small_test(learning_rate=1e30), lambda progress: None)


def test_of_equal_observations_one_is_kept() -> None:
    batch = random_batch(board_spec(), 6, 2, seed=0)
    batch.to_play[:] = 0
    batch.frames[3] = batch.frames[0]
    batch.frames[4], batch.to_play[4] = batch.frames[1], 1
    np.testing.assert_array_equal(distinct_positions(batch, 10).row, [0, 1, 2, 4, 5])
    np.testing.assert_array_equal(distinct_positions(batch, 2).row, [0, 1])


def test_the_batch_is_neither_turned_nor_decayed_nor_larger_than_needed() -> None:
    config = overfit_config(tiny_config(steps=None, training={"batch_size": 512}))
    assert (config.training.use_symmetries, config.training.weight_decay, config.training.batch_size) == (False, 0.0, 128)
    assert config.last_step == config.training.training_steps == 2000
