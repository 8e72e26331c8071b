"""Reanalysis on a ring: which rows are drawn, where fresh targets go, and what happens when they are overwritten meanwhile."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from engine.config import RunConfig
from engine.layout import NO_VERSION, Counter, Gauge, ring_layout, telemetry_layout
from engine.reanalysis import Reanalysis, count_batch
from engine.reanalysis_draw import Chunk, ChunkDraw, mean_value_error
from engine.ring import Ring
from engine.shared_memory import Segment
from engine.telemetry import Telemetry
from muzero.config import ReanalyzeConfig, ReplayConfig, SearchConfig
from muzero.game_record import blank_trajectory
from muzero.search import BatchedSearch, FunctionModel
from muzero.types import HISTORY_ONLY, GameSpec, Trajectory

FEW = SearchConfig(num_simulations=4)
SPEC = GameSpec(name="line", num_players=1, num_actions=3, frame_shape=(1,), num_frames=3, max_moves=40)


def make_ring(steps: int = 200, trajectories: int = 32) -> Ring:
    layout = ring_layout(SPEC, capacity_steps=steps, max_trajectories=trajectories, policy_entries=3, is_reanalyzed=True)
    return Ring(Segment.private(layout), None)


def trajectory(length: int, *, first_move: int = 0, version: int = 1, value: float = 0.0) -> Trajectory:
    """Returns a game that is over after its last row; rows of history come first where it is a later piece."""
    num_history = min(first_move, SPEC.num_frames - 1)
    rows = blank_trajectory(SPEC, num_history + length, 3, 1)
    rows.frame[:, 0] = np.arange(len(rows))
    rows.action[:num_history] = HISTORY_ONLY
    rows.version[:] = version
    rows.root_value[:] = value
    rows.policy_weight[:, 0] = 1.0
    rows.legal_bits[:] = np.packbits(np.array([1, 1, 0], np.bool_))
    return replace(rows, first_move=first_move)


def drawn(ring: Ring, seed: int = 0, num_rows: int = 8, **config: Any) -> list[Chunk]:
    settings = ReanalyzeConfig(**{"fraction": 0.8, "chunk_steps": 4, "batch_size": 8} | config)
    return ChunkDraw(ring, SPEC, settings, td_steps=2, discount=1.0).draw(np.random.default_rng(seed), num_rows)


def test_uniform_drawing_covers_every_searched_row_equally_often_and_no_row_of_history() -> None:
    ring, covered = make_ring(), np.zeros(200)
    for rows in (trajectory(1), trajectory(3), trajectory(12, first_move=5), trajectory(30)):
        ring.append(rows)
    for seed in range(1500):
        for chunk in drawn(ring, seed):
            covered[chunk.rows] += 1
    is_searched = np.arange(200) < 48
    is_searched[4:6] = False  # the history of the third trajectory
    expected = 1500 * 8 / 46
    assert covered[~is_searched].sum() == 0
    assert np.abs(covered[is_searched] - expected).max() < 5 * np.sqrt(expected)


def test_a_batch_is_always_full_of_chunks_inside_their_trajectories() -> None:
    ring = make_ring()
    lengths = {ring.append(trajectory(length)): length for length in (2, 5, 11)}
    for seed in range(50):
        chunks = drawn(ring, seed, num_rows=16)
        assert sum(chunk.length for chunk in chunks) == 16
        assert all(chunk.offset >= 0 and chunk.offset + chunk.length <= lengths[chunk.sequence] for chunk in chunks)
        assert max(chunk.length for chunk in chunks) <= 4


def test_an_empty_ring_gives_nothing() -> None:
    assert drawn(make_ring()) == []


def test_the_oldest_policies_come_first_whether_from_self_play_or_reanalysis() -> None:
    ring = make_ring()
    old, renewed, new = (ring.append(trajectory(8, version=version)) for version in (2, 1, 6))
    policies = np.zeros((8, 3), np.int32), np.ones((8, 3), np.float32) / 3
    assert ring.write_fresh(renewed, 0, *policies, np.zeros(8, np.float32), 7)
    assert {chunk.sequence for seed in range(20) for chunk in drawn(ring, seed, num_rows=4, draw="oldest")} == {old}


def test_chunks_are_drawn_by_the_error_of_their_values() -> None:
    ring = make_ring()
    ring.append(trajectory(8, value=0.0))
    wrong = ring.append(trajectory(8, value=2.0))  # the game is over and earned nothing
    assert {chunk.sequence for seed in range(20) for chunk in drawn(ring, seed, num_rows=4, draw="priority")} == {wrong}


def test_the_value_error_is_that_of_the_newest_values() -> None:
    reward, value = np.array([0, 1, 0], np.float32), np.array([0.5, 0.25, 2.0], np.float32)
    errors = abs(0.5 - (1.0 + 2.0)), abs(0.25 - 1.0)  # n = 2: two rewards and the third value; then the end of the game
    found = mean_value_error(reward, value, np.zeros(3, np.int8), 0, 3, 1, 0, 2, 2, 1.0)
    assert found == pytest.approx(sum(errors) / 2)


def make_reanalysis(ring: Ring, num_trees: int = 8, search: SearchConfig = FEW, **config: Any) -> tuple[Reanalysis, FunctionModel]:
    settings = ReanalyzeConfig(**{"fraction": 0.8, "batch_size": 8, "chunk_steps": 4} | config)
    run = RunConfig(search=search, reanalyze=settings, replay=ReplayConfig())
    trees = BatchedSearch(run.search, num_trees=num_trees, spec=SPEC)
    return Reanalysis(run, SPEC, ring, trees, 0), constant_model(trees, lambda: None)


def constant_model(search: BatchedSearch, before_answer: Any) -> FunctionModel:
    """Returns a model that values everything at 0.5 and does something before it answers for the roots."""
    values, logits = np.full(search.num_trees, 0.5), np.zeros((search.num_trees, SPEC.num_actions))

    def initial(observation: Any) -> Any:
        before_answer()
        return values[:, None], values, logits

    return FunctionModel(
        initial, lambda hidden, action: (hidden, 0 * values, values, logits), num_nodes=search.num_nodes, num_priors=search.num_priors
    )


def test_fresh_targets_stand_beside_the_originals_which_stay() -> None:
    ring = make_ring()
    ring.append(trajectory(20))
    reanalysis, model = make_reanalysis(ring)
    before = {name: ring.arrays[name].copy() for name in ("policy_action", "policy_weight", "root_value", "version")}
    batch = reanalysis.run(model, 0)
    fresh = np.flatnonzero(ring.arrays["fresh_version"][:20] != NO_VERSION)
    assert (batch.num_positions, batch.num_overwritten, batch.num_simulations) == (8, 0, 8 * 4)
    assert 4 <= len(fresh) <= 8
    np.testing.assert_allclose(ring.arrays["fresh_value"][fresh], 0.5)
    np.testing.assert_allclose(ring.arrays["fresh_policy_weight"][fresh].sum(axis=1), 1.0, atol=1e-6)
    np.testing.assert_array_equal(ring.arrays["fresh_policy_weight"][fresh, 2], 0.0)  # illegal, as stored
    assert all(np.array_equal(ring.arrays[name], values) for name, values in before.items())
    assert batch.divergence > 0.3


def test_the_same_batch_number_draws_the_same_rows_another_one_others() -> None:
    rows = []
    for batch_number in (3, 3, 4):
        ring = make_ring()
        ring.append(trajectory(40))
        reanalysis, model = make_reanalysis(ring)
        reanalysis.run(model, batch_number)
        rows.append(ring.arrays["fresh_version"] != NO_VERSION)
    assert np.array_equal(rows[0], rows[1]) and not np.array_equal(rows[0], rows[2])


@pytest.mark.parametrize("rule", ["puct", "gumbel"])
def test_roots_explore_as_in_self_play_where_the_run_wants_it(rule: str) -> None:
    visited = {}
    for has_noise in (True, False):
        for batch_number in (3, 3):
            ring = make_ring()
            ring.append(trajectory(40))
            reanalysis, model = make_reanalysis(ring, search=SearchConfig(rule=rule, num_simulations=16), root_noise=has_noise)
            reanalysis.run(model, batch_number)
            weights = ring.arrays["fresh_policy_weight"][:40][ring.arrays["fresh_version"][:40] != NO_VERSION]
            np.testing.assert_array_equal(visited.setdefault(has_noise, weights), weights)  # a batch is always the same
    assert (visited[False] == visited[False][0]).all()  # nothing tells these positions apart
    assert (visited[True] != visited[True][0]).any() == (rule == "puct")  # the policy of Gumbel search is that of the values


def test_what_is_overwritten_while_it_is_searched_gets_nothing() -> None:
    ring = make_ring(steps=40, trajectories=4)
    ring.append(trajectory(30))
    reanalysis, _ = make_reanalysis(ring)
    search = BatchedSearch(SearchConfig(num_simulations=4), num_trees=8, spec=SPEC)
    batch = reanalysis.run(constant_model(search, lambda: ring.append(trajectory(20))), 0)
    assert (batch.num_positions, batch.num_overwritten) == (0, 8)
    assert (ring.arrays["fresh_version"][:20] == NO_VERSION).all()


def test_a_row_torn_while_it_is_read_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = make_ring()
    ring.append(trajectory(20))
    ring.arrays["legal_bits"][:] = 0  # as a reader may find it
    monkeypatch.setattr(ring, "are_valid", lambda sequences: np.zeros(len(sequences), np.bool_))
    monkeypatch.setattr(ring, "write_fresh", lambda *_: False)
    reanalysis, model = make_reanalysis(ring)
    assert reanalysis.run(model, 0).num_overwritten == 8


def test_batches_are_counted_and_their_divergence_moves_slowly() -> None:
    block = Telemetry(Segment.private(telemetry_layout(1)).arrays).block(0)
    ring = make_ring()
    ring.append(trajectory(20))
    reanalysis, model = make_reanalysis(ring)
    batch = reanalysis.run(model, 0)
    count_batch(block, replace(batch, divergence=1.0))
    count_batch(block, replace(batch, divergence=2.0))
    assert [block.get(counter) for counter in (Counter.BATCHES, Counter.REANALYZED_POSITIONS, Counter.SIMULATIONS)] == [2, 16, 64]
    assert block.gauge(Gauge.POLICY_DIVERGENCE) == pytest.approx(0.9 * 1.0 + 0.1 * 2.0)
