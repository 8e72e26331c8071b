"""Fresh targets in the ring, inside one process: where they are written, what is refused, and a reanalyzer killed in between."""

import numpy as np
import pytest

from engine import ring as ring_module
from engine.layout import NO_VERSION
from tests.engine.ring_examples import POLICY_ENTRIES, append, are_equal, make_ring, make_trajectory, write_fresh


class Killed(BaseException):
    """Stands for a SIGKILL."""


def test_fresh_targets_lie_beside_the_originals_of_their_rows_only() -> None:
    ring = make_ring(is_reanalyzed=True)
    append(ring, 0)
    append(ring, 1)
    assert write_fresh(ring, 1, 2, 2, version=7)
    assert ring.arrays["fresh_version"][:10].tolist() == [-1] * 7 + [7, 7, -1]
    assert (ring.arrays["fresh_policy_action"][7:9] == 1).all()
    assert (ring.arrays["fresh_policy_weight"][7:9] == 7.0).all()
    assert are_equal(ring.read(1), make_trajectory(game=1, is_reanalyzed=True))


def test_where_nothing_is_fresh_the_fresh_value_is_the_original() -> None:
    ring = make_ring(steps=10, is_reanalyzed=True)
    append(ring, 0)
    write_fresh(ring, 0, 0, 5, version=7)
    for game in (1, 2):
        append(ring, game)
    np.testing.assert_array_equal(ring.arrays["fresh_value"], ring.arrays["root_value"])
    assert (ring.arrays["fresh_version"] == NO_VERSION).all()


def test_an_overwritten_trajectory_gets_nothing() -> None:
    ring = make_ring(steps=10, is_reanalyzed=True)
    for game in range(3):
        append(ring, game)
    assert not write_fresh(ring, 0, 0, 5, version=7)
    assert not write_fresh(ring, 3, 0, 5, version=7)
    assert (ring.arrays["fresh_version"] == NO_VERSION).all()


def test_an_unpublished_trajectory_gets_nothing() -> None:
    ring = make_ring(is_reanalyzed=True)
    append(ring, 0)
    ring.arrays["entry_stamp"][0] = -1
    assert not write_fresh(ring, 0, 0, 5, version=7)


def test_an_older_search_never_replaces_a_newer_one() -> None:
    ring = make_ring(is_reanalyzed=True)
    append(ring, 0)
    write_fresh(ring, 0, 1, 2, version=8)
    assert write_fresh(ring, 0, 0, 5, version=7)
    assert ring.arrays["fresh_version"][:5].tolist() == [7, 8, 8, 7, 7]
    assert ring.arrays["fresh_policy_weight"][:5, 0].tolist() == [7.0, 8.0, 8.0, 7.0, 7.0]


@pytest.mark.parametrize(("offset", "num_rows"), [(3, 3), (-1, 2)])
def test_rows_outside_of_the_trajectory_are_refused(offset: int, num_rows: int) -> None:
    ring = make_ring(is_reanalyzed=True)
    append(ring, 0)
    with pytest.raises(ValueError, match="of trajectory 0, which has 5"):
        write_fresh(ring, 0, offset, num_rows, version=1)


def test_numbers_that_are_not_finite_and_wrong_shapes_are_refused() -> None:
    ring = make_ring(is_reanalyzed=True)
    append(ring, 0)
    action, weight = np.zeros((2, POLICY_ENTRIES), np.int32), np.zeros((2, POLICY_ENTRIES), np.float32)
    with pytest.raises(ValueError, match="fresh value holds a number that is not finite"):
        ring.write_fresh(0, 0, action, weight, np.array([0.0, np.nan], np.float32), 1)
    with pytest.raises(ValueError, match="fresh policy_weight is float64"):
        ring.write_fresh(0, 0, action, weight.astype(np.float64), np.zeros(2, np.float32), 1)  # type: ignore[arg-type]


def test_a_ring_without_reanalysis_takes_no_fresh_targets() -> None:
    ring = make_ring()
    ring.append(make_trajectory())
    with pytest.raises(ValueError, match="in a ring with 0 rows"):
        write_fresh(ring, 0, 0, 1, version=1)


@pytest.mark.parametrize("store_number", [1, 2])
def test_a_reanalyzer_killed_between_two_stores_leaves_rows_that_are_not_fresh(monkeypatch: pytest.MonkeyPatch, store_number: int) -> None:
    ring, calls = make_ring(is_reanalyzed=True), []
    append(ring, 0)
    write_fresh(ring, 0, 0, 5, version=1)

    def kill() -> None:
        calls.append(1)
        if len(calls) == store_number:
            raise Killed

    with monkeypatch.context() as patch, pytest.raises(Killed):
        patch.setattr(ring_module, "order_writes", kill)
        write_fresh(ring, 0, 1, 3, version=2)
    assert ring.arrays["fresh_version"][:5].tolist() == [1, NO_VERSION, NO_VERSION, NO_VERSION, 1]
    assert write_fresh(ring, 0, 0, 5, version=2)
    assert (ring.arrays["fresh_version"][:5] == 2).all()
