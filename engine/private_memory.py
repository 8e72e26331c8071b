"""The private memory of each role's process, by arithmetic alone: trees, running games, batches. Shared memory is layout.py's.

Legend: P stored policy entries, N nodes, k priors kept per node.
"""

from dataclasses import dataclass

from engine.activations import root_numbers, sample_numbers
from engine.batch_sizes import largest_batch
from engine.config import RunConfig
from engine.inference_device import MAX_IN_FLIGHT
from engine.layout import legal_bytes_for, max_trajectories_for, policy_entries_for
from engine.slots import evaluation_trees, num_slots
from muzero.config import NetworkConfig, SearchConfig, TrainingConfig
from muzero.networks.shape import consistency_floats, latent_shape
from muzero.playout_cap import fast_search_config
from muzero.types import GameSpec

MIB = 1 << 20
FLOAT_BYTES = 4
PLAIN_PROCESS_BYTES = 100 * MIB
"""Private memory of a process with NumPy, Numba and the games but without torch; measured: actor 72 MiB, evaluator 46 MiB."""
TORCH_PROCESS_BYTES = 400 * MIB
"""Private memory of a process with torch; measured on a CPU: server 201 MiB, learner 276 MiB."""
SUPERVISOR_BYTES = 40 * MIB
"""Private memory of the supervisor; measured: 37 MiB."""
TREE_BYTES_PER_CHILD = 8
"""Prior and action of one edge."""
TREE_BYTES_PER_NODE = 64
"""Statistics of one node."""
TREE_BYTES = 32
"""Bounds of Q, where the choices begin, and the request of one tree."""
CHOICE_BYTES = 24
"""Action, noise, prior and score of one legal action of the root."""
MOST_LEGAL_ACTIONS = 593
"""Legal actions of a root that trees are planned with, where the game has as many: the most of any position of shogi."""
ROW_BYTES = 25
"""to_play, action, reward, root_value, version and surprise of one row of a running game."""
POLICY_ENTRY_BYTES = 8
"""Action and probability of one stored policy entry."""
REPLAY_BYTES_PER_ENTRY = 32
"""What the learner remembers of a trajectory of the ring."""

SAVED_ROW_BYTES = 12
"""Version and file of a row's saved fresh targets."""


@dataclass(frozen=True)
class RolePlan:
    """The processes of one role.

    Attributes:
        role: its name.
        num_processes: how many there are.
        process_bytes: private memory of each, estimated.
    """

    role: str
    num_processes: int
    process_bytes: int

    @property
    def total_bytes(self) -> int:
        """Private memory of all of them."""
        return self.num_processes * self.process_bytes


def plan_roles(
    config: RunConfig, spec: GameSpec, num_floats: int, *, is_server_on_host: bool, is_learner_on_host: bool
) -> tuple[RolePlan, ...]:
    """Returns the processes of a run, actors first.

    Args:
        config: the run's configuration.
        spec: facts of its game.
        num_floats: W, floats of the network.
        is_server_on_host: whether inference computes in the machine's memory, not on a GPU.
        is_learner_on_host: the same of the learner.
    """
    actor = games_bytes(config, spec) + config.actors.groups * self_play_bytes(config, spec)
    evaluator = search_bytes(config.search, spec, evaluation_trees(config)) + 2 * evaluation_trees(config) * history_bytes(spec)
    reanalyzer = reanalysis_bytes(config, spec) if config.reanalyze.is_enabled else 0
    server, slots = TORCH_PROCESS_BYTES + FLOAT_BYTES * num_floats, most_slots(config)
    if is_server_on_host:
        server += FLOAT_BYTES * min(config.inference.max_batch, slots) * root_numbers(config.network, spec)
    else:
        root = history_bytes(spec) + FLOAT_BYTES * (spec.num_actions + 1)
        server += MAX_IN_FLIGHT * largest_batch(config, slots) * root  # pinned, see root_buffers.py
    learner = TORCH_PROCESS_BYTES + replay_bytes(config) + batches_bytes(config, spec)
    if is_learner_on_host:
        activations = micro_batch_size(config.training) * sample_numbers(config.network, spec, config.training)
        learner += FLOAT_BYTES * (learner_floats(config.training, config.network, spec, num_floats) + activations)
    if config.actors.num_actors == 0:
        everything = learner + server - TORCH_PROCESS_BYTES + actor + reanalyzer + (evaluator if config.evaluation.is_enabled else 0)
        return (RolePlan("one process", 1, everything),)
    evaluators = (RolePlan("evaluator", 1, PLAIN_PROCESS_BYTES + evaluator),) if config.evaluation.is_enabled else ()
    num_reanalyzers = config.reanalyze.num_reanalyzers
    reanalyzers = (RolePlan("reanalyzer", num_reanalyzers, PLAIN_PROCESS_BYTES + reanalyzer),) if reanalyzer else ()
    actors = RolePlan("actor", config.actors.num_actors, PLAIN_PROCESS_BYTES + actor)
    return (
        actors,
        RolePlan("server", config.inference.num_servers, server),
        RolePlan("learner", 1, learner),
        *reanalyzers,
        *evaluators,
        RolePlan("supervisor", 1, SUPERVISOR_BYTES),
    )


