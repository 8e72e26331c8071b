"""The core computes what the network by itself does, keeps trees apart, and follows a change of weights."""

import numpy as np
import pytest
import torch

from engine.batch_sizes import largest_batch
from engine.config import RunConfig
from engine.inference_core import InferenceCore, LocalModel
from muzero.games import make_game
from muzero.networks.network import MuZeroNetwork
from muzero.types import InitialRequest, Int64Array, RecurrentReply, RecurrentRequest
from tests.engine.inference_examples import CONFIG, make_core, make_network, random_observation, random_request, values_of
from tests.engine.run_examples import tiny_config

RESIDUAL_PARTS = {"network": {"kind": "residual", "num_blocks": 1, "num_channels": 4}, "actors": {"games_per_actor": 6}}
RESIDUAL = tiny_config(**RESIDUAL_PARTS)
STEPS = [
    RecurrentRequest(np.array(parents, np.int32), np.array(actions, np.int32), node)
    for node, parents, actions in ((1, [0, 0, 0], [0, 4, 8]), (2, [1, 0, 1], [3, 3, 0]), (3, [2, 1, 0], [8, 7, 6]))
]


def unrolled_by_hand(network: MuZeroNetwork, observation_seed: int, num_priors: int) -> list[RecurrentReply]:
    """Returns the answers to STEPS from plain calls of the network, with hidden states kept in a list."""
    observation = random_observation(observation_seed)
    root, *_ = network.initial(torch.from_numpy(observation.frames), torch.from_numpy(observation.to_play))
    states, replies = [root], []
    for request in STEPS:
        parents = torch.stack([states[node][tree] for tree, node in enumerate(request.parent_node)])
        child, reward, value, logits = network.recurrent(parents, torch.from_numpy(request.action).long())
        prior, prior_action = torch.softmax(logits, dim=1).sort(dim=1, descending=True)
        states.append(child)
        scalars = (network.reward_codec.decode(reward).numpy(), network.value_codec.decode(value).numpy())
        replies.append(RecurrentReply(*scalars, prior[:, :num_priors].numpy(), prior_action[:, :num_priors].numpy().astype(np.int32)))
    return replies


@pytest.mark.parametrize("config", [CONFIG, RESIDUAL], ids=["mlp", "residual"])
def test_a_local_model_equals_the_network_unrolled_by_hand(config: RunConfig) -> None:
    network = make_network(config, seed=4)
    core = make_core(config, network)
    model = LocalModel(core, 3, 3)
    observation = random_observation(1)
    reply = model.initial_inference(InitialRequest(observation))
    _, value, logits = network.initial(torch.from_numpy(observation.frames), torch.from_numpy(observation.to_play))
    np.testing.assert_allclose(reply.value, network.value_codec.decode(value).numpy(), atol=1e-5)
    np.testing.assert_allclose(reply.policy_logits, logits.numpy(), atol=1e-5)
    for request, expected in zip(STEPS, unrolled_by_hand(network, 1, core.num_priors), strict=True):
        answer = model.recurrent_inference(request)
        for name in ("reward", "value", "prior", "prior_action"):
            np.testing.assert_allclose(getattr(answer, name), getattr(expected, name), atol=1e-5, err_msg=name)


def test_a_core_in_bfloat16_answers_in_float32_and_nearly_the_same() -> None:
    observation, network = random_observation(1), make_network(RESIDUAL, seed=4)
    rounded = tiny_config(**{**RESIDUAL_PARTS, "inference": {"precision": "bfloat16"}})
    cores = [make_core(config, network) for config in (RESIDUAL, rounded)]
    assert cores[1].network.dtype == torch.bfloat16 and cores[1].pool.read(torch.zeros(1, dtype=torch.int64)).dtype == torch.bfloat16
    exact, near = (LocalModel(core, 3, 3).initial_inference(InitialRequest(observation)) for core in cores)
    np.testing.assert_allclose(near.policy_logits, exact.policy_logits, atol=0.05)
    exact_step, near_step = (LocalModel(core, 3, 3).recurrent_inference(STEPS[0]) for core in cores)
    for name in ("reward", "value", "prior"):
        assert getattr(near_step, name).dtype == np.float32
        np.testing.assert_allclose(getattr(near_step, name), getattr(exact_step, name), atol=0.05, err_msg=name)


def test_searches_in_other_slots_leave_a_tree_alone() -> None:
    core = make_core()
    mine, other = LocalModel(core, 0, 3), LocalModel(core, 3, 3)
    mine.initial_inference(random_request(1))
    other.initial_inference(random_request(2))
    for request in STEPS:
        expected = mine.recurrent_inference(request)
        other.recurrent_inference(request)
        np.testing.assert_array_equal(mine.recurrent_inference(request).value, expected.value)


def recurrent_of_all(core: InferenceCore, slot: Int64Array, new_node: Int64Array) -> RecurrentReply:
    zeros = np.zeros(len(slot), np.int32)
    return core.recurrent(slot, zeros, zeros, new_node)


def test_trees_may_be_at_different_nodes_in_one_batch() -> None:
    core, slots = make_core(), np.arange(3, dtype=np.int64)
    observation = random_observation(1)
    core.initial(slots, observation.frames, observation.to_play)
    together = recurrent_of_all(core, slots, np.array([1, 5, 8], dtype=np.int64))
    one = np.array([1], dtype=np.int64)
    alone = core.recurrent(one, np.array([5], np.int32), np.array([2], np.int32), np.array([6], np.int64))
    core.initial(slots, observation.frames, observation.to_play)
    recurrent_of_all(core, slots, np.array([1, 1, 1], dtype=np.int64))
    again = core.recurrent(one, np.array([1], np.int32), np.array([2], np.int32), np.array([2], np.int64))
    np.testing.assert_allclose(alone.value, again.value, atol=1e-6)
    assert together.value.shape == (3,)


def test_new_weights_change_the_answers_of_the_next_batch_and_old_ones_bring_them_back() -> None:
    core, request = make_core(network=make_network(seed=1)), random_request()
    model = LocalModel(core, 0, 3)
    first = model.initial_inference(request)
    core.load(values_of(make_network(seed=2)), 2)
    second = model.initial_inference(request)
    core.load(values_of(make_network(seed=1)), 3)
    third = model.initial_inference(request)
    assert (first.version, second.version, third.version) == (1, 2, 3)
    assert np.abs(first.policy_logits - second.policy_logits).max() > 1e-3
    np.testing.assert_array_equal(first.policy_logits, third.policy_logits)


def test_the_largest_batch_holds_a_request_above_a_full_one_and_all_trees_of_an_evaluation() -> None:
    config = tiny_config(actors={"games_per_actor": 6, "groups": 2}, inference={"max_batch": 4}, evaluation={"episodes": 1})
    assert largest_batch(config, num_slots=1000, typical_batch=3) == 4 + 3
    assert largest_batch(config, num_slots=5, typical_batch=3) == 5
    assert largest_batch(config, num_slots=32, typical_batch=32) == 32


def test_no_more_priors_are_sent_than_the_search_can_visit() -> None:
    config = tiny_config(search={"num_simulations": 3}, actors={"games_per_actor": 6})
    core = make_core(config)
    model = LocalModel(core, 0, 3)
    model.initial_inference(random_request())
    prior = model.recurrent_inference(STEPS[0]).prior
    assert prior.shape == (3, 3) and make_game(config.env).spec.num_actions == 9
    assert (np.diff(prior, axis=1) <= 0).all()
