"""The evaluator: plays the newest weights greedily against an opponent now and then, and the last ones, through the same server.

Never imports torch.
"""

import logging
import time
from contextlib import suppress
from pathlib import Path

from engine.environment_failures import EnvironmentFailures
from engine.errors import PeerDied
from engine.evaluation import hold_evaluation, moment_of, report_evaluation
from engine.inference_client import RemoteModel
from engine.layout import Control, Counter, SpanKind, State
from engine.process_life import Life, ProcessSetup, main
from engine.run_parts import connect
from engine.slots import evaluation_trees, evaluator_client
from engine.telemetry import ProcessIndices
from muzero.games import make_game
from muzero.matches import MatchResult
from muzero.search import BatchedSearch

LAST_WEIGHTS_SECONDS = 0.05
"""Time between two looks at whether the last weights are there."""

logger = logging.getLogger(__name__)


def run(setup: ProcessSetup, life: Life) -> None:
    """Evaluates until training ends, and then the last weights."""
    evaluator = Evaluator(setup, life)
    try:
        life.ready()
        while not life.should_stop():
            evaluator.turn()
        life.outlive_training()
        evaluator.play_last_weights()
    finally:
        evaluator.close()


class Evaluator:
    """Opponent, search and where results go."""

    def __init__(self, setup: ProcessSetup, life: Life) -> None:
        config = setup.config
        spec = make_game(config.env).spec
        self._config = config
        self._life = life
        self._client = evaluator_client(config)
        self._inference, self._spans = connect(setup, life, spec, self._client.server), life.block.spans
        self._model = RemoteModel(self._inference, self._client.index, life)
        self._search = BatchedSearch(config.search, num_trees=evaluation_trees(config), spec=spec)
        self._indices = ProcessIndices.of_run(config)
        self._run_dir = Path(setup.run_dir)
        self._failures = EnvironmentFailures(life.block, self._run_dir, setup.role)
        self._evaluated_step = -1

    def turn(self) -> None:
        """Waits for the next evaluation's time, then holds it."""
        self._life.wait(self._config.evaluation.interval_seconds)
        self._life.progress()
        if not self._life.should_stop() and self._life.telemetry.control(Control.LEARNER_STEPS) != self._evaluated_step:
            self._hold()

    def play_last_weights(self) -> None:
        """Holds one more evaluation once the learner has ended and the server has its last weights; none if the learner failed."""
        telemetry = self._life.telemetry
        learner, server = telemetry.block(self._indices.learner), telemetry.block(self._indices.servers[self._client.server])
        while learner.state == State.READY or server.get(Counter.PUBLISHED_VERSION) < learner.get(Counter.PUBLISHED_VERSION):
            if self._life.should_stop():
                return
            self._life.wait(LAST_WEIGHTS_SECONDS)
        if learner.state == State.STOPPED:
            self._hold()

    def close(self) -> None:
        """Closes the wire."""
        self._inference.close()

    def _hold(self) -> None:
        began, started = moment_of(self._life.telemetry, self._indices), time.monotonic()
        span = self._spans.begin()
        result = self._evaluate(began.learner_steps)
        self._spans.end(SpanKind.MATCH, span)
        if result is not None:
            self._evaluated_step = began.learner_steps
            report_evaluation(self._life.block, self._run_dir, result, began, time.monotonic() - started)
            logger.info("evaluation at learner step %d: %s", began.learner_steps, result)

    def _evaluate(self, step: int) -> MatchResult | None:
        with suppress(PeerDied):
            return self._failures.evaluation(lambda: hold_evaluation(self._model, self._search, self._config, step, self._life.should_stop))
        return None


if __name__ == "__main__":
    main(run)
