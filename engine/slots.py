"""Which rows of the latent pool belong to whom: a client is one group of games of one actor, a reanalyzer, or the evaluator."""

from dataclasses import dataclass
from itertools import accumulate

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
    """Returns all clients of a run: the actors' groups in order, then the reanalyzers, then the evaluator."""
    trees = [config.actors.games_per_group] * (max(1, config.actors.num_actors) * config.actors.groups)
    trees += [config.reanalyze.batch_size] * num_reanalyzers(config)
    if config.evaluation.is_enabled:
        trees.append(evaluation_trees(config))
    ends = accumulate(trees)
    return tuple(Client(index, end - count, count) for index, (count, end) in enumerate(zip(trees, ends, strict=True)))


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


def leaves_in_flight(config: RunConfig) -> int:
    """Returns the leaves that wait for the server at once: one group of each actor, whose others run their trees, and all reanalyzers'."""
    return max(1, config.actors.num_actors) * config.actors.games_per_group + num_reanalyzers(config) * config.reanalyze.batch_size


def num_slots(config: RunConfig) -> int:
    """Returns the slots of the latent pool."""
    return sum(client.num_trees for client in clients_of(config))
