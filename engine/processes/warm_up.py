"""A short process before a run: compiles every Numba kernel once, finds out the network's size and the devices.

The supervisor must not import torch, and dozens of actors must find compiled kernels in the cache, so both are done here. Reads
the configuration as JSON on stdin; answers with one JSON object on stdout: a `WarmUp`, or error and exit_code. What a class of the
user's prints goes to stderr instead.
"""

import os
import sys
import time
from contextlib import suppress

import msgspec
import numpy as np
import torch

from engine.batch_buffers import make_batch_buffers
from engine.batch_staging import Staging
from engine.batching import Pending
from engine.config import RunConfig
from engine.device import out_of_memory_is_final, resolve_device, smallest_device_bytes
from engine.device_names import simulated_timing
from engine.layout import legal_bytes_for, policy_entries_for, ring_layout_of
from engine.learning import make_trainer, network_size
from engine.messages import Header, Kind
from engine.process_life import die_with
from engine.reanalysis import Reanalysis
from engine.replay import Replay
from engine.ring import Ring
from engine.run_parts import make_wire
from engine.shared_memory import Segment
from engine.step_compiler import compile_step
from engine.warm_up import WarmUp
from muzero.config import ReanalyzeConfig, ReplayConfig
from muzero.errors import MuZeroError
from muzero.game_record import blank_trajectory
from muzero.games import make_game
from muzero.randomness import Purpose, generator
from muzero.search import BatchedSearch, FunctionModel, run_search
from muzero.types import GameSpec, Observation, RecurrentRequest

SMALL_CAPACITY = 1000
ALL_LEGAL_BITS = 255
NUM_ROWS = 8
NUM_MOVES = 200
"""Enough for the first capture in a random game of Go."""
GAME_SECONDS = 5.0
"""Longest play: a user's game may be slow, and has nothing to compile."""
STDOUT, STDERR = 1, 2


def main() -> None:
    """Does the work of the process; its one argument is the process id of the supervisor, with which it ends."""
    die_with(int(sys.argv[1]))
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=RunConfig)
    answer = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    os.write(answer, answer_of(config))


def answer_of(config: RunConfig) -> bytes:
    """Returns what the process found, or what is wrong, as JSON."""
    try:
        return msgspec.json.encode(prepare(config))
    except MuZeroError as error:
        return msgspec.json.encode({"error": str(error), "exit_code": error.exit_code})


def prepare(config: RunConfig) -> WarmUp:
    """Compiles what actors and learner need and returns what the supervisor needs to know."""
    spec = make_game(config.env).spec
    devices = [resolve_device(config.inference.device, server) for server in range(config.inference.num_servers)]
    learner_device = resolve_device(config.learner.device)
    name = config.inference.device if simulated_timing(config.inference.device) else str(devices[0])
    num_floats = network_size(config)
    compile_search(config, spec)
    compile_staging(config, spec)
    compile_replay(config, spec)
    compile_reanalysis(config, spec)
    compile_game(config)
    compile_training(config, spec, learner_device)
    device_bytes = smallest_device_bytes((*devices, learner_device))
    return WarmUp(
        num_floats=num_floats,
        device=name,
        learner_device=str(learner_device),
        device_bytes=device_bytes,
        num_gpus=torch.cuda.device_count() if torch.cuda.is_available() else 0,
    )


def compile_search(config: RunConfig, spec: GameSpec) -> None:
    """Searches two made-up positions with a model that knows nothing, which compiles the tree's kernels."""
    search = BatchedSearch(config.search, num_trees=2, spec=spec)
    frames = np.zeros((2, spec.num_frames, *spec.frame_shape), spec.frame_dtype)
    legal_actions, noise = np.ones((2, spec.num_actions), np.bool_), np.zeros((2, spec.num_actions), np.float32)
    run_search(ignorant_model(search), search.steps(Observation(frames, np.zeros(2, np.int8)), legal_actions, noise))


def compile_staging(config: RunConfig, spec: GameSpec) -> None:
    """Stages one made-up request, which compiles what the server checks requests with."""
    wire = make_wire(config, spec)
    client, header = wire.clients[0], Header(Kind.RECURRENT, 0, 0, 0, 1)
    zeros = np.zeros(client.num_trees, np.int32)
    message = wire.request_message(header, RecurrentRequest(zeros, zeros, 1))
    staged = Staging(wire, client.num_trees).fill([Pending(b"", header, client, message)])
    assert staged.num_leaves == client.num_trees, "the made-up request was refused"


