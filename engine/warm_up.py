"""A short process before a run: compiles every Numba kernel once, finds out the network's size, checks the devices.

The supervisor must not import torch, and dozens of actors must find compiled kernels in the cache, so both are done here. Reads
the configuration as JSON on stdin and prints one JSON object: num_floats, device, learner_device, or error and exit_code.
"""

import json
import os
import subprocess
import sys

import msgspec

from engine.config import RunConfig
from engine.errors import RunFailed
from muzero.errors import MuZeroError, UserError

WARM_UP_SECONDS = 600.0


class WarmUp(msgspec.Struct, frozen=True, kw_only=True):
    """What the warm-up found.

    Attributes:
        num_floats: W, floats of the network.
        device, learner_device: devices in use, "cpu" or "cuda:N".
    """

    num_floats: int
    device: str
    learner_device: str


def warm_up(config: RunConfig) -> WarmUp:
    """Runs the warm-up process and returns what it found.

    Raises:
        MuZeroError: of the kind and with the sentence of what went wrong there.
    """
    command = [sys.executable, "-m", "engine.warm_up"]
    try:
        done = subprocess.run(
            command, input=msgspec.json.encode(config), capture_output=True, timeout=WARM_UP_SECONDS, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"}
        )
    except subprocess.TimeoutExpired as error:
        raise RunFailed(f"the warm-up took longer than {WARM_UP_SECONDS:.0f} seconds: is the machine overloaded?") from error
    lines = done.stdout.decode().strip().splitlines()
    if done.returncode != 0 or not lines:
        raise RunFailed(f"the warm-up process failed:\n{done.stderr.decode()[-4000:]}")
    answer = json.loads(lines[-1])
    if "error" in answer:
        raise _error_of(answer)
    return msgspec.convert(answer, WarmUp)


def _error_of(answer: dict[str, object]) -> MuZeroError:
    """Returns the error that the warm-up process reported, with its exit code."""
    error = UserError(str(answer["error"]))
    error.exit_code = int(str(answer["exit_code"]))
    return error


def compile_kernels(config: RunConfig) -> None:
    """Plays a few moves of the game against a made-up network, which compiles what an actor needs."""
    from engine.layout import policy_entries_for
    from muzero.games import make_game
    from muzero.search import BatchedSearch, FunctionModel, run_search
    from muzero.types import Observation

    import numpy as np

    spec = make_game(config.game).spec
    policy_entries_for(spec.num_actions, config.replay.policy_entries)
    search = BatchedSearch(config.search, num_trees=2, spec=spec)
    zeros, logits = np.zeros(2, np.float32), np.zeros((2, spec.num_actions), np.float32)
    model = FunctionModel(
        lambda observation: (zeros[:, None], zeros, logits),
        lambda hidden_state, action: (hidden_state, zeros, zeros, logits),
        num_nodes=search.num_nodes,
        num_priors=search.num_priors,
    )
    frames = np.zeros((2, spec.num_frames, *spec.frame_shape), spec.frame_dtype)
    legal = np.ones((2, spec.num_actions), np.bool_)
    run_search(model, search.steps(Observation(frames, np.zeros(2, np.int8)), legal, logits))


def compile_replay(config: RunConfig) -> None:
    """Stores and samples a few steps in a ring of this process, which compiles what the learner needs."""
    from engine.layout import ring_layout_of
    from engine.replay import Replay
    from engine.ring import Ring
    from engine.shared_memory import Segment
    from muzero.games import make_game
    from muzero.randomness import Purpose, generator
    from muzero.self_play import blank_trajectory
    from engine.layout import policy_entries_for

    spec = make_game(config.game).spec
    small = msgspec.structs.replace(config, replay=msgspec.structs.replace(config.replay, capacity_steps=1000, min_steps=1))
    ring = Ring(Segment.private(ring_layout_of(small, spec)), None)
    ring.append(blank_trajectory(spec, 8, policy_entries_for(spec.num_actions, config.replay.policy_entries)))
    replay = Replay(ring, spec, small.replay, config.training, config.search.discount, generator(0, Purpose.REPLAY))
    replay.ingest()
    batch = replay.make_batch_buffers()
    replay.sample(batch)
    replay.update_priorities(batch.row, batch.sample_weight)


def _describe(config: RunConfig) -> WarmUp:
    from engine.device import resolve_device
    from muzero.games import make_game
    from muzero.networks.flat_state import num_floats
    from muzero.networks.network import build_network

    game = make_game(config.game)
    device, learner_device = resolve_device(config.inference.device), resolve_device(config.learner.device)
    network = build_network(game.spec, game.action_planes(), config.network, config.seed)
    return WarmUp(num_floats=num_floats(network), device=str(device), learner_device=str(learner_device))


def main() -> None:
    """Does the work of the process."""
    config = msgspec.json.decode(sys.stdin.buffer.read(), type=RunConfig)
    try:
        found = _describe(config)
        compile_kernels(config)
        compile_replay(config)
    except MuZeroError as error:
        print(json.dumps({"error": str(error), "exit_code": error.exit_code}))
        return
    print(msgspec.json.encode(found).decode())


if __name__ == "__main__":
    main()
