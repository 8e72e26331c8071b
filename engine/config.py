"""Settings of the runtime, and the whole configuration of a run as one tree."""

import re
from typing import Literal

import msgspec

from engine.device_names import require_device, require_inference_device, simulated_timing
from muzero.config import (
    EnvConfig,
    NetworkConfig,
    ReanalyzeConfig,
    ReplayConfig,
    SearchConfig,
    SelfPlayConfig,
    Settings,
    TrainingConfig,
    require,
)
from muzero.errors import UserError

MAX_SEED = 1 << 63
MAX_SERVERS = 64


class ActorsConfig(Settings, frozen=True):
    """The actor processes."""

    num_actors: int = 2
    """Actor processes; 0 runs everything in one process, reproducibly."""
    games_per_actor: int = 16
    """Games each actor plays at the same time."""
    groups: int = 2
    """Groups they are split into: while one waits for the network, another runs its trees."""

    def __post_init__(self) -> None:
        require(self.num_actors >= 0, f"actors.num_actors is {self.num_actors}: set 0 or more.")
        require(self.groups >= 1, f"actors.groups is {self.groups}: set at least 1.")
        require(
            self.games_per_actor >= 1 and self.games_per_actor % self.groups == 0,
            f"actors.games_per_actor is {self.games_per_actor}: set a positive multiple of actors.groups ({self.groups}).",
        )

    @property
    def games_per_group(self) -> int:
        """Trees in one request."""
        return self.games_per_actor // self.groups


class InferenceConfig(Settings, frozen=True):
    """The inference server."""

    device: str = "auto"
    """`cpu`, `cuda`, `cuda:N`, or `auto`: cuda where there is one; `simulated:200+35` answers nonsense after the time of an accelerator
    that takes 200 us a batch and 35 us a sample, to see what the engine could keep busy, `simulated:200+35,batch=512` with at most 512
    samples at once."""
    num_servers: int = 1
    """Inference servers, each with its share of the other processes. On GPUs each has one to itself: with `cuda:1` and 2 servers those are
    `cuda:1` and `cuda:2`, with `auto` and `cuda` they begin with `cuda:0`."""
    max_batch: int = 1024
    """Most leaves in one forward pass."""
    batch_deadline_microseconds: int = 300
    """Longest wait of an idle device for a fuller batch after its first request; it is shorter where nobody is about to ask."""
    num_threads: int = 1
    """CPU threads of the network in the server."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the inference copy and its hidden states; what the search gets stays in float32. `auto`: bfloat16 for residual networks
    where the device multiplies it, which are GPUs and CPUs with AVX512-BF16, AMX or ARM's BF16, else float32."""

    def __post_init__(self) -> None:
        require_inference_device(self.device, "inference.device")
        require(1 <= self.num_servers <= MAX_SERVERS, f"inference.num_servers is {self.num_servers}: set 1 to {MAX_SERVERS}.")
        deadline = self.batch_deadline_microseconds
        require(deadline >= 0, f"inference.batch_deadline_microseconds is {deadline}: set 0 or more.")
        require(self.max_batch >= 1, f"inference.max_batch is {self.max_batch}: set at least 1.")
        require(self.num_threads >= 1, f"inference.num_threads is {self.num_threads}: set at least 1.")


class LearnerConfig(Settings, frozen=True):
    """The learner process."""

    device: str = "auto"
    """`cpu`, `cuda`, `cuda:N`, or `auto`."""
    num_threads: int = 1
    """CPU threads of the network in the learner."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Precision of the forward and backward passes; weights, losses and the optimiser stay in float32. `auto`: bfloat16 where the
    device multiplies it, which are GPUs and CPUs with AVX512-BF16, AMX or ARM's BF16, else float32."""
    compile: bool = False
    """Whether torch.compile makes the kernels of a training step: the first start takes about a minute longer, later ones some seconds,
    and on a CPU a step takes 0.54 to 0.86 of the time. On a CPU it needs g++ and Python's headers."""
    publish_every_steps: int = 50
    """Learner steps between two published versions of the weights."""
    prefetch_batches: int = 2
    """Batches assembled ahead in the background."""

    def __post_init__(self) -> None:
        require_device(self.device, "learner.device")
        for field in ("num_threads", "publish_every_steps", "prefetch_batches"):
            require(getattr(self, field) >= 1, f"learner.{field} is {getattr(self, field)}: set at least 1.")


class EvaluationConfig(Settings, frozen=True):
    """The evaluator process."""

    is_enabled: bool = True
    """Whether an evaluator runs beside the training."""
    interval_seconds: float = 20.0
    """Seconds between two evaluations."""
    episodes: int = 20
    """Games per evaluation (exhaustive opponents ignore it)."""
    opponent: str = "random"
    """Who is played, for example `random` or `alphabeta:depth=5`, see docs/cli.md; ignored where one plays alone."""
    opening_moves: int | None = None
    """Random plies that the games of an evaluation start with; none: what suits the opponent."""
    stop_score: float | None = None
    """The run is done when stop_evaluations evaluations in a row reach this score (for `perfect`: minus the losing lines)."""
    stop_evaluations: int = 2
    """See stop_score."""
    last_seconds: float = 60.0
    """Longest time, in seconds, that the evaluation of the last weights may take when a run ends by itself; 0: there is none."""

    def __post_init__(self) -> None:
        require(self.interval_seconds > 0, f"evaluation.interval_seconds is {self.interval_seconds}: set a positive number.")
        opening_moves = self.opening_moves
        require(opening_moves is None or opening_moves >= 0, f"evaluation.opening_moves is {opening_moves}: set 0 or more.")
        require(self.last_seconds >= 0, f"evaluation.last_seconds is {self.last_seconds}: set 0 or more.")
        for field in ("episodes", "stop_evaluations"):
            require(getattr(self, field) >= 1, f"evaluation.{field} is {getattr(self, field)}: set at least 1.")


