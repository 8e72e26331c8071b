"""What was done so far to measure one row, beside the run's folder: a measurement that is cut anywhere goes on from here."""

import json
import os
from pathlib import Path
from typing import Any

import msgspec

from benchmarks.result import Part


class Journal:
    """A file of one JSON object a line, to which each thing done is appended and forced to the disk.

    Args:
        run_dir: the run's folder; the file lies beside it, because a new run wants its folder empty.
    """

    def __init__(self, run_dir: Path) -> None:
        self.path = run_dir.with_name(f"{run_dir.name}.journal.jsonl")

    def clear(self) -> None:
        """Forgets everything: a new run begins."""
        self.path.unlink(missing_ok=True)

    def add_part(self, part: Part) -> None:
        """Notes a start of the training, before it happens."""
        self._add({"part": msgspec.to_builtins(part)})

    def add_end_of_training(self) -> None:
        """Notes that the training ended by itself."""
        self._add({"is_trained": True})

    def add_match(self, command: str, record: dict[str, Any]) -> None:
        """Notes what an evaluation printed."""
        self._add({"command": command, "record": record})

    @property
    def parts(self) -> tuple[Part, ...]:
        """All starts of the training."""
        return tuple(msgspec.convert(event["part"], Part) for event in self._events() if "part" in event)

    @property
    def is_trained(self) -> bool:
        """Whether the training ended by itself."""
        return any("is_trained" in event for event in self._events())

    @property
    def records(self) -> dict[str, dict[str, Any]]:
        """What each evaluation printed, by its command."""
        return {event["command"]: event["record"] for event in self._events() if "record" in event}

    def _add(self, event: dict[str, Any]) -> None:
        """Appends a line; it begins with a line end, so that what a kill left half written spoils itself alone."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(f"\n{json.dumps(event)}\n")
            file.flush()
            os.fsync(file.fileno())

    def _events(self) -> list[dict[str, Any]]:
        events = []
        for line in self.path.read_text().splitlines() if self.path.exists() else []:
            try:
                events.append(json.loads(line))
            except ValueError:
                continue  # an empty line, or one that a kill left half written
        return events
