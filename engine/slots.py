"""Which rows of the latent pool belong to whom: a client is one group of games of one actor, or the evaluator."""

from dataclasses import dataclass

from engine.config import RunConfig
from muzero.match_result import EXHAUSTIVE_OPPONENT

MAX_EVALUATION_TREES = 32
"""Trees the evaluator searches at once, at most."""


@dataclass(frozen=True)
class Client:
    """One client of the inference server.

    Attributes:
        index: its number, on every message.
        first_slot: its first slot in the latent pool.
        num_trees: slots it owns, which is also the size of its requests.
    """

    index: int
    first_slot: int
    num_trees: int


def clients_of(config: RunConfig) -> tuple[Client, ...]:
    """Returns all clients of a run: the actors' groups in order, then the evaluator."""
    trees = config.actors.games_per_group
    count = max(1, config.actors.num_actors) * config.actors.groups
    groups = tuple(Client(index, index * trees, trees) for index in range(count))
    if not config.evaluation.is_enabled:
        return groups
    return (*groups, Client(count, count * trees, evaluation_trees(config)))


def evaluation_trees(config: RunConfig) -> int:
    """Returns how many trees the evaluator searches at once: no more than it plays games, as many as there may be where it walks."""
    if config.evaluation.opponent == EXHAUSTIVE_OPPONENT:
        return MAX_EVALUATION_TREES
    return min(MAX_EVALUATION_TREES, config.evaluation.episodes)


def actor_clients(config: RunConfig, actor_index: int) -> tuple[Client, ...]:
    """Returns the clients that are the groups of one actor."""
    first = actor_index * config.actors.groups
    return clients_of(config)[first : first + config.actors.groups]


def evaluator_client(config: RunConfig) -> Client:
    """Returns the evaluator's client."""
    return clients_of(config)[-1]


def num_slots(config: RunConfig) -> int:
    """Returns the slots of the latent pool."""
    return sum(client.num_trees for client in clients_of(config))
