"""Writes each status of a run to `metrics.jsonl` and to TensorBoard events in `tb/`; computes nothing and imports no torch."""

import logging
import math
import time
from datetime import UTC, datetime
from pathlib import Path

import msgspec
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import HistogramProto, Summary
from tensorboard.summary.writer.event_file_writer import EventFileWriter

from engine.run_clock import METRICS_NAME
from engine.status import Status, status_record

SCALARS = {
    "rollout/ep_rew_mean": "return_mean",
    "rollout/ep_len_mean": "length_mean",
    "time/fps": "env_steps_per_second",
    "train/loss": "total_loss",
    "train/value_loss": "value_loss",
    "train/reward_loss": "reward_loss",
    "train/policy_loss": "policy_loss",
    "train/consistency_loss": "consistency_loss",
    "train/learning_rate": "learning_rate",
    "train/steps_per_second": "learner_steps_per_second",
    "train/samples_per_second": "samples_per_second",
    "actor/env_steps": "env_steps",
    "actor/games_per_second": "games_per_second",
    "actor/simulations_per_second": "simulations_per_second",
    "infer/batch_size_mean": "batch_size_mean",
    "infer/batch_fill": "batch_fill",
    "replay/ratio": "replay_ratio",
    "replay/policy_lag_versions": "policy_lag_versions",
    "replay/ring_steps": "ring_steps",
    "eval/score": "score",
}
"""TensorBoard name of each field; the first four are those that users of Stable-Baselines3 know."""
SCALARS_OF_REANALYSIS = {
    "reanalyze/positions_per_second": "reanalyzed_per_second",
    "reanalyze/share_of_simulations": "reanalysis_share",
    "reanalyze/fresh_fraction": "fresh_fraction",
    "reanalyze/fresh_target_fraction": "fresh_target_fraction",
    "reanalyze/age_versions": "fresh_age_mean",
    "reanalyze/policy_divergence": "policy_divergence",
    "reanalyze/wait_fraction": "fresh_wait_fraction",
}
"""The same of a run that reanalyzes."""

logger = logging.getLogger(__name__)


class MetricsLog:
    """The metrics files of one start of a run; close it when the run is over."""

    def __init__(self, run_dir: Path, purge_step: int | None) -> None:
        """Opens the files for appending.

        Args:
            run_dir: the run folder.
            purge_step: learner step a resumed run goes on from: TensorBoard drops what an earlier start wrote at or after it.
                None for a new run.
        """
        self._lines = (run_dir / METRICS_NAME).open("ab", buffering=0)
        self._events = EventFileWriter(str(run_dir / "tb"))
        self._has_failed = False
        if purge_step is not None:
            self._events.add_event(Event(wall_time=time.time(), step=purge_step, session_log=SessionLog(status=SessionLog.START)))

    def write(self, status: Status) -> None:
        """Appends one status, at step `learner_steps`; a full disk is reported once and costs metrics, not the run."""
        try:
            self._lines.write(_line(status))
            self._events.add_event(Event(wall_time=time.time(), step=status.learner_steps, summary=_summary(status)))
            self._events.flush()
        except OSError as error:
            if not self._has_failed:
                logger.warning("metrics cannot be written: %s", error)
            self._has_failed = True

    def close(self) -> None:
        """Writes what is buffered and closes the files."""
        self._lines.close()
        self._events.close()


def _line(status: Status) -> bytes:
    """Returns one line of JSON with the time in UTC; unknown numbers (NaN) become null."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    return msgspec.json.encode({"time": now} | status_record(status)) + b"\n"


def _summary(status: Status) -> Summary:
    names = SCALARS | SCALARS_OF_REANALYSIS if status.reanalyzed_positions else SCALARS
    values = {name: float(getattr(status, field)) for name, field in names.items()}
    summary = Summary(value=[Summary.Value(tag=name, simple_value=value) for name, value in values.items() if math.isfinite(value)])
    if any(status.fresh_age_histogram):
        summary.value.append(Summary.Value(tag="reanalyze/ages", histo=_age_histogram(status.fresh_age_histogram)))
    return summary


def _age_histogram(counts: tuple[int, ...]) -> HistogramProto:
    """Returns the ages of fresh targets as TensorBoard draws them: bins of the ages 0, 1, 2 to 3, 4 to 7, ..."""
    limits = [2.0**index for index in range(len(counts))]
    middles = [0.0, *(0.75 * limit for limit in limits[1:])]
    sums = [sum(count * middle**power for count, middle in zip(counts, middles, strict=True)) for power in (1, 2)]
    return HistogramProto(
        min=0.0, max=limits[-1], num=sum(counts), sum=sums[0], sum_squares=sums[1], bucket_limit=limits, bucket=map(float, counts)
    )
