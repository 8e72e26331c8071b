"""What is left of an exception of an environment: a count in telemetry, its traceback in the run's folder. Self-play goes on."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from engine.durable_files import write_atomically
from engine.layout import Counter
from engine.telemetry import ProcessBlock
from muzero.errors import MAX_FAILURES, EnvironmentFailed, MuZeroError, OpponentFailed
from muzero.match_result import MatchResult

FILE_PREFIX = "environment-"


class EnvironmentFailures:
    """Counts the games and evaluations that exceptions ended, for one process."""

    def __init__(self, block: ProcessBlock, run_dir: Path, role: str) -> None:
        """Starts at zero.

        Args:
            block: telemetry of the process.
            run_dir: the run's folder.
            role: name of the process, whose file is its own.
        """
        self._block = block
        self._path = run_dir / "crash" / f"{FILE_PREFIX}{role}.txt"
        self._evaluations_in_a_row = 0

    def report(self, tracebacks: Sequence[str]) -> None:
        """Stores the tracebacks of games that failed; the file keeps the latest of this process."""
        if tracebacks:
            with suppress(OSError):  # a full disk must not end an actor: the count says that something was there
                self._path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(self._path, tracebacks[-1])
            self._block.add(Counter.FAILED_GAMES, len(tracebacks))

    @contextmanager
    def reported_before_the_end(self) -> Iterator[None]:
        """Lets an EnvironmentFailed pass once the failures that led to it, and that nobody was told of, are stored."""
        try:
            yield
        except EnvironmentFailed as error:
            self.report(error.tracebacks)
            raise

    def evaluation(self, evaluate: Callable[[], MatchResult | None]) -> MatchResult | None:
        """Returns the result of an evaluation, or None where it was stopped or ended in an exception, which is then stored.

        Args:
            evaluate: holds the evaluation.

        Raises:
            EnvironmentFailed: it was the third in a row that ended in an exception.
            MuZeroError: what `evaluate` raised of our own errors, but for OpponentFailed: another game may go better.
        """
        try:
            result = evaluate()
        except OpponentFailed as error:
            self._report_evaluation(str(error))
            return None
        except MuZeroError:
            raise
        except Exception:
            self._report_evaluation(f"it was\n{traceback.format_exc()}")
            return None
        if result is not None:
            self._evaluations_in_a_row = 0
        return result

    def _report_evaluation(self, what: str) -> None:
        """Stores the exception being handled, and ends the run with what happened where it was one too many."""
        self.report([traceback.format_exc()])
        self._evaluations_in_a_row += 1
        if self._evaluations_in_a_row >= MAX_FAILURES:
            raise EnvironmentFailed(f"{MAX_FAILURES} evaluations in a row ended in an exception; of the last one: {what}")


def latest_traceback(run_dir: Path) -> str:
    """Returns the traceback that any process stored last, or an empty text."""
    paths = (run_dir / "crash").glob(f"{FILE_PREFIX}*.txt")
    latest = max(paths, key=lambda path: path.stat().st_mtime_ns, default=None)
    return latest.read_text() if latest else ""
