"""Settings that cannot work are refused with what to set."""

import pytest

from muzero.errors import UserError
from tests.engine.run_examples import tiny_config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": -1}, "seed is -1: set 0 or more"),
        ({"seed": 1 << 63}, "seed is 9223372036854775808: set 0 or more, less than 2"),
        ({"inference": {"batch_deadline_microseconds": -1}}, "batch_deadline_microseconds is -1: set 0 or more"),
        ({"inference": {"num_servers": 0}}, "num_servers is 0: set 1 to 64"),
        (
            {"actors": {"num_actors": 2}, "inference": {"num_servers": 3}},
            "num_servers is 3 and actors.num_actors 2: each server needs an actor, give --actors 3 or fewer --servers",
        ),
        ({"inference": {"num_servers": 2}}, "num_servers is 2 and actors.num_actors 0: one process is its own server, set 1"),
        ({"actors": {"games_per_actor": 3, "groups": 2}}, "games_per_actor is 3: set a positive multiple of actors.groups .2."),
    ],
)
def test_nonsense_is_refused_with_a_sentence(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(UserError, match=sentence):
        tiny_config(**changes)
