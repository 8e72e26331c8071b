"""The errors a user can cause or must hear about; each message is one sentence: what, which value, what to do.

MuZeroError                    exit 1: the run failed
├── UserError                  exit 2: a wrong flag, name, value or file of the user's
│   ├── UnknownName            a name that does not exist, with the nearest ones that do
│   └── UnsupportedGame        a game this engine cannot play, with what it can
├── OpponentFailed             exit 1: an opponent died, fell silent or played an illegal move
├── EnvironmentFailed          exit 1: games or evaluations ended in exceptions again and again
└── (engine/errors.py goes on: environment, checkpoints, dead peers)
"""

import difflib
from collections.abc import Iterable, Sequence


class MuZeroError(Exception):
    """The base of all errors of this project; `exit_code` is what the command line returns for it."""

    exit_code = 1


class UserError(MuZeroError):
    """A mistake of the user's: shown as one sentence, never as a traceback."""

    exit_code = 2


class UnknownName(UserError):
    """A name that does not exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, meant: str | None = None) -> None:
        """Builds the sentence with the nearest known names.

        Args:
            kind: what the name should name, for example "environment".
            name: what the user wrote.
            known: all names that exist.
            meant: the one that was surely meant, where that can be told.
        """
        names = sorted(known)
        nearest = [meant] if meant else difflib.get_close_matches(name, names, n=3, cutoff=0.5)
        hint = f"did you mean {' or '.join(nearest)}?" if nearest else f"known: {', '.join(names)}."
        super().__init__(f"unknown {kind} '{name}': {hint}")


class UnsupportedGame(UserError):
    """A game that exists but that this engine cannot play."""


class OpponentFailed(MuZeroError):
    """An opponent cannot go on: its program died, fell silent or said what makes no sense."""


MAX_FAILURES = 3
"""So many games, or evaluations, in a row that end in an exception end the run."""


class EnvironmentFailed(MuZeroError):
    """Several games, or evaluations, in a row ended in an exception."""

    def __init__(self, sentence: str, tracebacks: Sequence[str] = ()) -> None:
        """Keeps what is not reported yet.

        Args:
            sentence: what happened and what to do.
            tracebacks: of the failures that led here, as far as nobody was told of them.
        """
        super().__init__(sentence)
        self.tracebacks = tuple(tracebacks)
