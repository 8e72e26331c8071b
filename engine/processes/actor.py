"""An actor: games and search, in groups that take turns waiting for the inference server. Never imports torch."""

import time
from collections import deque
from collections.abc import Generator
from pathlib import Path
from typing import Any

from engine.environment_failures import EnvironmentFailures
from engine.layout import Control, Counter, Gauge, SpanKind, legal_bytes_for, policy_entries_for
from engine.process_life import Life, ProcessSetup, main
from engine.ring import Ring
from engine.run_parts import attach_ring, connect
from engine.slots import actor_clients
from muzero.games import make_game
from muzero.move_outcome import Episode, MoveOutcome
from muzero.search import BatchedSearch
from muzero.self_play import SelfPlay
from muzero.types import Reply, Request, SearchAborted

REPLY_SECONDS = 0.1
PAUSE_SECONDS = 0.01
RECENT_EPISODES = 50


def run(setup: ProcessSetup, life: Life) -> None:
    """Plays until the run stops."""
    failures = EnvironmentFailures(life.block, Path(setup.run_dir), setup.role)
    with failures.reported_before_the_end():
        actor = Actor(setup, life, failures)
        try:
            life.ready()
            while not life.should_stop():
                actor.turn()
        finally:
            actor.close()


class Actor:
    """All groups of one actor process."""

    def __init__(self, setup: ProcessSetup, life: Life, failures: EnvironmentFailures) -> None:
        config = setup.config
        spec = make_game(config.env).spec
        self._life = life
        self._num_actors = config.actors.num_actors
        self._num_trees = config.actors.games_per_group
        self._ring: Ring = attach_ring(setup, spec, setup.role_index)
        clients = actor_clients(config, setup.role_index)
        self._inference, self._spans = connect(setup, life, spec, clients[0].server), life.block.spans
        self._failures = failures
        self._players: dict[int, SelfPlay] = {}
        for client in clients:
            self._players[client.index] = SelfPlay(
                config.env,
                config.search,
                config.self_play,
                BatchedSearch(config.search, num_trees=client.num_trees, spec=spec),
                seed=config.seed,
                actor_index=setup.role_index,
                policy_entries=policy_entries_for(spec.num_actions, config.replay.policy_entries),
                legal_bytes=legal_bytes_for(spec.num_actions, is_reanalyzed=config.reanalyze.is_enabled),
                next_game_index=self._next_game_index,
                learner_steps=lambda: life.telemetry.control(Control.LEARNER_STEPS),
            )
        self._moves: dict[int, Generator[Request, Any, MoveOutcome]] = {}
        self._episodes: deque[Episode] = deque(maxlen=RECENT_EPISODES)

    def turn(self) -> None:
        """Starts the groups that are between two moves, if the governor lets them, then serves one reply."""
        if len(self._moves) < len(self._players) and not self._is_ahead_of_learner():
            for client in self._players.keys() - self._moves.keys():
                self._begin_move(client)
        if not self._moves:
            self._pause()
            return
        started = time.monotonic_ns()
        answer = self._inference.receive(REPLY_SECONDS)
        self._life.block.add(Counter.WAIT_NANOSECONDS, time.monotonic_ns() - started)
        if answer is not None:
            self._advance(*answer)

    def close(self) -> None:
        """Closes the wire."""
        self._inference.close()

    def _next_game_index(self) -> int:
        block = self._life.block
        block.add(Counter.NEXT_GAME, 1)
        return block.get(Counter.NEXT_GAME) - 1

    def _is_ahead_of_learner(self) -> bool:
        telemetry = self._life.telemetry
        played = telemetry.control(Control.ENV_STEPS_BASE) + telemetry.total(Counter.ENV_STEPS, range(self._num_actors))
        return played >= telemetry.control(Control.ENV_STEP_LIMIT)

    def _pause(self) -> None:
        started, began = time.monotonic_ns(), self._spans.begin()
        self._life.wait(PAUSE_SECONDS)
        self._spans.end(SpanKind.THROTTLED, began)
        self._life.progress()
        self._life.block.add(Counter.THROTTLED_NANOSECONDS, time.monotonic_ns() - started)

    def _begin_move(self, client: int) -> None:
        began = self._spans.begin()
        self._moves[client] = move = self._players[client].play_move()
        self._inference.send(client, next(move), SpanKind.BEGIN_MOVE, began)

    def _advance(self, client: int, reply: Reply | SearchAborted) -> None:
        """Hands a reply to its group and sends the group's next request."""
        move, began = self._moves[client], self._spans.begin()
        try:
            if isinstance(reply, SearchAborted):
                self._life.block.add(Counter.RESTARTED_SEARCHES, 1)
                request = move.throw(reply)
            else:
                request = move.send(reply)
        except StopIteration as stop:
            self._spans.end(SpanKind.GAME_STEP, began, self._num_trees)
            del self._moves[client]
            self._finish_move(stop.value)
            if not self._is_ahead_of_learner():
                self._begin_move(client)
            return
        self._inference.send(client, request, SpanKind.TREE, began)

    def _finish_move(self, outcome: MoveOutcome) -> None:
        for trajectory in outcome.trajectories:
            began = self._spans.begin()
            self._ring.append(trajectory)
            self._spans.end(SpanKind.WRITE_TRAJECTORY, began, len(trajectory.action))
        self._failures.report(outcome.failures)
        block = self._life.block
        block.add(Counter.ENV_STEPS, outcome.num_moves)
        block.add(Counter.SIMULATIONS, outcome.num_simulations)
        self._life.progress()
        if outcome.episodes:
            self._episodes.extend(outcome.episodes)
            block.add(Counter.GAMES, len(outcome.episodes))
            block.set_gauge(Gauge.RETURN_MEAN, sum(e.total_reward for e in self._episodes) / len(self._episodes))
            block.set_gauge(Gauge.LENGTH_MEAN, sum(e.num_moves for e in self._episodes) / len(self._episodes))


if __name__ == "__main__":
    main(run)
