"""Tests of the consistency loss: numbers by hand, which pairs count, and where no gradient goes."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from muzero.config import TrainingConfig
from muzero.consistency import consistency_loss
from muzero.networks.consistency_head import ConsistencyHead, make_consistency_head
from muzero.networks.network import MuZeroNetwork, build_network, num_floats
from muzero.networks.shape import consistency_floats, projection_size
from muzero.train_batch import TrainBatch, to_device
from muzero.train_step import Trainer
from tests.muzero.networks.network_specs import MLP, RESIDUAL, board_spec, planes_of, random_full_batch

CPU = torch.device("cpu")


class PositionNetwork:
    """Represents an observation by its first number."""

    def represent_as_served(self, frames: Tensor, to_play: Tensor) -> Tensor:
        """Returns [n, 1]."""
        return frames.flatten(1)[:, :1].float()


class Product(nn.Module):
    """Stands for the head: the product of both states."""

    def forward(self, unrolled: Tensor, observed: Tensor) -> Tensor:
        """Returns [n]."""
        return (unrolled * observed).squeeze(1)


def small_batch(masked: list[list[float]]) -> TrainBatch:
    """Returns two samples of K = 2 whose four next observations begin with 1, 2, 3, 4; their mask is given."""
    batch = random_full_batch(board_spec(), 2, 2, seed=0)
    assert batch.next_frames is not None and batch.next_mask is not None
    batch.next_frames[:, :, 0, 0, 0] = [[1, 2], [3, 4]]
    batch.next_mask[:] = masked
    batch.sample_weight[:] = [1.0, 0.5]
    return to_device(batch, CPU)


def states(*columns: list[float]) -> list[Tensor]:
    """Returns hidden states of one number each, [B, 1] per step."""
    return [torch.tensor(column)[:, None] for column in columns]


def network_of(config: object) -> MuZeroNetwork:
    return build_network(board_spec(), planes_of(board_spec()), config, seed=0)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("masked", "expected"),
    [
        # (10 * 1 + 20 * 2 + 0.5 * (30 * 3 + 40 * 4)) / (B * K)
        ([[1.0, 1.0], [1.0, 1.0]], 175.0 / 4.0),
        # the second sample ends after its first action
        ([[1.0, 1.0], [1.0, 0.0]], 95.0 / 4.0),
        # one pair alone cannot be normalised over the batch
        ([[0.0, 1.0], [0.0, 0.0]], 0.0),
        ([[0.0, 0.0], [0.0, 0.0]], 0.0),
    ],
)
def test_steps_weigh_one_over_k_samples_their_weight_and_masked_ones_nothing(masked: list[list[float]], expected: float) -> None:
    hidden_states = states([7.0, 7.0], [10.0, 30.0], [20.0, 40.0])
    loss = consistency_loss(PositionNetwork(), Product(), hidden_states, small_batch(masked))  # type: ignore[arg-type]
    assert float(loss) == pytest.approx(expected)


def test_the_head_is_minus_the_cosine_of_what_it_predicts() -> None:
    head = ConsistencyHead((2,), 2)
    head.projector, head.predictor = nn.Sequential(), nn.Sequential(nn.Linear(2, 2, bias=False))
    with torch.no_grad():
        head.predictor[0].weight.copy_(2.0 * torch.eye(2))
    loss = head(torch.tensor([[3.0, 4.0], [1.0, 0.0]]), torch.tensor([[4.0, 3.0], [-2.0, 0.0]]))
    assert loss.tolist() == pytest.approx([-24.0 / 25.0, 1.0])


def test_gradient_flows_through_the_unrolled_branch_only() -> None:
    head, (unrolled, observed) = make_consistency_head((6,), 6, seed=1), torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    unrolled.requires_grad_(True)
    observed.requires_grad_(True)
    head(unrolled, observed).sum().backward()
    assert observed.grad is None
    assert unrolled.grad is not None and float(unrolled.grad.abs().sum()) > 0.0
    gradients = [parameter.grad.clone() for parameter in head.parameters() if parameter.grad is not None]

    head.zero_grad()
    constant = head.projector(observed).detach()
    prediction = head.predictor(head.projector(unrolled))
    (-torch.nn.functional.cosine_similarity(prediction, constant, dim=1)).sum().backward()
    for got, parameter in zip(gradients, head.parameters(), strict=True):
        torch.testing.assert_close(got, parameter.grad)


@pytest.mark.parametrize("config", [MLP, RESIDUAL], ids=["mlp", "residual"])
def test_observations_are_represented_as_served_without_a_trace(config: object) -> None:
    network = network_of(config).train()
    batch = to_device(random_full_batch(board_spec(), 4, 3, seed=0), CPU)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    observed = network.represent_as_served(batch.frames, batch.to_play)

    assert not observed.requires_grad and network.representation.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    torch.testing.assert_close(observed, network.eval().represent(batch.frames, batch.to_play))


def test_only_observations_that_count_are_represented() -> None:
    batch = random_full_batch(board_spec(), 4, 3, seed=0)
    chosen = to_device(batch, CPU).next_observations
    assert chosen is not None and batch.next_frames is not None and batch.next_mask is not None
    assert chosen.entry.tolist() == np.flatnonzero(batch.next_mask).tolist() == [0, 3, 4, 5, 6, 9, 10, 11]
    np.testing.assert_array_equal(chosen.frames[1].numpy(), batch.next_frames[1, 0])


@pytest.mark.parametrize(
    ("shape", "wanted", "size"), [((1,), None, 1), ((128,), None, 128), ((7, 3, 5), None, 105), ((64, 6, 7), None, 256), ((128,), 300, 300)]
)
def test_size_of_the_head_follows_from_the_hidden_state_unless_it_is_set(shape: tuple[int, ...], wanted: int | None, size: int) -> None:
    config = TrainingConfig(consistency_loss_weight=1.0, projection_size=wanted)
    assert projection_size(config, shape) == size
    head = make_consistency_head(shape, size, seed=0)
    assert consistency_floats(config, shape) == num_floats(head) == sum(parameter.numel() for parameter in head.parameters())
    assert head.predictor[-1].out_features == size


def test_a_trainer_has_the_head_that_is_asked_for() -> None:
    trainer = Trainer(network_of(MLP), TrainingConfig(consistency_loss_weight=1.0, projection_size=300), CPU)
    assert trainer.state_dict()["consistency.predictor.3.weight"].shape[0] == 300
    assert consistency_floats(TrainingConfig(), (128,)) == 0


def test_the_head_is_drawn_from_its_seed_and_leaves_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    first, same, other = (make_consistency_head((8,), 8, seed).state_dict()["projector.0.weight"] for seed in (3, 3, 4))
    assert torch.equal(first, same) and not torch.equal(first, other)
    assert torch.equal(before, torch.random.get_rng_state())


def test_the_published_network_is_as_large_with_the_loss_as_without() -> None:
    trained = [Trainer(network_of(MLP), TrainingConfig(consistency_loss_weight=weight), CPU) for weight in (0.0, 2.0)]
    assert num_floats(trained[0].published_network) == num_floats(trained[1].published_network)
