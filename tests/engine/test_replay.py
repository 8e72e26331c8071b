import numpy as np
import pytest

from engine.first_priorities import MIN_PRIORITY
from engine.replay import Replay
from engine.ring import Ring
from muzero.config import ReplayConfig, TrainingConfig
from muzero.errors import UserError
from muzero.randomness import Purpose, generator
from muzero.types import HISTORY_ONLY, NO_ACTION
from tests.engine.ring_examples import SPEC, make_ring, make_trajectory

TRAINING = TrainingConfig(batch_size=32, unroll_steps=3, td_steps=1000)
UNIFORM = ReplayConfig(min_steps=1)
PRIORITIZED = ReplayConfig(min_steps=1, is_prioritized=True, priority_exponent=1.0, importance_exponent=1.0)


def make_replay(ring: Ring, config: ReplayConfig = UNIFORM, seed: int = 1) -> Replay:
    return Replay(ring, SPEC, config, TRAINING, 1.0, generator(seed, Purpose.REPLAY))


def fill(ring: Ring, games: range, length: int = 5) -> None:
    for game in games:
        ring.append(make_trajectory(game=game, length=length))


def zero_rewards(length: int, root_value: list[float]):
    trajectory = make_trajectory(length=length)
    trajectory.reward[:] = 0.0
    trajectory.root_value[:] = root_value
    return trajectory


def test_new_trajectories_are_taken_in_once():
    ring = make_ring()
    replay = make_replay(ring)
    fill(ring, range(3))
    assert replay.ingest() == 15
    assert replay.ingest() == 0
    assert (replay.num_steps, replay.total_steps) == (15, 15)


def test_nothing_can_be_drawn_from_an_empty_replay():
    replay = make_replay(make_ring())
    assert replay.ingest() == 0
    assert not replay.sample(replay.make_batch_buffers())


def test_the_last_row_of_a_cut_trajectory_is_never_drawn():
    ring = make_ring()
    ring.append(make_trajectory(length=4, is_terminal=False))
    replay, batch = make_replay(ring), make_replay(ring).make_batch_buffers()
    assert replay.ingest() == 3
    assert replay.sample(batch)
    assert set(batch.row.tolist()) == {0, 1, 2}


def test_rows_kept_as_history_are_never_drawn_but_seen():
    ring = make_ring()
    piece = make_trajectory(length=5)
    piece.action[0] = HISTORY_ONLY
    ring.append(piece)
    replay, batch = make_replay(ring), make_replay(ring).make_batch_buffers()
    assert replay.ingest() == 4
    assert replay.sample(batch)
    assert set(batch.row.tolist()) == {1, 2, 3, 4}
    first = batch.frames[batch.row == 1]
    np.testing.assert_array_equal(first, np.broadcast_to(piece.frame[:2], first.shape))


def test_overwritten_rows_are_forgotten_and_total_steps_go_on():
    ring = make_ring(steps=20)
    replay = make_replay(ring)
    for game in range(10):
        fill(ring, range(game, game + 1))
        replay.ingest()
    assert (replay.num_steps, replay.total_steps) == (20, 50)


def test_an_unpublished_trajectory_is_taken_in_when_it_is_published():
    ring = make_ring()
    fill(ring, range(3))
    ring.arrays["entry_stamp"][1] = -2
    replay = make_replay(ring)
    assert replay.ingest() == 10
    ring.arrays["entry_stamp"][1] = 2
    assert replay.ingest() == 5


def test_samples_are_the_rows_of_the_ring():
    ring = make_ring(steps=40)
    fill(ring, range(30), length=7)
    replay = make_replay(ring)
    replay.ingest()
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    physical = batch.row % 40
    assert batch.row.min() >= ring.claimed_rows - 40
    np.testing.assert_array_equal(batch.frames[:, -1], ring.arrays["frame"][physical])
    np.testing.assert_array_equal(batch.action[:, 0], ring.arrays["action"][physical])
    np.testing.assert_array_equal(batch.target_reward[:, 0], ring.arrays["reward"][physical])
    np.testing.assert_array_equal(batch.policy_action[:, 0], ring.arrays["policy_action"][physical])
    np.testing.assert_array_equal(batch.version, ring.arrays["version"][physical])
    assert ((batch.action >= 0) & (batch.action < SPEC.num_actions)).all()
    assert NO_ACTION not in batch.action
    assert (batch.sample_weight == 1.0).all()


