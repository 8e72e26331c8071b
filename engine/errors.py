"""The errors of the runtime; the tree starts in `muzero/errors.py`.

MuZeroError                    exit 1
├── UserError                  exit 2
│   └── RunDirectoryInUse      the run folder is not empty, or another run lives in it
├── MachineProblem             exit 3: the machine lacks something
│   └── NotEnoughMemory        bytes needed, bytes there, the flag that would fit
├── CorruptCheckpoint          exit 4: no checkpoint passed its checksums
├── RunFailed                  exit 1: roles kept dying; carries the first traceback
├── PeerDied                   a process this one waits for is gone
└── BadMessage                 a message that is not what engine/messages.py declares
"""

from muzero.errors import MuZeroError, UserError


class RunDirectoryInUse(UserError):
    """The run folder holds a run already."""


class MachineProblem(MuZeroError):
    """The machine lacks something the run needs."""

    exit_code = 3


class NotEnoughMemory(MachineProblem):
    """The plan does not fit the memory."""


class CorruptCheckpoint(MuZeroError):
    """No checkpoint of the run passed its checksums."""

    exit_code = 4


class RunFailed(MuZeroError):
    """The run cannot go on."""


class PeerDied(MuZeroError):
    """A process that this one waits for is gone."""


class BadMessage(MuZeroError):
    """A message off the wire that is not what was declared."""
