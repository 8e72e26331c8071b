"""The evaluator: plays the newest weights greedily against an opponent now and then, through the same server. Never imports torch."""

import logging
import time
from contextlib import suppress
from pathlib import Path

from engine.environment_failures import EnvironmentFailures
from engine.errors import PeerDied
from engine.evaluation import hold_evaluation, moment_of, report_evaluation
from engine.inference_client import InferenceClient, RemoteModel
from engine.layout import Control, SpanKind
from engine.process_life import Life, ProcessSetup, main
from engine.run_parts import make_wire
from engine.slots import evaluation_trees, evaluator_client
from engine.telemetry import ProcessIndices
from engine.transport import ClientSocket, server_address
from muzero.games import make_game
from muzero.matches import MatchResult
from muzero.search import BatchedSearch

logger = logging.getLogger(__name__)


def run(setup: ProcessSetup, life: Life) -> None:
    """Evaluates until the run stops."""
    evaluator = Evaluator(setup, life)
    try:
        life.ready()
        while not life.should_stop():
            evaluator.turn()
    finally:
        evaluator.close()


class Evaluator:
    """Opponent, search and where results go."""

    def __init__(self, setup: ProcessSetup, life: Life) -> None:
        config = setup.config
        spec = make_game(config.env).spec
        self._config = config
        self._life = life
        self._socket = ClientSocket(server_address(Path(setup.socket_dir)), setup.role)
        epoch, self._spans = lambda: life.telemetry.control(Control.SERVER_EPOCH), life.block.spans
        client = InferenceClient(make_wire(config, spec), self._socket, epoch, self._spans)
        self._model = RemoteModel(client, evaluator_client(config).index, life)
        self._search = BatchedSearch(config.search, num_trees=evaluation_trees(config), spec=spec)
        self._indices = ProcessIndices.of(config.actors.num_actors, has_evaluator=True)
        self._run_dir = Path(setup.run_dir)
        self._failures = EnvironmentFailures(life.block, self._run_dir, setup.role)
        self._evaluated_step = -1

    def turn(self) -> None:
        """Waits for the next evaluation's time, then holds it."""
        self._life.wait(self._config.evaluation.interval_seconds)
        began, started = moment_of(self._life.telemetry, self._indices), time.monotonic()
        step = began.learner_steps
        self._life.progress()
        if self._life.should_stop() or step == self._evaluated_step:
            return
        span = self._spans.begin()
        result = self._evaluate(step)
        self._spans.end(SpanKind.MATCH, span)
        if result is not None:
            self._evaluated_step = step
            report_evaluation(self._life.block, self._run_dir, result, began, time.monotonic() - started)
            logger.info("evaluation at learner step %d: %s", step, result)

    def close(self) -> None:
        """Closes the socket."""
        self._socket.close()

    def _evaluate(self, step: int) -> MatchResult | None:
        with suppress(PeerDied):
            return self._failures.evaluation(lambda: hold_evaluation(self._model, self._search, self._config, step, self._life.should_stop))
        return None


if __name__ == "__main__":
    main(run)
