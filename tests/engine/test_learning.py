"""Learning without its process: what is trained, what is published, what is refused, what is restored."""

import numpy as np
import pytest
import torch

from engine.config import RunConfig
from engine.errors import RunFailed
from engine.layout import Gauge, ring_layout_of, weights_layout
from engine.learning import MAX_NON_FINITE_STEPS, Learning, gauges_of, network_size
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.weights import WeightStore
from muzero.game_record import blank_trajectory
from muzero.games import make_game
from muzero.networks.flat_state import flatten_state
from muzero.types import Batch
from tests.engine.run_examples import tiny_config

CONFIG = tiny_config()


class Parts:
    """A learning with its ring and its weights in plain memory."""

    def __init__(self, config: RunConfig = CONFIG) -> None:
        game = make_game(config.env)
        self.weights = WeightStore(Segment.private(weights_layout(network_size(config))))
        ring = Ring(Segment.private(ring_layout_of(config, game.spec)), None)
        for _ in range(4):
            trajectory = blank_trajectory(game.spec, 6, 9)
            trajectory.reward[-1] = 1.0
            trajectory.policy_weight[:, 4] = 1.0
            trajectory.policy_action[:] = np.arange(9)
            ring.append(trajectory)
        self.learning = Learning(config, game, ring, self.weights, torch.device("cpu"))
        self.learning.replay.ingest()
        self.batch: Batch = self.learning.replay.make_batch_buffers()
        assert self.learning.replay.sample(self.batch)

    def published(self) -> np.ndarray:
        out = self.learning.published_values()
        self.weights.read(out)
        return out


def test_training_lowers_the_loss_on_what_it_is_shown() -> None:
    parts = Parts()
    losses = [parts.learning.learn(parts.batch).total_loss for _ in range(60)]
    assert losses[-1] < 0.7 * losses[0]
    assert (parts.learning.steps, parts.learning.samples) == (60, 60 * CONFIG.training.batch_size)


def test_weights_are_published_when_due_with_growing_versions() -> None:
    parts = Parts()
    parts.learning.publish()
    published_at = []
    for _ in range(15):
        parts.learning.learn(parts.batch)
        if parts.learning.publish_if_due():
            published_at.append((parts.learning.steps, parts.weights.version))
    assert published_at == [(7, 2), (14, 3)]


def test_the_version_goes_on_from_what_is_published_already() -> None:
    parts = Parts()
    parts.weights.publish(parts.learning.published_values(), 41)
    parts.learning.publish()
    assert parts.weights.version == 42


def test_the_lag_counts_versions_between_search_and_training() -> None:
    parts = Parts()
    for _ in range(3):
        parts.learning.publish()
    parts.batch.version[:] = 1
    parts.learning.learn(parts.batch)
    assert parts.learning.lag_versions == 2 * CONFIG.training.batch_size


def test_a_step_on_poisoned_data_changes_nothing_and_several_end_the_learner() -> None:
    parts = Parts()
    parts.batch.target_reward[0, 0] = np.nan
    before = {name: array.copy() for name, array in parts.learning.network_state().items()}
    for _ in range(MAX_NON_FINITE_STEPS - 1):
        assert not parts.learning.learn(parts.batch).is_finite
    with pytest.raises(RunFailed, match="not finite 3 times in a row .* lower training.learning_rate"):
        parts.learning.learn(parts.batch)
    assert parts.learning.non_finite_steps == MAX_NON_FINITE_STEPS
    for name, array in parts.learning.network_state().items():
        np.testing.assert_array_equal(array, before[name], err_msg=name)
    parts.learning.publish()
    assert np.isfinite(parts.published()).all()


def test_a_reward_that_is_not_finite_does_not_even_reach_the_ring() -> None:
    spec = make_game(CONFIG.env).spec
    ring, trajectory = Ring(Segment.private(ring_layout_of(CONFIG, spec)), None), blank_trajectory(spec, 6, 9)
    trajectory.reward[2] = np.nan
    with pytest.raises(ValueError, match="reward holds a number that is not finite"):
        ring.append(trajectory)
    assert ring.claimed_trajectories == 0