class CheckpointConfig(Settings, frozen=True):
    """Checkpoints."""

    interval_seconds: float = 120.0
    """Seconds between two checkpoints; one more is written when the run ends."""
    keep: int = 2
    """Newest checkpoints kept."""
    milestone_minutes: float | None = None
    """Minutes of training, all starts of the run counted, between two copies of the network alone that are kept for ever in
    `milestones/`, so that the run can be measured against its earlier selves; none: there are none."""

    def __post_init__(self) -> None:
        require(self.keep >= 1, f"checkpoint.keep is {self.keep}: set at least 1.")
        require(self.interval_seconds > 0, f"checkpoint.interval_seconds is {self.interval_seconds}: set a positive number.")
        minutes = self.milestone_minutes
        require(minutes is None or minutes >= 0.01, f"checkpoint.milestone_minutes is {minutes}: set at least 0.01, or none.")


class SupervisorConfig(Settings, frozen=True):
    """Timeouts and restarts, all on the monotonic clock."""

    heartbeat_timeout_seconds: float = 30.0
    """A role silent for longer is killed and restarted."""
    startup_timeout_seconds: float = 300.0
    """The same while it starts."""
    drain_seconds: float = 20.0
    """How long roles may take to finish after a stop was asked for."""
    max_restarts_per_minute: int = 5
    """More deaths of one role in a minute, or more failed starts of it in a row, end the run."""

    def __post_init__(self) -> None:
        for field in ("heartbeat_timeout_seconds", "startup_timeout_seconds", "drain_seconds"):
            require(getattr(self, field) > 0, f"supervisor.{field} is {getattr(self, field)}: set a positive number.")
        require(self.max_restarts_per_minute >= 0, f"supervisor.max_restarts_per_minute is {self.max_restarts_per_minute}: set 0 or more.")


MEMORY_TEXT = re.compile(r"(\d+(?:\.\d+)?)\s*(GB|GiB|MB|MiB)")
BYTES_PER_UNIT = {"GB": 10**9, "GiB": 2**30, "MB": 10**6, "MiB": 2**20}


def memory_bytes(text: str, key: str) -> int:
    """Returns the bytes that a text like "24GB" or "512 GiB" means.

    Raises:
        UserError: it means none.
    """
    match = MEMORY_TEXT.fullmatch(text.strip())
    if match is None:
        raise UserError(f"{key} is '{text}': set a number with GB, GiB, MB or MiB, for example 24GB.")
    return int(float(match[1]) * BYTES_PER_UNIT[match[2]])


class PlanConfig(Settings, frozen=True):
    """The machine that --dry-run plans for, where it is not this one."""

    device_memory: str | None = None
    """Memory of the device of inference and learning, for example 24GB; none: this machine's."""
    host_memory: str | None = None
    """Memory of the machine, for example 512GB; none: this machine's."""

    def __post_init__(self) -> None:
        for field in ("device_memory", "host_memory"):
            if (text := getattr(self, field)) is not None:
                memory_bytes(text, f"plan.{field}")


class RunConfig(Settings, frozen=True):
    """Everything a run is made of; written to `config.toml` in its folder."""

    seed: int = 0
    """Seed of all randomness."""
    steps: int | None = None
    """Learner steps after which this run stops; training.training_steps when absent. The learning rate follows the larger of the two,
    so that a run that stops early and is resumed learns exactly as one straight through."""
    minutes: float | None = None
    """Wall-clock limit of this start of the run, counted from the start of the command."""
    env: EnvConfig = EnvConfig()
    search: SearchConfig = SearchConfig()
    self_play: SelfPlayConfig = SelfPlayConfig()
    network: NetworkConfig = NetworkConfig()
    training: TrainingConfig = TrainingConfig()
    replay: ReplayConfig = ReplayConfig()
    reanalyze: ReanalyzeConfig = ReanalyzeConfig()
    actors: ActorsConfig = ActorsConfig()
    inference: InferenceConfig = InferenceConfig()
    learner: LearnerConfig = LearnerConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    checkpoint: CheckpointConfig = CheckpointConfig()
    supervisor: SupervisorConfig = SupervisorConfig()
    plan: PlanConfig = PlanConfig()

    def __post_init__(self) -> None:
        require(0 <= self.seed < MAX_SEED, f"seed is {self.seed}: set 0 or more, less than 2^63.")
        require(self.steps is None or self.steps >= 1, f"steps is {self.steps}: set at least 1.")
        require(self.minutes is None or self.minutes > 0, f"minutes is {self.minutes}: set a positive number.")
        device, servers, actors = self.inference.device, self.inference.num_servers, self.actors.num_actors
        require(
            servers <= max(1, actors),
            f"inference.num_servers is {servers} and actors.num_actors {actors}: "
            + (
                f"each server needs an actor, give --actors {servers} or fewer --servers."
                if actors
                else "one process is its own server, set 1."
            ),
        )
        require(
            self.actors.num_actors > 0 or simulated_timing(device) is None,
            f"inference.device is '{device}' and actors.num_actors 0: one process computes by itself, set 1 actor or more.",
        )

    @property
    def last_step(self) -> int:
        """Learner step at which the run is done."""
        return self.training.training_steps if self.steps is None else self.steps

    @property
    def scheduled_training(self) -> TrainingConfig:
        """The training section, with training_steps as long as the learning rate's schedule."""
        return msgspec.structs.replace(self.training, training_steps=max(self.training.training_steps, self.last_step))