def test_frames_before_the_trajectory_are_zero():
    ring = make_ring()
    ring.append(make_trajectory(game=1, length=1))
    replay = make_replay(ring)
    replay.ingest()
    batch = replay.make_batch_buffers()
    replay.sample(batch)
    assert not batch.frames[:, 0].any()
    assert (batch.frames[:, 1] == 1).all()


def test_uniform_drawing_covers_all_rows_equally():
    ring = make_ring(steps=40)
    fill(ring, range(8), length=4)
    replay = make_replay(ring)
    replay.ingest()
    batch = replay.make_batch_buffers()
    for _ in range(10):
        replay.sample(batch)
        assert sorted(batch.row.tolist()) == list(range(32))  # 32 strata over 32 rows: each exactly once


def test_first_priorities_are_the_error_of_the_search_value():
    ring = make_ring()
    ring.append(zero_rewards(3, [1.0, 3.0, 0.0]))  # all targets are 0
    replay = make_replay(ring, PRIORITIZED)
    replay.ingest()
    np.testing.assert_allclose(replay.state()["priorities"][:4], [1.0, 3.0, MIN_PRIORITY, 0.0])


def test_rows_are_drawn_in_proportion_and_importance_weights_undo_it():
    ring = make_ring()
    ring.append(zero_rewards(2, [1.0, 3.0]))
    replay = make_replay(ring, PRIORITIZED)
    replay.ingest()
    batch = replay.make_batch_buffers()
    replay.sample(batch)
    np.testing.assert_array_equal(np.bincount(batch.row), [8, 24])
    # p^-1 is 4 in 8 samples and 4/3 in 24, 2 on average
    np.testing.assert_allclose(batch.sample_weight, np.where(batch.row == 0, 2.0, 2.0 / 3.0), rtol=1e-6)


def test_importance_weights_are_1_on_average_among_fresh_samples_and_among_the_others():
    weights = make_replay(make_ring(), PRIORITIZED)._importance_weights(np.array([0.1, 0.2, 0.4]), np.array([True, True, False]))
    np.testing.assert_allclose(weights, [10 / 7.5, 5 / 7.5, 1.0])


def test_rows_overwritten_between_two_looks_are_drawn_again_before_they_are_read(monkeypatch):
    ring = make_ring(steps=20)
    replay = make_replay(ring)
    fill(ring, range(4))
    replay.ingest()
    are_valid, assemble, known = ring.are_valid, replay._assemble, []

    def valid_a_moment_ago(sequences):
        if ring.claimed_trajectories == 4:
            fill(ring, range(4, 5))
            return sequences != 1
        return are_valid(sequences)

    def assemble_known_rows(row, out):
        known.append(bool((replay._known.row_sequence[row] >= 0).all()))
        assemble(row, out)

    monkeypatch.setattr(ring, "are_valid", valid_a_moment_ago)
    monkeypatch.setattr(replay, "_assemble", assemble_known_rows)
    assert replay.sample(replay.make_batch_buffers())
    assert known == [True, True]


def test_priorities_that_are_not_finite_are_ignored():
    ring = make_ring()
    fill(ring, range(2))
    replay = make_replay(ring, PRIORITIZED)
    replay.ingest()
    before = replay.state()["priorities"]
    replay.update_priorities(np.array([0, 1, 2]), np.array([np.nan, np.inf, 4.0], dtype=np.float32))
    after = replay.state()["priorities"]
    np.testing.assert_array_equal(after[[0, 1]], before[[0, 1]])
    assert after[2] == 4.0