def test_a_good_step_in_between_is_forgiven() -> None:
    parts, poisoned = Parts(), Parts()
    poisoned.batch.target_value[0, 0] = np.nan
    for _ in range(3):
        for _ in range(MAX_NON_FINITE_STEPS - 1):
            parts.learning.learn(poisoned.batch)
        assert parts.learning.learn(parts.batch).is_finite
    assert parts.learning.non_finite_steps == 3 * (MAX_NON_FINITE_STEPS - 1)


def test_weights_that_are_not_finite_are_never_published() -> None:
    parts = Parts()
    parts.learning.publish()
    good = parts.published()
    with torch.no_grad():
        next(parts.learning.trainer.network.parameters())[0] = torch.nan
    with pytest.raises(ValueError, match="not finite"):
        parts.learning.publish()
    assert parts.weights.version == 1
    np.testing.assert_array_equal(parts.published(), good)


def test_a_restored_learning_goes_on_exactly() -> None:
    parts, restored = Parts(), Parts()
    for _ in range(10):
        parts.learning.learn(parts.batch)
    state = {name: np.copy(value) if isinstance(value, np.ndarray) else value for name, value in parts.learning.state().items()}
    state["trainer"] = {name: np.copy(array) for name, array in state["trainer"].items()}
    restored.learning.load_state(state, {name: np.copy(a) for name, a in parts.learning.network_state().items()}, with_replay=True)
    for _ in range(3):
        parts.learning.replay.sample(parts.batch)
        restored.learning.replay.sample(restored.batch)
        np.testing.assert_array_equal(parts.batch.row, restored.batch.row)
        assert parts.learning.learn(parts.batch).total_loss == restored.learning.learn(restored.batch).total_loss
    for name, array in parts.learning.network_state().items():
        np.testing.assert_array_equal(array, restored.learning.network_state()[name], err_msg=name)


def test_what_is_published_and_saved_is_the_average_and_training_goes_on_from_the_trained_weights() -> None:
    config = tiny_config(training={"ema_decay": 0.9})
    parts, restored = Parts(config), Parts(config)
    for _ in range(7):
        parts.learning.learn(parts.batch)
    assert parts.learning.publish_if_due()
    trained, average = parts.published(), parts.published()
    flatten_state(parts.learning.trainer.network, trained)
    flatten_state(parts.learning.trainer.published_network, average)
    np.testing.assert_array_equal(parts.published(), average)
    assert np.abs(trained - average).max() > 1e-4
    saved = parts.learning.network_state()
    np.testing.assert_array_equal(np.concatenate([array.ravel() for array in saved.values() if array.dtype == np.float32]), average)

    restored.learning.load_state(parts.learning.state(), saved, with_replay=True)

    for name, tensor in parts.learning.trainer.state_dict().items():
        np.testing.assert_array_equal(tensor, restored.learning.trainer.state_dict()[name], err_msg=name)


@pytest.mark.parametrize(("before", "after"), [(0.0, 0.9), (0.9, 0.0)])
def test_the_average_may_be_switched_on_or_off_when_a_run_is_resumed(before: float, after: float) -> None:
    old, new = Parts(tiny_config(training={"ema_decay": before})), Parts(tiny_config(training={"ema_decay": after}))
    for _ in range(5):
        old.learning.learn(old.batch)
    new.learning.load_state(old.learning.state(), old.learning.network_state(), with_replay=True)
    for name, tensor in old.learning.trainer.network.state_dict().items():
        assert torch.equal(tensor, new.learning.trainer.network.state_dict()[name]), name
        assert torch.equal(tensor, new.learning.trainer.published_network.state_dict()[name]), name


def test_the_gradient_is_shown_as_it_was_before_clipping() -> None:
    parts = Parts(tiny_config(training={"max_grad_norm": 1e-3}))
    stats = parts.learning.learn(parts.batch)
    assert gauges_of(stats)[Gauge.GRAD_NORM] == stats.grad_norm > 1e-3
