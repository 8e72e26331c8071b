"""What is left of an exception of an environment: a count in telemetry, its traceback in the run's folder. Self-play goes on."""

import traceback
from pathlib import Path

from engine.durable_files import write_atomically
from engine.layout import Counter
from engine.telemetry import ProcessBlock
from muzero.errors import MAX_FAILURES, EnvironmentFailed

FILE_NAME = "environment.txt"


class EnvironmentFailures:
    """Counts the games that exceptions ended, for one process."""

    def __init__(self, block: ProcessBlock, run_dir: Path) -> None:
        """Starts at zero.

        Args:
            block: telemetry of the process.
            run_dir: the run's folder.
        """
        self._block = block
        self._path = run_dir / "crash" / FILE_NAME
        self._evaluations_in_a_row = 0

    def report(self, tracebacks: list[str]) -> None:
        """Stores the tracebacks of games that failed; the file keeps the latest of all processes."""
        if tracebacks:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(self._path, tracebacks[-1])
            self._block.add(Counter.FAILED_GAMES, len(tracebacks))

    def report_evaluation(self) -> None:
        """Stores the exception being handled, which ended an evaluation.

        Raises:
            EnvironmentFailed: it was the third in a row.
        """
        self.report([traceback.format_exc()])
        self._evaluations_in_a_row += 1
        if self._evaluations_in_a_row >= MAX_FAILURES:
            raise EnvironmentFailed(
                f"{MAX_FAILURES} evaluations in a row ended in an exception; the last one was\n{traceback.format_exc()}"
            )

    def end_of_row(self) -> None:
        """Notes that an evaluation went well."""
        self._evaluations_in_a_row = 0


def latest_traceback(run_dir: Path) -> str:
    """Returns the traceback stored last, or an empty text."""
    path = run_dir / "crash" / FILE_NAME
    return path.read_text() if path.is_file() else ""
