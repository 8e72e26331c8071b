"""One batch of reanalysis: draw stored positions, search them again, write the fresh targets beside the originals.

The same for a process of its own and for a run in one process; what is drawn is `reanalysis_draw.py`'s, the search is
`muzero/reanalyze.py`'s.
"""

from dataclasses import dataclass

import numpy as np

from engine.config import RunConfig
from engine.layout import Counter, Gauge, SpanKind, policy_entries_for
from engine.reanalysis_draw import Chunk, ChunkDraw
from engine.ring import Ring
from engine.telemetry import ProcessBlock
from engine.trace import SpanRecorder, silent_recorder
from muzero.policy_divergence import policy_divergence
from muzero.randomness import Purpose, generator, root_noise
from muzero.reanalyze import FreshTargets, SearchRoots, reanalyze, search_roots
from muzero.search import BatchedSearch
from muzero.types import Float32Array, GameSpec, Int64Array, Model

DIVERGENCE_MEMORY = 0.9
"""Weight of the batches before in the mean divergence that is shown."""


@dataclass(frozen=True)
class ReanalyzedBatch:
    """What one batch brought.

    Attributes:
        num_positions: positions with fresh targets now.
        num_overwritten: positions that writers overwrote meanwhile.
        num_simulations: simulations of all trees.
        divergence: mean of `policy_divergence` from the policies of self-play in nats, NaN without any.
    """

    num_positions: int
    num_overwritten: int
    num_simulations: int
    divergence: float


class Reanalysis:
    """Searches batches of stored positions again.

    Args:
        config: the run.
        spec: the game.
        ring: the replay log.
        search: as many trees as positions are searched at once.
        reanalyzer_index: which reanalyzer this is.
        spans: records what it does; nothing does by default.
    """

    def __init__(
        self,
        config: RunConfig,
        spec: GameSpec,
        ring: Ring,
        search: BatchedSearch,
        reanalyzer_index: int,
        spans: SpanRecorder | None = None,
    ) -> None:
        self._spec, self._ring, self._search, self._spans = spec, ring, search, spans or silent_recorder()
        self._seed, self._index = config.seed, reanalyzer_index
        self._search_config, self._has_noise = config.search, config.reanalyze.root_noise
        self._policy_entries = policy_entries_for(spec.num_actions, config.replay.policy_entries)
        self._draw = ChunkDraw(ring, spec, config.reanalyze, config.training.td_steps, config.search.discount)

    def run(self, model: Model, batch_number: int) -> ReanalyzedBatch:
        """Reanalyzes one batch; an empty ring gives an empty one.

        Args:
            model: the network, for as many trees as the search has.
            batch_number: number of the batch in the run; what is drawn follows from it and the ring alone.
        """
        spans, began = self._spans, self._spans.begin()
        random = generator(self._seed, Purpose.REANALYSIS, self._index, batch_number)
        chunks = self._draw.draw(random, self._search.num_trees)
        if not chunks:
            return ReanalyzedBatch(0, 0, 0, np.nan)
        roots = self._read(chunks)
        spans.end(SpanKind.DRAW, began)
        began = spans.begin()
        targets = reanalyze(model, self._search, roots, self._policy_entries, self._noise(random, roots))
        spans.end(SpanKind.SEARCH, began, self._search.num_trees)
        began = spans.begin()
        batch = self._write(chunks, targets)
        spans.end(SpanKind.WRITE_FRESH, began)
        return batch

    def _read(self, chunks: list[Chunk]) -> SearchRoots:
        """Copies the chunks out of the ring; what was overwritten meanwhile is made a position like that of an idle tree."""
        arrays, lengths = self._ring.arrays, [chunk.length for chunk in chunks]
        start = np.repeat(np.array([chunk.start for chunk in chunks], np.int64), lengths)
        positions = search_roots(
            arrays["frame"],
            arrays["to_play"],
            arrays["legal_bits"],
            start,
            _rows(chunks) - start,
            spec=self._spec,
            num_trees=self._search.num_trees,
        )
        is_whole = self._ring.are_valid(np.array([chunk.sequence for chunk in chunks], np.int64))
        torn = np.flatnonzero(~np.repeat(is_whole, lengths))
        positions.observation.frames[torn] = 0
        positions.legal_actions[torn] = True
        return positions

    def _noise(self, random: np.random.Generator, roots: SearchRoots) -> Float32Array | None:
        """Returns the noise of all roots, float32 [T, A], or None where the run wants none."""
        if not self._has_noise:
            return None
        return np.stack([root_noise(random, legal_actions, self._search_config) for legal_actions in roots.legal_actions])

    def _write(self, chunks: list[Chunk], targets: FreshTargets) -> ReanalyzedBatch:
        """Writes the fresh targets of all chunks that are still there."""
        arrays, row = self._ring.arrays, _rows(chunks)
        old_action, old_weight = arrays["policy_action"][row], arrays["policy_weight"][row]
        ends = np.cumsum([chunk.length for chunk in chunks])
        is_written = np.zeros(len(row), np.bool_)
        for chunk, end in zip(chunks, ends, strict=True):
            part = slice(end - chunk.length, end)
            action, weight, value = targets.policy_action[part], targets.policy_weight[part], targets.value[part]
            is_written[part] = self._ring.write_fresh(chunk.sequence, chunk.offset, action, weight, value, targets.version)
        divergence = policy_divergence(targets.policy[: len(row)], old_action, old_weight)
        known = divergence[is_written & np.isfinite(divergence)]
        num_written, simulations = int(is_written.sum()), self._search.num_trees * self._search_config.num_simulations
        return ReanalyzedBatch(num_written, len(row) - num_written, simulations, float(known.mean()) if len(known) else np.nan)


def _rows(chunks: list[Chunk]) -> Int64Array:
    """Returns the physical rows of all chunks, int64 [B]."""
    return np.concatenate([np.arange(chunk.rows.start, chunk.rows.stop, dtype=np.int64) for chunk in chunks])


def count_batch(block: ProcessBlock, batch: ReanalyzedBatch) -> None:
    """Counts a batch in the reanalyzer's telemetry."""
    block.add(Counter.BATCHES, 1)
    block.add(Counter.REANALYZED_POSITIONS, batch.num_positions)
    block.add(Counter.SKIPPED_READS, batch.num_overwritten)
    block.add(Counter.SIMULATIONS, batch.num_simulations)
    if np.isfinite(batch.divergence):
        memory = DIVERGENCE_MEMORY if block.gauge(Gauge.POLICY_DIVERGENCE) else 0.0
        mean = memory * block.gauge(Gauge.POLICY_DIVERGENCE) + (1.0 - memory) * batch.divergence
        block.set_gauge(Gauge.POLICY_DIVERGENCE, mean)
