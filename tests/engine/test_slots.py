"""Who owns which rows of the latent pool."""

import pytest

from engine.slots import (
    clients_of,
    evaluator_client,
    leaves_in_flight,
    num_slots,
    reanalyzer_client,
    server_clients,
    server_names,
)
from tests.engine.run_examples import tiny_config

CONFIG = tiny_config(
    actors={"num_actors": 2}, evaluation={"is_enabled": True, "episodes": 5}, reanalyze={"fraction": 0.8, "num_reanalyzers": 2}
)


def test_groups_of_actors_come_first_then_reanalyzers_then_the_evaluator() -> None:
    assert [client.num_trees for client in clients_of(CONFIG)] == [2, 2, 2, 2, 128, 128, 5]
    assert [client.first_slot for client in clients_of(CONFIG)] == [0, 2, 4, 6, 8, 136, 264]
    assert (reanalyzer_client(CONFIG, 1).index, evaluator_client(CONFIG).index, num_slots(CONFIG, 0)) == (5, 6, 269)


def test_one_group_of_each_actor_and_all_reanalyzers_wait_for_the_server_at_once() -> None:
    assert leaves_in_flight(CONFIG, 0) == 2 * 2 + 2 * 128


def test_clients_are_shared_among_the_servers_and_each_server_has_a_pool_of_its_own() -> None:
    config = tiny_config(
        actors={"num_actors": 3},
        inference={"num_servers": 2},
        evaluation={"is_enabled": True, "episodes": 5},
        reanalyze={"fraction": 0.8, "num_reanalyzers": 2},
    )
    assert [client.server for client in clients_of(config)] == [0, 0, 1, 1, 0, 0, 1, 0, 1]
    assert [client.first_slot for client in clients_of(config)] == [0, 2, 0, 2, 4, 6, 4, 8, 132]
    assert [client.index for client in server_clients(config, 1)] == [2, 3, 6, 8]
    assert [num_slots(config, server) for server in (0, 1)] == [8 + 128, 4 + 128 + 5]
    assert [leaves_in_flight(config, server) for server in (0, 1)] == [2 * 2 + 128, 2 + 128]


@pytest.mark.parametrize("num_servers", [1, 2, 3])
def test_no_pool_shrinks_where_there_are_more_actors(num_servers: int) -> None:
    def slots(num_actors: int) -> list[int]:
        reanalyze = {"fraction": 0.8, "num_reanalyzers": 2}
        changes = {"actors": {"num_actors": num_actors}, "inference": {"num_servers": num_servers}, "reanalyze": reanalyze}
        config = tiny_config(**changes, evaluation={"is_enabled": True})
        return [num_slots(config, server) for server in range(num_servers)]

    for num_actors in range(num_servers, 8):
        assert all(more >= fewer for fewer, more in zip(slots(num_actors), slots(num_actors + 1), strict=True))


def test_one_server_has_no_number() -> None:
    assert server_names(CONFIG) == ("server",)
    assert server_names(tiny_config(actors={"num_actors": 2}, inference={"num_servers": 2})) == ("server-0", "server-1")


def test_one_process_reanalyzes_as_one_client_whatever_is_set() -> None:
    config = tiny_config(reanalyze={"fraction": 0.8, "num_reanalyzers": 3})
    assert [client.num_trees for client in clients_of(config)] == [2, 2, 128]


def test_without_reanalysis_nobody_reanalyzes() -> None:
    for off in ({"fraction": 0.0}, {"fraction": 0.8, "num_reanalyzers": 0}):
        assert len(clients_of(tiny_config(reanalyze=off))) == 2
