"""The properties of a batched search that hold for every model and rule."""

import numpy as np
import pytest

from muzero.config import SearchConfig
from muzero.search import BatchedSearch, run_search
from muzero.types import InitialReply, InitialRequest, RecurrentReply, SearchAborted
from tests.muzero.search.table_model import make_spec, observe, random_legal, random_table

ACTIONS, TREES, SIMULATIONS = 12, 10, 40
RULES = pytest.mark.parametrize("rule", ["puct", "gumbel"])


def make_search(rule, num_trees=TREES, num_players=2):
    config = SearchConfig(rule=rule, num_simulations=SIMULATIONS)
    return BatchedSearch(config, num_trees=num_trees, spec=make_spec(ACTIONS, num_players, (-1.0, 1.0)))


def gumbel(seed, num_trees=TREES):
    return np.random.default_rng(seed).gumbel(size=(num_trees, ACTIONS)).astype(np.float32)


def assert_equal_results(first, second):
    for name in ("visit_count", "policy", "root_value", "action", "surprise"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


@RULES
def test_a_tree_gives_the_same_result_alone_or_among_others(rule):
    table, legal, noise = random_table(3, ACTIONS), random_legal(3, TREES, ACTIONS), gumbel(3)
    search, single = make_search(rule), make_search(rule, 1)
    together = run_search(table.serving(search), search.steps(observe(np.arange(TREES)), legal, noise))

    for b in range(TREES):
        row = slice(b, b + 1)
        alone = run_search(table.serving(single), single.steps(observe(np.array([b])), legal[row], noise[row]))

        np.testing.assert_array_equal(alone.visit_count[0], together.visit_count[b])
        np.testing.assert_array_equal(alone.policy[0], together.policy[b])
        assert alone.root_value[0] == together.root_value[b]


@RULES
def test_illegal_actions_are_never_visited_at_the_root_and_never_targets(rule):
    table, search, legal = random_table(4, ACTIONS), make_search(rule), random_legal(4, TREES, ACTIONS)

    result = run_search(table.serving(search), search.steps(observe(np.arange(TREES)), legal, gumbel(4)))

    assert not result.visit_count[~legal].any()
    assert not result.policy[~legal].any()
    assert legal[np.arange(TREES), result.action].all()
    np.testing.assert_array_equal(result.visit_count.sum(axis=1), SIMULATIONS)
    np.testing.assert_allclose(result.policy.sum(axis=1), 1.0, atol=1e-5)


@RULES
def test_actions_below_the_root_are_not_masked(rule):
    table, search = random_table(5, ACTIONS), make_search(rule)
    model, legal = table.serving(search), np.zeros((TREES, ACTIONS), np.bool_)
    legal[:, 7] = True
    steps = search.steps(observe(np.arange(TREES)), legal, None)
    request, deeper = steps.send(None), set()

    with pytest.raises(StopIteration):
        while True:
            is_root = isinstance(request, InitialRequest)
            reply = model.initial_inference(request) if is_root else model.recurrent_inference(request)
            request = steps.send(reply)
            deeper |= set(request.action[request.parent_node > 0].tolist())

    assert len(deeper) > 6


@RULES
def test_an_aborted_search_starts_again_and_finds_the_same(rule):
    table, search, legal = random_table(6, ACTIONS), make_search(rule), random_legal(6, TREES, ACTIONS)
    model, noise = table.serving(search), gumbel(6)
    expected = run_search(model, search.steps(observe(np.arange(TREES)), legal, noise))
    steps = search.steps(observe(np.arange(TREES)), legal, noise)
    reply = model.initial_inference(steps.send(None))
    for _ in range(SIMULATIONS // 2):
        reply = model.recurrent_inference(steps.send(reply))
    again = steps.throw(SearchAborted())
    assert isinstance(again, InitialRequest)

    with pytest.raises(StopIteration) as stop:
        request = steps.send(model.initial_inference(again))
        while True:
            request = steps.send(model.recurrent_inference(request))

    assert_equal_results(stop.value.value, expected)


@RULES
def test_one_search_leaves_nothing_for_the_next(rule):
    table, search, legal = random_table(7, ACTIONS), make_search(rule), random_legal(7, TREES, ACTIONS)
    model = table.serving(search)
    fresh = run_search(model, search.steps(observe(np.arange(TREES)), legal, None))
    run_search(model, search.steps(observe(np.arange(TREES) + 50), ~legal | (legal.all(axis=1, keepdims=True)), gumbel(7)))

    assert_equal_results(run_search(model, search.steps(observe(np.arange(TREES)), legal, None)), fresh)


@RULES
def test_noise_changes_what_is_visited(rule):
    table, search, legal = random_table(8, ACTIONS), make_search(rule), np.ones((TREES, ACTIONS), np.bool_)
    random = np.random.default_rng(8)
    noise = gumbel(8) if rule == "gumbel" else random.dirichlet([0.3] * ACTIONS, TREES).astype(np.float32)

    quiet = run_search(table.serving(search), search.steps(observe(np.arange(TREES)), legal, None))
    noisy = run_search(table.serving(search), search.steps(observe(np.arange(TREES)), legal, noise))

    assert (quiet.visit_count != noisy.visit_count).any(axis=1).sum() > TREES // 2


@RULES
def test_swapping_the_players_colours_changes_nothing(rule):
    """Values are seen by the player to move, so a model that ignores the colour gives both players the same search."""
    table, search, legal = random_table(9, ACTIONS), make_search(rule), random_legal(9, TREES, ACTIONS)
    white, black = observe(np.arange(TREES)), observe(np.arange(TREES))
    black.to_play[:] = 1

    results = [run_search(table.serving(search), search.steps(side, legal, None)) for side in (white, black)]

    assert_equal_results(*results)


@RULES
@pytest.mark.parametrize(("num_players", "best"), [(1, 4), (2, 8)])
def test_a_player_seeks_what_is_good_for_the_one_who_acts(rule, num_players, best):
    """Action 4 leads to a state of value 1, action 8 to one of value -1, seen by whoever moves next; all else is 0."""
    value = np.array([0.0, 1.0, -1.0, 0.0], np.float32)
    next_state = np.full((4, ACTIONS), 3, np.int32)
    next_state[0, 4], next_state[0, 8] = 1, 2
    table = random_table(0, ACTIONS, num_states=4)
    table = type(table)(next_state, 0 * table.reward, value, 0 * table.logits)
    search, legal = make_search(rule, 1, num_players), np.zeros((1, ACTIONS), np.bool_)
    legal[0, [0, 4, 8]] = True

    result = run_search(table.serving(search), search.steps(observe(np.array([0])), legal, None))

    assert result.policy[0].argmax() == best


@RULES
def test_replies_that_are_not_numbers_do_not_break_the_tree(rule):
    search = make_search(rule)
    steps = search.steps(observe(np.arange(TREES)), np.ones((TREES, ACTIONS), np.bool_), None)
    nan, nans = np.full(TREES, np.nan, np.float32), np.full((TREES, ACTIONS), np.nan, np.float32)
    actions = np.tile(np.arange(ACTIONS, dtype=np.int32), (TREES, 1))
    steps.send(None)
    request = steps.send(InitialReply(nan, np.zeros_like(nans), 0))

    with pytest.raises(StopIteration) as stop:
        while True:
            assert (request.parent_node < request.new_node).all()
            request = steps.send(RecurrentReply(nan, nan, nans, actions))

    np.testing.assert_array_equal(stop.value.value.visit_count.sum(axis=1), SIMULATIONS)


@RULES
def test_a_short_search_takes_the_wider_replies_of_a_long_one(rule):
    table, legal, noise = random_table(11, ACTIONS), random_legal(11, TREES, ACTIONS), gumbel(11)
    config, spec = SearchConfig(rule=rule, num_simulations=5), make_spec(ACTIONS, 2, (-1.0, 1.0))
    narrow, wide = (BatchedSearch(config, num_trees=TREES, spec=spec, num_priors=width) for width in (None, ACTIONS))

    results = [run_search(table.serving(search), search.steps(observe(np.arange(TREES)), legal, noise)) for search in (narrow, wide)]

    assert (narrow.num_priors, wide.num_priors) == (5, ACTIONS)
    assert_equal_results(*results)


def test_read_only_replies_are_accepted():
    table, search = random_table(10, ACTIONS), make_search("gumbel")
    model = table.serving(search)
    steps = search.steps(observe(np.arange(TREES)), np.ones((TREES, ACTIONS), np.bool_), None)
    reply = model.initial_inference(steps.send(None))
    reply.value.flags.writeable = reply.policy_logits.flags.writeable = False

    assert steps.send(reply).new_node == 1


def test_wrong_shapes_and_missing_legal_actions_are_refused():
    search, legal = make_search("puct"), np.ones((TREES, ACTIONS), np.bool_)
    steps = search.steps(observe(np.arange(TREES)), legal, None)
    steps.send(None)

    with pytest.raises(ValueError, match=r"policy_logits has shape \(10, 3\)"):
        steps.send(InitialReply(np.zeros(TREES, np.float32), np.zeros((TREES, 3), np.float32), 0))
    with pytest.raises(ValueError, match="without a legal action"):
        next(search.steps(observe(np.arange(TREES)), ~legal, None))
