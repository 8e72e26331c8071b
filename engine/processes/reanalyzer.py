"""A reanalyzer: searches stored positions again with the newest weights, in large batches, for fresher targets. Never imports torch."""

import time

from engine.errors import PeerDied
from engine.inference_client import RemoteModel
from engine.layout import Control, Counter, SpanKind
from engine.process_life import Life, ProcessSetup, main
from engine.reanalysis import Reanalysis, count_batch
from engine.run_parts import attach_ring, connect
from engine.slots import reanalyzer_client
from engine.telemetry import ProcessIndices, reanalyzed_positions
from muzero.games import make_game
from muzero.search import BatchedSearch

PAUSE_SECONDS = 0.01


def run(setup: ProcessSetup, life: Life) -> None:
    """Reanalyzes until the run stops."""
    reanalyzer = Reanalyzer(setup, life)
    try:
        life.ready()
        while not life.should_stop():
            reanalyzer.turn()
    finally:
        reanalyzer.close()


class Reanalyzer:
    """Ring, search and client of one reanalyzer process."""

    def __init__(self, setup: ProcessSetup, life: Life) -> None:
        config = setup.config
        spec = make_game(config.env).spec
        client = reanalyzer_client(config, setup.role_index)
        self._life = life
        self._reanalyzers = ProcessIndices.of_run(config).reanalyzers
        self._inference, self._spans = connect(setup, life, spec, client.server), life.block.spans
        self._model = RemoteModel(self._inference, client.index, life)
        search = BatchedSearch(config.search, num_trees=client.num_trees, spec=spec)
        ring = attach_ring(setup, spec, config.actors.num_actors + 1 + setup.role_index)
        self._reanalysis = Reanalysis(config, spec, ring, search, setup.role_index, self._spans)

    def turn(self) -> None:
        """Reanalyzes one batch, or pauses while the reanalyzers are ahead of the learner."""
        if self._is_ahead_of_learner():
            self._pause()
            return
        block, started = self._life.block, time.monotonic_ns()
        try:
            batch = self._reanalysis.run(self._model, batch_number=block.get(Counter.BATCHES))
        except PeerDied:
            if self._life.should_stop():
                return
            raise
        block.add(Counter.BUSY_NANOSECONDS, time.monotonic_ns() - started)
        count_batch(block, batch)
        self._life.progress()

    def close(self) -> None:
        """Closes the wire."""
        self._inference.close()

    def _is_ahead_of_learner(self) -> bool:
        telemetry = self._life.telemetry
        return reanalyzed_positions(telemetry, self._reanalyzers) >= telemetry.control(Control.REANALYSIS_LIMIT)

    def _pause(self) -> None:
        started, began = time.monotonic_ns(), self._spans.begin()
        self._life.wait(PAUSE_SECONDS)
        self._spans.end(SpanKind.THROTTLED, began)
        self._life.progress()
        self._life.block.add(Counter.THROTTLED_NANOSECONDS, time.monotonic_ns() - started)


if __name__ == "__main__":
    main(run)
