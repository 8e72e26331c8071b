"""The metrics files, read back as a user's tools read them."""

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from engine.config import RunConfig
from engine.layout import telemetry_layout
from engine.metrics_log import SCALARS, SCALARS_OF_REANALYSIS, MetricsLog
from engine.shared_memory import Segment
from engine.status import Status, StatusReader
from engine.telemetry import ProcessIndices, Telemetry

INDICES = ProcessIndices.of(1, has_evaluator=False)
FRESH = StatusReader(Telemetry(Segment.private(telemetry_layout(INDICES.num_processes)).arrays), RunConfig(), INDICES, started=0.0).read(
    0.0, {}, 0
)


def write(run_dir: Path, purge_step: int | None, *statuses: Status) -> None:
    """Writes some statuses as one start of a run."""
    log = MetricsLog(run_dir, purge_step)
    for status in statuses:
        log.write(status)
    log.close()


def lines(run_dir: Path) -> list[dict[str, Any]]:
    """Returns the lines of the run's metrics."""
    return [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]


def scalars(run_dir: Path, name: str) -> list[tuple[int, float]]:
    """Returns step and value of each point that TensorBoard shows."""
    events = EventAccumulator(str(run_dir / "tb"))
    events.Reload()
    return [(event.step, event.value) for event in events.Scalars(name)]


def test_each_status_is_a_line_with_every_field(tmp_path: Path) -> None:
    write(tmp_path, None, replace(FRESH, learner_steps=1, total_loss=2.5, roles={"actor-0": "READY"}), replace(FRESH, learner_steps=2))
    first, second = lines(tmp_path)
    assert first.keys() == {"time"} | Status.__dataclass_fields__.keys()
    assert (first["learner_steps"], first["total_loss"], first["roles"]) == (1, 2.5, {"actor-0": "READY"})
    assert first["time"].endswith("+00:00") and second["learner_steps"] == 2


def test_unknown_numbers_are_null(tmp_path: Path) -> None:
    assert math.isnan(FRESH.score)
    write(tmp_path, None, FRESH)
    assert lines(tmp_path)[0]["score"] is None and lines(tmp_path)[0]["eta_seconds"] is None


def test_line_is_there_before_the_log_is_closed(tmp_path: Path) -> None:
    log = MetricsLog(tmp_path, None)
    log.write(FRESH)
    assert len(lines(tmp_path)) == 1
    log.close()


def test_tensorboard_shows_the_known_names_at_the_learner_step(tmp_path: Path) -> None:
    write(tmp_path, None, replace(FRESH, learner_steps=40, total_loss=0.5, return_mean=195.0, env_steps_per_second=30.0))
    assert scalars(tmp_path, "train/loss") == [(40, 0.5)]
    assert scalars(tmp_path, "rollout/ep_rew_mean") == [(40, 195.0)]
    assert scalars(tmp_path, "time/fps") == [(40, 30.0)]
    with pytest.raises(KeyError):
        scalars(tmp_path, "eval/score")  # not known yet


def test_every_scalar_is_a_field_of_the_status() -> None:
    assert {*SCALARS.values(), *SCALARS_OF_REANALYSIS.values()} <= Status.__dataclass_fields__.keys()


def test_resumed_run_appends_and_replaces_what_came_after_its_checkpoint(tmp_path: Path) -> None:
    write(tmp_path, None, *(replace(FRESH, learner_steps=step, total_loss=1.0) for step in (10, 20, 30)))
    write(tmp_path, 20, *(replace(FRESH, learner_steps=step, total_loss=2.0) for step in (20, 30)))
    assert [line["learner_steps"] for line in lines(tmp_path)] == [10, 20, 30, 20, 30]
    assert scalars(tmp_path, "train/loss") == [(10, 1.0), (20, 2.0), (30, 2.0)]


def test_full_disk_is_reported_once_and_does_not_end_the_run(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "metrics.jsonl").symlink_to("/dev/full")
    write(tmp_path, None, FRESH, FRESH)
    assert [record.getMessage() for record in caplog.records] == ["metrics cannot be written: [Errno 28] No space left on device"]


def test_tensorboard_shows_reanalysis_with_the_ages_of_its_targets_where_there_is_any(tmp_path: Path) -> None:
    ages = (4, 0, 2, *[0] * 13)
    write(tmp_path, None, replace(FRESH, learner_steps=7, reanalyzed_positions=50, fresh_fraction=0.75, fresh_age_histogram=ages))
    events = EventAccumulator(str(tmp_path / "tb"))
    events.Reload()
    assert scalars(tmp_path, "reanalyze/fresh_fraction") == [(7, 0.75)]
    (histogram,) = events.Histograms("reanalyze/ages")
    assert (histogram.histogram_value.num, histogram.histogram_value.bucket_limit[:3]) == (6.0, [1.0, 2.0, 4.0])
    assert histogram.histogram_value.sum == 2 * 3.0  # ages 2 and 3 count as 3


def test_tensorboard_shows_nothing_of_reanalysis_where_there_is_none(tmp_path: Path) -> None:
    write(tmp_path, None, FRESH)
    with pytest.raises(KeyError):
        scalars(tmp_path, "reanalyze/fresh_fraction")
