"""Which samples of a batch have fresh policies, what they hold, and what happens where too few are fresh."""

import numpy as np
import pytest

from engine.fresh_drawing import draw_fresh_rows, is_fresh_window
from engine.layout import NO_VERSION
from engine.replay import Replay
from engine.ring import Ring
from muzero.config import ReanalyzeConfig, ReplayConfig, TrainingConfig
from muzero.randomness import Purpose, generator
from tests.engine.ring_examples import SPEC, append, make_ring, write_fresh

TRAINING = TrainingConfig(batch_size=32, unroll_steps=2, td_steps=1)
PAPER = ReanalyzeConfig(fraction=0.8, max_policy_age=10)
ALL = ReanalyzeConfig(fraction=1.0, max_policy_age=10)


def make_replay(ring: Ring, reanalyze: ReanalyzeConfig = PAPER, config: ReplayConfig | None = None) -> Replay:
    """Returns a replay that has taken in what the ring holds."""
    rng = generator(1, Purpose.REPLAY)
    replay = Replay(ring, SPEC, config or ReplayConfig(min_steps=1), TRAINING, 1.0, rng, reanalyze=reanalyze)
    replay.ingest()
    return replay


def ring_of(games: int, length: int = 8) -> Ring:
    ring = make_ring(steps=400, trajectories=64, is_reanalyzed=True)
    for game in range(games):
        append(ring, game, length)
    return ring


def test_the_share_of_fresh_samples_is_the_one_that_is_set() -> None:
    ring = ring_of(40)
    for sequence in range(4):
        write_fresh(ring, sequence, 0, 8, version=3)
    replay = make_replay(ring)
    batch, num_fresh = replay.make_batch_buffers(), 0
    for _ in range(1000):
        assert replay.sample(batch)
        num_fresh += int(batch.is_fresh.sum())
    assert abs(num_fresh / 32_000 - 0.8) < 0.02


def test_fresh_samples_hold_fresh_policies_and_the_others_the_originals() -> None:
    ring = ring_of(4)
    for sequence in (1, 3):
        write_fresh(ring, sequence, 0, 8, version=5)
    replay = make_replay(ring)
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    for sample in range(32):
        row, num_stored = int(batch.row[sample]), min(3, 8 - int(batch.row[sample]) % 8)
        fresh, rows = bool(batch.is_fresh[sample]), slice(row, row + num_stored)
        prefix, version = ("fresh_", "fresh_version") if fresh else ("", "version")
        assert not fresh or row // 8 in (1, 3)
        for name in ("policy_action", "policy_weight"):
            np.testing.assert_array_equal(getattr(batch, name)[sample, :num_stored], ring.arrays[prefix + name][rows])
            assert not getattr(batch, name)[sample, num_stored:].any()
        np.testing.assert_array_equal(batch.policy_version[sample, :num_stored], ring.arrays[version][rows])
        assert (batch.policy_version[sample, num_stored:] == ring.arrays[version][row]).all()
        assert batch.policy_mask[sample].tolist() == [1.0] * num_stored + [0.0] * (3 - num_stored)
    assert set(batch.is_fresh.tolist()) == {False, True}


def test_every_stored_position_of_the_unroll_must_be_fresh() -> None:
    ring = ring_of(1)
    write_fresh(ring, 0, 0, 4, version=5)
    write_fresh(ring, 0, 5, 3, version=5)  # row 4 is not
    replay = make_replay(ring, ALL)
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    assert set(batch.row.tolist()) == {0, 1, 5, 6, 7}


def test_rows_at_an_end_ask_for_as_many_fresh_rows_as_others() -> None:
    ring = ring_of(2)
    write_fresh(ring, 0, 6, 2, version=5)  # the end of the unroll of the last two rows, but only two of three rows
    write_fresh(ring, 1, 5, 3, version=5)
    replay = make_replay(ring, ALL)
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    assert set(batch.row.tolist()) == {13, 14, 15}


def test_without_fresh_policies_nothing_is_drawn_and_said_so() -> None:
    ring = ring_of(4)
    replay = make_replay(ring)
    batch = replay.make_batch_buffers()
    assert not replay.sample(batch)
    assert replay.is_starved_of_fresh
    write_fresh(ring, 2, 0, 8, version=0)
    assert replay.sample(batch)
    assert not replay.is_starved_of_fresh


def test_policies_that_are_too_old_are_not_fresh() -> None:
    ring = ring_of(4)
    write_fresh(ring, 2, 0, 8, version=5)
    replay = make_replay(ring)
    batch = replay.make_batch_buffers()
    replay.newest_version = 15
    assert replay.sample(batch)
    replay.newest_version = 16
    assert not replay.sample(batch)
    assert replay.is_starved_of_fresh


def test_few_fresh_rows_among_many_are_found() -> None:
    ring = make_ring(steps=4000, trajectories=600, is_reanalyzed=True)
    for game in range(500):
        append(ring, game, 8)
    write_fresh(ring, 250, 0, 8, version=0)
    write_fresh(ring, 400, 0, 8, version=0)  # 16 of 4,000 rows
    replay = make_replay(ring)
    batch = replay.make_batch_buffers()
    assert sum(replay.sample(batch) for _ in range(20)) >= 17