def most_slots(config: RunConfig) -> int:
    """Returns the slots of the largest latent pool of a server."""
    return max(num_slots(config, server) for server in range(config.inference.num_servers))


def learner_floats(training: TrainingConfig, network: NetworkConfig, spec: GameSpec, num_floats: int) -> int:
    """Returns the floats that the learner keeps from step to step: vectors of the network's size, and the consistency head's.

    Args:
        training, network, spec: the run.
        num_floats: W, floats of the network.
    """
    head = consistency_floats(training, latent_shape(network, spec))
    return training_copies(training) * num_floats + (2 + num_moments(training)) * head


def training_copies(training: TrainingConfig) -> int:
    """Returns how many vectors of the network's size that are: weights, gradient, moments, target network, moving average."""
    return 2 + num_moments(training) + (training.target_network_steps is not None) + (training.ema_decay > 0.0)


def num_moments(training: TrainingConfig) -> int:
    """Returns how many numbers the optimiser remembers of each parameter."""
    return 1 if training.optimizer == "sgd" else 2


def observations_per_sample(training: TrainingConfig) -> int:
    """Returns the observations of one sample: the first one, and those that the consistency loss and the target network look at."""
    steps = training.unroll_steps
    looked_at = steps if training.consistency_loss_weight > 0.0 else 0
    return 1 + looked_at + (steps + 1 if training.target_network_steps is not None else 0)


def micro_batch_size(training: TrainingConfig) -> int:
    """Returns the samples that go through the learner's network at once."""
    return training.micro_batch_size or training.batch_size


def self_play_bytes(config: RunConfig, spec: GameSpec) -> int:
    """Returns the bytes of the trees of one group of games: full ones, and fast ones where there are such."""
    fast, num_trees = fast_search_config(config.self_play, config.search), config.actors.games_per_group
    return search_bytes(config.search, spec, num_trees) + (search_bytes(fast, spec, num_trees) if fast else 0)


def search_bytes(search: SearchConfig, spec: GameSpec, num_trees: int) -> int:
    """Returns the bytes of a batched search while it waits for the network, results not included.

    Args:
        search: rule and simulations.
        spec: its number of actions; at a root at most MOST_LEGAL_ACTIONS of them count as legal.
        num_trees: B.
    """
    num_nodes, num_priors = search.num_simulations + 1, min(spec.num_actions, search.num_simulations)
    node = TREE_BYTES_PER_CHILD * num_priors + TREE_BYTES_PER_NODE
    root = 8 * num_priors + CHOICE_BYTES * min(spec.num_actions, MOST_LEGAL_ACTIONS)
    return num_trees * (num_nodes * node + root + TREE_BYTES) + 8 * num_nodes


def games_bytes(config: RunConfig, spec: GameSpec) -> int:
    """Returns what an actor remembers of its running games: the rows not yet stored, and the latest frames twice (games, request)."""
    policy = POLICY_ENTRY_BYTES * policy_entries_for(spec.num_actions, config.replay.policy_entries)
    legal = legal_bytes_for(spec.num_actions, is_reanalyzed=config.reanalyze.is_enabled)
    row = spec.frame_bytes + ROW_BYTES + policy + legal
    return config.actors.games_per_actor * (longest_trajectory(config, spec) * row + 2 * history_bytes(spec) + 2 * spec.num_actions)


def reanalysis_bytes(config: RunConfig, spec: GameSpec) -> int:
    """Returns what a reanalyzer needs: its search, the positions it searches twice (stored, request), their policies as results."""
    size = config.reanalyze.batch_size
    legal, policies = 2 * spec.num_actions, 2 * FLOAT_BYTES * spec.num_actions
    return search_bytes(config.search, spec, size) + size * (2 * history_bytes(spec) + legal + policies)


def longest_trajectory(config: RunConfig, spec: GameSpec) -> int:
    """Returns the most rows a trajectory has: its moves, the position it is cut at, and the frames before its first one."""
    return min(config.self_play.max_trajectory_steps, spec.max_moves) + spec.num_frames


def history_bytes(spec: GameSpec) -> int:
    """Returns the bytes of the frames of one observation."""
    return spec.num_frames * spec.frame_bytes


def batches_bytes(config: RunConfig, spec: GameSpec) -> int:
    """Returns the bytes of the learner's batches: those assembled ahead, and the one that is trained on."""
    training, steps = config.training, config.training.unroll_steps + 1
    policy = POLICY_ENTRY_BYTES * policy_entries_for(spec.num_actions, config.replay.policy_entries)
    sample = observations_per_sample(training) * history_bytes(spec) + steps * (policy + 8 * FLOAT_BYTES) + 2 * ROW_BYTES
    return (config.learner.prefetch_batches + 1) * training.batch_size * sample


def replay_bytes(config: RunConfig) -> int:
    """Returns what the learner remembers of the ring: a sum tree of priorities, the trajectory of each row, the trajectories, and
    which fresh targets are saved where."""
    rows = config.replay.capacity_steps
    leaves = 1 << (rows - 1).bit_length()
    saved_bytes = SAVED_ROW_BYTES * rows if config.reanalyze.is_enabled else 0
    return saved_bytes + 8 * (2 * leaves + rows) + REPLAY_BYTES_PER_ENTRY * max_trajectories_for(config.replay)
