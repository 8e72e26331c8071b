"""An actor of the benchmarks: drives searches against a real inference server and counts their simulations. No games, no server.

As a process it searches for as many seconds as a line on stdin says, prints what it did, and waits for the next line.
"""

import sys
import time
from contextlib import closing

import msgspec
import numpy as np

from engine.errors import PeerDied
from engine.inference_client import InferenceClient
from engine.run_parts import make_wire
from engine.slots import actor_clients
from engine.transport import ClientSocket
from launch.bench_child import next_question, print_answer
from launch.bench_task import EPOCH, Played, Task, bench_spec
from muzero.search import BatchedSearch
from muzero.types import Observation, RecurrentReply, Reply, Request, SearchAborted, SearchSteps

REPLY_SECONDS = 0.1
PATIENCE_SECONDS = 60.0
"""Longest time without any reply: the server is gone."""
QUESTION_SECONDS = 3600.0


def main() -> None:
    """Does the work of the process."""
    task = msgspec.json.decode(sys.argv[1], type=Task)
    with closing(Driver(task)) as driver:
        print_answer("ready")
        while question := next_question(QUESTION_SECONDS):
            print_answer(driver.run(float(question)))


class Driver:
    """Groups of trees that take turns waiting for the server; searches go on from one measurement to the next.

    Args:
        task: sizes, address, and which actor it is.
    """

    def __init__(self, task: Task) -> None:
        config, spec = task.config, bench_spec(task.board)
        trees = config.actors.games_per_group
        self._trees = trees
        self._socket = ClientSocket(task.address, f"actor-{task.actor}")
        self._client = InferenceClient(make_wire(config, spec), self._socket, lambda: EPOCH)
        self._observation = Observation(np.zeros((trees, spec.num_frames, *spec.frame_shape), np.int8), np.zeros(trees, np.int8))
        self._legal = np.ones((trees, spec.num_actions), np.bool_)
        self._noise = np.random.default_rng(task.actor).gumbel(size=self._legal.shape).astype(np.float32)
        clients = [client.index for client in actor_clients(config, task.actor)]
        self._searches = {client: BatchedSearch(config.search, num_trees=trees, spec=spec) for client in clients}
        self._steps = {client: self._new_search(client) for client in clients}
        self._held: dict[int, Request] = {client: next(steps) for client, steps in self._steps.items()}

    def run(self, seconds: float) -> Played:
        """Returns what so many seconds of searching gave.

        Raises:
            PeerDied: the server answers no more.
        """
        started = heard = now = time.monotonic()
        cpu_started, simulations = time.process_time(), 0
        for client, request in self._held.items():
            self._client.send(client, request)
        self._held = {}
        while len(self._held) < len(self._searches):
            answer = self._client.receive(REPLY_SECONDS)
            now = time.monotonic()
            if answer is None:
                if now - heard > PATIENCE_SECONDS:
                    raise PeerDied("the benchmark's server answers no more: see what it printed above.")
                continue
            heard = now
            client, reply = answer
            request = self._next_request(client, reply)
            simulations += self._trees * isinstance(reply, RecurrentReply)
            if now - started < seconds:
                self._client.send(client, request)
            else:
                self._held[client] = request
        return Played(simulations=simulations, seconds=now - started, cpu_seconds=time.process_time() - cpu_started)

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def _next_request(self, client: int, reply: Reply | SearchAborted) -> Request:
        """Returns what a client asks after a reply; a search that is over is followed by another."""
        try:
            return self._steps[client].send(reply)
        except StopIteration:
            self._steps[client] = self._new_search(client)
            return next(self._steps[client])

    def _new_search(self, client: int) -> SearchSteps:
        return self._searches[client].steps(self._observation, self._legal, self._noise)


if __name__ == "__main__":
    main()