def test_fresh_rows_are_drawn_in_proportion_to_their_priorities() -> None:
    ring = ring_of(3)
    write_fresh(ring, 1, 0, 8, version=0)
    replay = make_replay(ring, ALL, ReplayConfig(min_steps=1, is_prioritized=True))
    replay.update_priorities(np.arange(24), np.where(np.arange(24) == 8, 3.0, 1.0).astype(np.float32))
    batch, first = replay.make_batch_buffers(), 0
    for _ in range(200):
        assert replay.sample(batch)
        first += int((batch.row == 8).sum())
    assert abs(first / 6400 - 0.3) < 0.02


def test_without_reanalysis_no_sample_is_fresh() -> None:
    replay = make_replay(ring_of(4), ReanalyzeConfig())
    batch = replay.make_batch_buffers()
    batch.is_fresh[:] = True
    assert replay.sample(batch)
    assert not batch.is_fresh.any()


def test_samples_reanalyzed_while_they_are_read_are_redrawn_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ring_of(2)
    write_fresh(ring, 1, 0, 8, version=3)
    replay = make_replay(ring, ALL)
    assemble = replay._assemble

    def assemble_while_others_write(row, out):  # type: ignore[no-untyped-def]
        monkeypatch.setattr(replay, "_assemble", assemble)
        assemble(row, out)
        write_fresh(ring, 1, 0, 8, version=4)

    monkeypatch.setattr(replay, "_assemble", assemble_while_others_write)
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    assert replay.skipped_reads == 32
    assert (batch.policy_version == 4).all()
    assert (batch.policy_weight[batch.policy_mask == 1.0] == 4.0).all()


def test_a_row_that_is_being_written_while_it_is_read_is_redrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    ring = ring_of(2)
    write_fresh(ring, 1, 0, 8, version=3)
    replay = make_replay(ring, ALL)
    assemble = replay._assemble

    def assemble_in_the_middle_of_a_write(row, out):  # type: ignore[no-untyped-def]
        ring.arrays["fresh_version"][12] = NO_VERSION
        assemble(row, out)

    monkeypatch.setattr(replay, "_assemble", assemble_in_the_middle_of_a_write)
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    assert replay.skipped_reads > 0
    assert not {10, 11, 12} & set(batch.row.tolist())


def test_values_bootstrap_from_fresh_values_where_there_are_some() -> None:
    ring = make_ring(is_reanalyzed=True)
    append(ring, 0, 4, is_terminal=False)  # rewards 0, 1, 2, 3, root values 0, -1, -2, -3, players alternate
    ring.write_fresh(0, 1, *[np.zeros((1, 3), dtype) for dtype in (np.int32, np.float32)], np.array([10.0], np.float32), 0)  # type: ignore[arg-type]
    replay = make_replay(ring, ReanalyzeConfig())
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    first = batch.target_value[batch.row == 0][0]
    # r_0 - fresh v_1 = 0 - 10; r_1 - v_2 = 1 + 2; r_2 - v_3 = 2 + 3
    assert first.tolist() == [-10.0, 3.0, 5.0]


def test_a_search_too_short_for_a_policy_target_has_none_until_it_is_reanalyzed() -> None:
    ring = ring_of(1, length=3)
    ring.arrays["policy_weight"][1] = 0.0
    write_fresh(ring, 0, 0, 3, version=1)
    masks = []
    for reanalyze in (ReanalyzeConfig(), ALL):
        replay = make_replay(ring, reanalyze)
        batch = replay.make_batch_buffers()
        assert replay.sample(batch)
        masks.append(batch.policy_mask[batch.row == 0][0].tolist())
    assert masks == [[1.0, 0.0, 1.0], [1.0, 1.0, 1.0]]


@pytest.mark.parametrize("seed", range(5))
def test_kernel_and_source_draw_the_same_fresh_rows_as_one_would_by_hand(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fresh_version = rng.integers(-1, 3, 16)
    nodes = np.concatenate([[0.0], [16.0], [8.0] * 2, [4.0] * 4, [2.0] * 8, np.ones(16)])
    row_sequence, slot_length = np.repeat([4, 5, 2, 3], 4), np.full(4, 4)
    slot_start = np.array([32, 36, 24, 28])  # of sequences 4, 5, 2, 3; 16 rows, four to a trajectory
    uniform, results = (np.arange(16) + 0.5) / 16, []
    for kernel in (draw_fresh_rows, draw_fresh_rows.py_func):  # type: ignore[attr-defined]
        row, probability = np.full(5, -1), np.zeros(5)
        count = kernel(nodes, uniform, row_sequence, slot_start, slot_length, fresh_version, 2, 1, row, probability)
        results.append(row[:count].tolist())
        assert (probability[:count] == 1 / 16).all()
    windows = {row: min(row, row - row % 4 + 1) for row in range(16)}  # the last two of four rows ask for those before, too
    expected = [row for row, first in windows.items() if (fresh_version[first : first + 3] >= 1).all()]
    assert results == [expected[:5]] * 2
    assert is_fresh_window(fresh_version, 0, 15, -1)