def ignorant_model(search: BatchedSearch) -> FunctionModel:
    """Returns a model that knows nothing, for all trees of a search."""
    zeros, logits = np.zeros(search.num_trees, np.float32), np.zeros((search.num_trees, search.num_actions), np.float32)
    return FunctionModel(
        lambda observation: (zeros[:, None], zeros, logits),
        lambda hidden_state, action: (hidden_state, zeros, zeros, logits),
        num_nodes=search.num_nodes,
        num_priors=search.num_priors,
    )


def compile_replay(config: RunConfig, spec: GameSpec) -> None:
    """Stores and samples a few rows in a ring of this process, which compiles the kernels of replay and targets."""
    ring, replay_config = small_ring(config, spec), small_replay(config)
    sample_once(ring, config, spec, replay_config, ReanalyzeConfig())
    if ring.is_reanalyzed:
        action, weight, value = (ring.arrays[name][:NUM_ROWS] for name in ("policy_action", "policy_weight", "root_value"))
        ring.write_fresh(0, 0, action, weight, value, version=0)
        sample_once(ring, config, spec, replay_config, ReanalyzeConfig(fraction=1.0))


def sample_once(ring: Ring, config: RunConfig, spec: GameSpec, replay_config: ReplayConfig, reanalyze: ReanalyzeConfig) -> None:
    """Draws one batch of a small ring and sets its priorities."""
    random = generator(0, Purpose.REPLAY)
    replay = Replay(ring, spec, replay_config, config.training, config.search.discount, random, reanalyze=reanalyze)
    replay.ingest()
    batch = replay.make_batch_buffers()
    replay.sample(batch)
    replay.update_priorities(batch.row, batch.sample_weight)


def small_replay(config: RunConfig) -> ReplayConfig:
    """Returns the settings of the run's replay with a small ring."""
    return msgspec.structs.replace(config.replay, capacity_steps=SMALL_CAPACITY, capacity_games=None, min_steps=1)


def small_ring(config: RunConfig, spec: GameSpec) -> Ring:
    """Returns a ring of this process that holds a few rows."""
    small = msgspec.structs.replace(config, replay=small_replay(config))
    ring = Ring(Segment.private(ring_layout_of(small, spec)), None)
    legal_bytes = legal_bytes_for(spec.num_actions, is_reanalyzed=config.reanalyze.is_enabled)
    rows = blank_trajectory(spec, NUM_ROWS, policy_entries_for(spec.num_actions, config.replay.policy_entries), legal_bytes)
    rows.legal_bits[:] = ALL_LEGAL_BITS
    ring.append(rows)
    return ring


def compile_reanalysis(config: RunConfig, spec: GameSpec) -> None:
    """Reanalyzes a few stored rows, which compiles what drawing and reading them takes."""
    if not config.reanalyze.is_enabled:
        return
    search = BatchedSearch(config.search, num_trees=2, spec=spec)
    Reanalysis(config, spec, small_ring(config, spec), search, 0).run(ignorant_model(search), batch_number=0)


@out_of_memory_is_final()
def compile_training(config: RunConfig, spec: GameSpec, device: torch.device) -> None:
    """Compiles a training step where the run wants that; torch keeps its kernels on disk, where the learner finds them.

    Raises:
        MachineProblem: the machine lacks the tools, or the device the memory.
    """
    if config.learner.compile:
        torch.set_num_threads(config.learner.num_threads)  # kernels are made for a number of threads
        entries = policy_entries_for(spec.num_actions, config.replay.policy_entries)
        compile_step(make_trainer(config, make_game(config.env), device), make_batch_buffers(spec, config.training, entries))


def compile_game(config: RunConfig) -> None:
    """Plays some random moves, which compiles the kernels of games that have some; what a game of the user's raises is seen later."""
    game, random = make_game(config.env), generator(0, Purpose.OPENING)
    frame, legal_actions = np.zeros(game.spec.frame_shape, game.spec.frame_dtype), np.zeros(game.spec.num_actions, np.bool_)
    deadline = time.monotonic() + GAME_SECONDS
    with suppress(Exception):
        game.reset(0)
        for _ in range(NUM_MOVES):
            if time.monotonic() >= deadline:
                return
            game.frame(frame)
            game.legal_actions(legal_actions)
            step = game.step(int(random.choice(np.flatnonzero(legal_actions))))
            if step.is_terminal or step.is_truncated:
                return


if __name__ == "__main__":
    main()
