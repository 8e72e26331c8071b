"""What a run tells whoever shows it; the screens themselves are `launch/dashboard.py`."""

from pathlib import Path
from typing import Protocol

from engine.config import RunConfig
from engine.status import Status


class Display(Protocol):
    """Where a run shows itself."""

    def start(self, config: RunConfig, run_dir: Path) -> None:
        """Called once, before anything runs."""

    def update(self, status: Status) -> None:
        """Called about once a second."""

    def message(self, text: str) -> None:
        """Called for each event worth a line; once more after `close`, to say how the run ended."""

    def close(self) -> None:
        """Called once, when the run is over, however it ended."""