def test_updated_priorities_hold_and_overwritten_rows_are_ignored():
    ring = make_ring(steps=10)
    fill(ring, range(2))
    replay = make_replay(ring, PRIORITIZED)
    replay.ingest()
    fill(ring, range(2, 3))  # now rows 10 to 14 lie where 0 to 4 did
    replay.ingest()
    before = replay.state()["priorities"]
    replay.update_priorities(np.array([0, 7, 13]), np.array([99.0, 5.0, 6.0], dtype=np.float32))
    changed = before.copy()
    changed[[7, 3]] = [5.0, 6.0]
    np.testing.assert_array_equal(replay.state()["priorities"], changed)


def test_samples_overwritten_while_they_are_read_are_redrawn_and_counted(monkeypatch):
    ring = make_ring(steps=20)
    fill(ring, range(4))
    replay = make_replay(ring)
    replay.ingest()
    assemble = replay._assemble

    def assemble_while_others_write(row, out):
        monkeypatch.setattr(replay, "_assemble", assemble)
        assemble(row, out)
        fill(ring, range(4, 6))

    monkeypatch.setattr(replay, "_assemble", assemble_while_others_write)
    batch = replay.make_batch_buffers()
    assert replay.sample(batch)
    assert replay.skipped_reads == 16
    assert set(batch.row.tolist()) == set(range(10, 20))
    assert replay.num_steps == 10
    assert replay.ingest() == 10


def test_a_batch_that_is_always_overwritten_ends_without_a_sample(monkeypatch):
    ring = make_ring(steps=20)
    fill(ring, range(4))
    replay = make_replay(ring)
    replay.ingest()
    monkeypatch.setattr(replay, "_assemble", lambda row, out: fill(ring, range(4)))
    assert not replay.sample(replay.make_batch_buffers())
    assert replay.num_steps == 0


@pytest.mark.parametrize("make_rng", [lambda: generator(3, Purpose.REPLAY), lambda: np.random.default_rng(3)])
@pytest.mark.parametrize("config", [UNIFORM, PRIORITIZED])
def test_a_restored_replay_goes_on_exactly(config, make_rng):
    ring = make_ring(steps=60)
    first = Replay(ring, SPEC, config, TRAINING, 1.0, make_rng())
    fill(ring, range(20))
    first.ingest()
    batches = [first.make_batch_buffers() for _ in range(2)]
    first.sample(batches[0])
    first.update_priorities(batches[0].row, np.linspace(0.1, 9.0, 32, dtype=np.float32))
    second = Replay(ring, SPEC, config, TRAINING, 1.0, np.random.Generator(type(make_rng().bit_generator)(99)))
    second.load_state(first.state())
    fill(ring, range(20, 23))
    for replay, batch in zip((first, second), batches, strict=True):
        assert replay.ingest() == 15
        assert replay.sample(batch)
    for name, value in vars(batches[0]).items():
        np.testing.assert_array_equal(value, getattr(batches[1], name))
    assert (first.num_steps, first.total_steps) == (second.num_steps, second.total_steps)


def test_a_state_newer_than_its_ring_forgets_what_the_ring_lacks():
    ring, old_ring = make_ring(), make_ring()
    fill(ring, range(5))
    fill(old_ring, range(3))
    replay, resumed = make_replay(ring), make_replay(old_ring)
    replay.ingest()
    resumed.load_state(replay.state())
    assert resumed.num_steps == 15
    fill(old_ring, range(3, 5))
    assert resumed.ingest() == 10
    assert resumed.num_steps == 25


def test_rows_begin_anew_where_they_were_drawn_by_other_settings():
    ring = make_ring()
    ring.append(zero_rewards(4, [0.0, 0.5, 0.0, 2.0]))
    prioritized, uniform, again = make_replay(ring, PRIORITIZED), make_replay(ring), make_replay(ring, PRIORITIZED)
    prioritized.ingest()
    uniform.load_state(prioritized.state())
    batch = uniform.make_batch_buffers()
    assert uniform.sample(batch)
    assert np.bincount(batch.row).tolist() == [8, 8, 8, 8]
    again.load_state(uniform.state())
    np.testing.assert_array_equal(again.state()["priorities"], prioritized.state()["priorities"])


def test_a_state_of_another_capacity_is_refused():
    with pytest.raises(UserError, match="set replay.capacity_steps=40"):
        make_replay(make_ring(steps=50)).load_state(make_replay(make_ring(steps=40)).state())
