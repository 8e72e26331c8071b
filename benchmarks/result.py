"""What a measured row says, as it is stored in `benchmarks/results/`; how it is computed is in `measure.py`."""

from pathlib import Path

import msgspec

from benchmarks.row import Comparison, Measure, Plot
from engine.durable_files import fsync, write_atomically
from muzero.errors import UserError

RESULTS = Path(__file__).parent / "results"
"""Where results are kept, one JSON file per row and seed."""


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where it was measured."""

    cpu: str
    """Model of the processor."""
    cores: int
    """Cores that the run could use."""
    memory_gib: float
    """Memory of the machine."""
    gpu: str | None
    """Model of the GPU, None without one."""
    os: str
    """Operating system."""
    python: str
    """Version of Python."""
    torch: str | None
    """Version of torch."""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One start of the training."""

    started: str
    """When, in UTC."""
    command: str
    """What was run."""
    commit: str | None
    """Commit of the checkout, None outside one."""
    is_clean: bool
    """Whether the checkout had no changes besides results."""


class Point(msgspec.Struct, frozen=True, kw_only=True):
    """One evaluation during the training. What it counts is the state when it began, whose weights it measured."""

    minutes: float
    """Since process start, all parts of the run counted."""
    env_steps: int
    """Environment steps played for training."""
    games: int
    """Games finished for training."""
    learner_steps: int
    """Gradient steps."""
    score: float
    """Minus the losing lines, the mean return for one player, else (wins + draws / 2) / games."""
    opponent: str
    """Whom it was played against."""
    evaluation_games: int
    """Games of the evaluation."""
    losing_lines: int | None
    """Losing lines, None where not every line was walked."""


class Score(msgspec.Struct, frozen=True, kw_only=True):
    """One number measured after the training."""

    measure: Measure
    """What it is."""
    value: float | None
    """The number; None where it is not known, as the Elo of who won or lost every game."""
    low: float | None
    """Lower end of its 95 % interval, where there is one."""
    high: float | None
    """Upper end."""
    opponent: str
    """Whom it was played against."""
    games: int
    """Games or episodes."""
    wins: int
    """Games won."""
    draws: int
    """Games drawn."""
    losses: int
    """Games lost."""
    simulations: int | None
    """Simulations per move, None for the run's own."""
    minute: float | None
    """Minute of the milestone that played, None for the end of the run."""
    minute_before: float | None
    """Minute of the milestone that it played against, None for another opponent."""
    learner_steps: int
    """Gradient steps behind the weights."""
    seconds: float
    """How long it took."""
    target: str
    """What it should be, in words; empty without a target."""
    is_met: bool | None
    """Whether it is, None without a target."""
    command: str
    """What was run."""


class Reached(msgspec.Struct, frozen=True, kw_only=True):
    """When the run's own evaluations first reached the target score."""

    minutes: float
    """When that evaluation ended, since process start."""
    env_steps: int
    """Environment steps played when it began."""
    learner_steps: int
    """Gradient steps when it began."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One row measured with one seed."""

    name: str
    """Row."""
    family: str
    """Section of the page."""
    claim: str
    """What should be true."""
    seed: int
    """Seed of the training."""
    limit_minutes: float
    """Minutes the training may take."""
    commit: str | None
    """Commit of the newest part."""
    is_clean: bool
    """Whether no part was run with changes that are in no commit."""
    machine: Machine
    """Where it was measured."""
    started: str
    """When the first part started, in UTC; when it was measured where nothing was trained."""
    parts: tuple[Part, ...]
    """All starts of the training."""
    minutes: float
    """Minutes of training, from process start, all parts together."""
    env_steps: int
    """Environment steps played: moves, times `env.kwargs.frame_skip` where that is set."""
    games: int
    """Games finished."""
    learner_steps: int
    """Gradient steps."""
    scores: tuple[Score, ...]
    """What was measured after the training."""
    reach_score: float | None
    """Score that the curve should reach."""
    reached: Reached | None
    """When it did, None if it did not or need not."""
    max_env_steps: int | None
    """Environment steps within which it should."""
    compared_to: Comparison | None
    """A claim about this row and another one."""
    is_met: bool | None
    """Whether every target is met, None without one."""
    plots: tuple[Plot, ...]
    """What is drawn of it."""
    curve: tuple[Point, ...]
    """The run's own evaluations, oldest first."""


def result_path(name: str, seed: int, folder: Path = RESULTS) -> Path:
    """Returns the file of a row's result."""
    return folder / f"{name}-s{seed}.json"


def write_result(result: Result, folder: Path = RESULTS) -> Path:
    """Stores a result, whole or not at all, and returns its file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = result_path(result.name, result.seed, folder)
    write_atomically(path, msgspec.json.format(msgspec.json.encode(result), indent=1).decode() + "\n")
    fsync(folder)
    return path


def read_results(folder: Path = RESULTS) -> list[Result]:
    """Returns all stored results, by name and seed.

    Raises:
        UserError: a file is not a result.
    """
    return sorted((_read(path) for path in folder.glob("*.json")), key=lambda result: (result.name, result.seed))


def _read(path: Path) -> Result:
    try:
        return msgspec.json.decode(path.read_bytes(), type=Result)
    except msgspec.DecodeError as error:
        raise UserError(f"{path} is no result ({error}): delete it, or measure its row again.") from None
