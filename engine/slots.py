"""Who asks which inference server, and which rows of its latent pool are whose: a client is one group of games of one actor, a reanalyzer,
or the evaluator.
"""

from dataclasses import dataclass

from engine.config import RunConfig
from muzero.match_result import EXHAUSTIVE_OPPONENT

MAX_EVALUATION_TREES = 32
"""Trees the evaluator searches at once, at most."""


@dataclass(frozen=True)
class Client:
    """One client of an inference server.

    Attributes:
        index: its number, on every message.
        first_slot: its first slot in the latent pool of its server.
        num_trees: slots it owns, which is also the size of its requests.
        server: number of the server it asks.
    """

    index: int
    first_slot: int
    num_trees: int
    server: int = 0


def clients_of(config: RunConfig) -> tuple[Client, ...]:
    """Returns all clients of a run: the actors' groups in order, then the reanalyzers, then the evaluator.

    Actors take the servers in turn, with all their groups, the others in turn from the last one down: each server's share then grows with
    each of these numbers, whatever the others are.
    """
    actors, num_servers = config.actors, config.inference.num_servers
    wanted = [(actor % num_servers, actors.games_per_group) for actor in range(max(1, actors.num_actors)) for _ in range(actors.groups)]
    wanted += [(-(number + 1) % num_servers, config.reanalyze.batch_size) for number in range(num_reanalyzers(config))]
    wanted += [(num_servers - 1, evaluation_trees(config))] if config.evaluation.is_enabled else []
    clients, ends = [], [0] * num_servers
    for index, (server, num_trees) in enumerate(wanted):
        clients.append(Client(index, ends[server], num_trees, server))
        ends[server] += num_trees
    return tuple(clients)


def num_reanalyzers(config: RunConfig) -> int:
    """Returns how many clients reanalyze: processes, or 1 where one process does everything."""
    if not config.reanalyze.is_enabled:
        return 0
    return config.reanalyze.num_reanalyzers if config.actors.num_actors else 1


def evaluation_trees(config: RunConfig) -> int:
    """Returns how many trees the evaluator searches at once: no more than it plays games, as many as there may be where it walks."""
    if config.evaluation.opponent == EXHAUSTIVE_OPPONENT:
        return MAX_EVALUATION_TREES
    return min(MAX_EVALUATION_TREES, config.evaluation.episodes)


def server_clients(config: RunConfig, server: int) -> tuple[Client, ...]:
    """Returns the clients of one server."""
    return tuple(client for client in clients_of(config) if client.server == server)


def actor_clients(config: RunConfig, actor_index: int) -> tuple[Client, ...]:
    """Returns the clients that are the groups of one actor."""
    first = actor_index * config.actors.groups
    return clients_of(config)[first : first + config.actors.groups]


def reanalyzer_client(config: RunConfig, reanalyzer_index: int) -> Client:
    """Returns the client of one reanalyzer."""
    return clients_of(config)[max(1, config.actors.num_actors) * config.actors.groups + reanalyzer_index]


def evaluator_client(config: RunConfig) -> Client:
    """Returns the evaluator's client."""
    return clients_of(config)[-1]


def leaves_in_flight(config: RunConfig, server: int) -> int:
    """Returns the leaves that wait for a server at once: one group of each of its actors, whose others run their trees, and all its
    reanalyzers'.
    """
    clients, groups = clients_of(config), config.actors.groups
    num_groups = max(1, config.actors.num_actors) * groups
    waiting = (*clients[:num_groups:groups], *clients[num_groups : num_groups + num_reanalyzers(config)])
    return sum(client.num_trees for client in waiting if client.server == server)


def server_names(config: RunConfig) -> tuple[str, ...]:
    """Returns what the server processes are called."""
    count = config.inference.num_servers
    return ("server",) if count == 1 else tuple(f"server-{number}" for number in range(count))


def num_slots(config: RunConfig, server: int) -> int:
    """Returns the slots of a server's latent pool."""
    return sum(client.num_trees for client in server_clients(config, server))
