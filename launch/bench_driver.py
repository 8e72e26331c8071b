"""Drives searches against a real inference server as an actor does, and counts their simulations. No server in here."""

import time
from collections.abc import Callable

import numpy as np

from engine.inference_client import InferenceClient
from engine.run_parts import make_wire
from engine.transport import ClientSocket
from launch.bench_task import EPOCH, Task, bench_spec
from muzero.search import BatchedSearch
from muzero.types import Observation, RecurrentReply, Reply, Request, SearchAborted, SearchSteps

REPLY_SECONDS = 0.1


class Driver:
    """Groups of trees that take turns waiting for the server; searches go on from one measurement to the next.

    Args:
        task: sizes and address.
        require_server: raises if the server is gone.
    """

    def __init__(self, task: Task, require_server: Callable[[], None]) -> None:
        config, spec = task.config, bench_spec(task.board)
        trees, groups = config.actors.games_per_group, config.actors.groups
        self._trees, self._require_server = trees, require_server
        self._socket = ClientSocket(task.address, "actor-0")
        self._client = InferenceClient(make_wire(config, spec), self._socket, lambda: EPOCH)
        self._observation = Observation(np.zeros((trees, spec.num_frames, *spec.frame_shape), np.int8), np.zeros(trees, np.int8))
        self._legal = np.ones((trees, spec.num_actions), np.bool_)
        self._noise = np.random.default_rng(0).gumbel(size=self._legal.shape).astype(np.float32)
        self._searches = [BatchedSearch(config.search, num_trees=trees, spec=spec) for _ in range(groups)]
        self._steps = [self._new_search(group) for group in range(groups)]
        self._held: dict[int, Request] = {group: next(steps) for group, steps in enumerate(self._steps)}

    def run(self, seconds: float) -> float:
        """Returns the simulations per second of so many seconds of searching."""
        started = now = time.monotonic()
        deadline, simulations = started + seconds, 0
        for group, request in self._held.items():
            self._client.send(group, request)
        self._held = {}
        while len(self._held) < len(self._searches):
            answer = self._client.receive(REPLY_SECONDS)
            if answer is None:
                self._require_server()
                continue
            group, reply = answer
            request = self._next_request(group, reply)
            now = time.monotonic()
            simulations += self._trees * isinstance(reply, RecurrentReply)
            if now < deadline:
                self._client.send(group, request)
            else:
                self._held[group] = request
        return simulations / (now - started)

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def _next_request(self, group: int, reply: Reply | SearchAborted) -> Request:
        """Returns what a group asks after a reply; a search that is over is followed by another."""
        try:
            return self._steps[group].send(reply)
        except StopIteration:
            self._steps[group] = self._new_search(group)
            return next(self._steps[group])

    def _new_search(self, group: int) -> SearchSteps:
        return self._searches[group].steps(self._observation, self._legal, self._noise)
