"""What limits a run, in one sentence with the setting that would move it: a pure function of measured shares.

Measuring is `engine/profile_figures.py`. Learner and actors are tied by the replay ratio: whoever is ahead is paused, so the one who is
not paused holds the limit, and what it is short of is named.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

PAUSED_SHARE = 0.1
"""A side that is paused for more of its time than this has time to spare."""
BUSY_SHARE = 0.9
"""What is busy for more of the time than this cannot do much more."""
IDLE_CORES = 0.5
"""With fewer idle cores than this, one more process takes from the others what it gives."""
IDLE_SHARE = 0.25
"""The same as a part of all cores, where that is less: of half a core, a container's quota, no half can be idle."""
OUT_OF_REACH = 2.0
"""The learner could take so many times the games that idle cores could bring at best: more actors are then no answer."""
SMALL_BATCH = 256
"""Leaves; a GPU evaluates a larger batch in hardly more time."""
FOREIGN_CORES = 0.5
"""Fewer cores taken by other programs are not worth a word."""


class Limit(StrEnum):
    """What a run is short of."""

    START = "start"
    ONE_PROCESS = "one process"
    REANALYSIS = "reanalysis"
    DATA = "data"
    LEARNER = "learner"
    DEVICE = "device"
    SERVER = "server"
    REPLAY_RATIO = "replay ratio"
    ACTORS = "actors"
    CORES = "cores"


@dataclass(frozen=True)
class Load:
    """What was measured over an interval. Shares are parts of its time, in [0, 1].

    Attributes:
        num_actors: actor processes; 0 is one process for everything.
        games_per_actor: games each plays at once.
        num_servers: inference servers; what is said of device and server below is said of the busiest.
        replay_ratio: samples per environment step that the run is held at.
        learner_steps: gradient steps ever done.
        learner_busy: share in which the learner trains, publishes or saves.
        learner_paused: share in which the replay ratio pauses it, until there are more games.
        fresh_waited: share in which it waits for reanalyzed positions.
        data_waited: share in which it waits for a batch that nothing forbids.
        actors_paused: share in which the replay ratio pauses the actors, mean of all.
        actors_waiting: share in which the actors wait for replies, mean of all.
        device: name of the inference device.
        device_busy: share in which it runs the network.
        server_busy: share in which the server does not wait for requests.
        mean_batch: leaves per forward pass, of all servers.
        num_cores: cores that the run may use.
        idle_cores: cores of them that nobody uses, mean.
        cores_of: cores that each role uses, mean, by the role's name in the plural.
        learner_device: name of the learner's device.
        parts: in one process, share of each part of the work, by its name.
    """

    num_actors: int
    games_per_actor: int
    num_servers: int
    replay_ratio: float
    learner_steps: int
    learner_busy: float
    learner_paused: float
    fresh_waited: float
    data_waited: float
    actors_paused: float
    actors_waiting: float
    device: str
    device_busy: float
    server_busy: float
    mean_batch: float
    num_cores: float
    idle_cores: float
    cores_of: Mapping[str, float]
    learner_device: str
    parts: Mapping[str, float]

    @property
    def is_device_of_host(self) -> bool:
        """Whether the network of the server runs on the cores that all roles share."""
        return self.device == "cpu"

    @property
    def has_idle_cores(self) -> bool:
        """Whether one more process would find a core."""
        return self.idle_cores >= min(IDLE_CORES, IDLE_SHARE * self.num_cores)

    @property
    def foreign_cores(self) -> float:
        """Cores that other programs take."""
        return max(0.0, self.num_cores - self.idle_cores - sum(self.cores_of.values()))

    @property
    def are_cores_taken(self) -> bool:
        """Whether no core is idle, and other programs take more of them than this run does."""
        return not self.has_idle_cores and self.foreign_cores >= max(FOREIGN_CORES, sum(self.cores_of.values()))

    @property
    def possible_growth(self) -> float:
        """Times the games that idle cores and device would allow at best, at least 1."""
        used = self.cores_of.get("actors", 0.0) + self.cores_of.get("server", 0.0)
        return min(1.0 + self.idle_cores / max(used, 0.01), 1.0 / max(self.device_busy, 0.01))

    @property
    def wanted_growth(self) -> float:
        """Times the games that would keep the learner from pausing."""
        return 1.0 / max(1.0 - self.learner_paused, 0.001)


@dataclass(frozen=True)
class Verdict:
    """What limits a run.

    Attributes:
        limit: its name.
        sentence: the limit, the figures that show it, and the setting that would move it.
    """

    limit: Limit
    sentence: str


def judge(load: Load) -> Verdict:
    """Returns what limits a run."""
    for limit, rule in RULES:
        sentence = rule(load)
        if sentence is not None:
            return Verdict(limit, sentence)
    raise AssertionError("the last rule always holds")


def _start(load: Load) -> str | None:
    if load.learner_steps > 0:
        return None
    return "Learning has not begun: profile again once replay.min_steps are stored."


def _one_process(load: Load) -> str | None:
    if load.num_actors > 0:
        return None
    parts = sorted(load.parts.items(), key=lambda part: -part[1])
    shares = ", ".join(f"{name} {share:.0%}" for name, share in parts if share >= 0.005)
    return f"One process does everything in turn ({shares} of the time): --actors 2 or more run side by side."


def _reanalysis(load: Load) -> str | None:
    if load.fresh_waited < PAUSED_SHARE or load.fresh_waited < load.learner_paused:
        return None
    return (
        f"Reanalysis is the limit: the learner waits {load.fresh_waited:.0%} of the time for fresh positions: give more --reanalyzers, or "
        "let each position serve more samples (--set reanalyze.samples_per_position)."
    )


def _data(load: Load) -> str | None:
    if load.are_cores_taken or load.data_waited < PAUSED_SHARE or load.data_waited < max(load.learner_paused, load.fresh_waited):
        return None
    return (
        f"Assembling batches is the limit: the learner waits {load.data_waited:.0%} of the time for batches that it may have: assemble "
        "more of them ahead (--set learner.prefetch_batches=4), and leave a core to the thread that does it (fewer --actors)."
    )


def _learner(load: Load) -> str | None:
    if load.learner_device == "cpu" and load.are_cores_taken:
        return None
    is_behind = load.actors_paused >= PAUSED_SHARE and load.actors_paused > load.learner_paused
    if not is_behind and (load.learner_busy < BUSY_SHARE or load.learner_paused >= PAUSED_SHARE):
        return None
    faster = (
        "give it a GPU (--learner-device cuda) or threads (--set learner.num_threads)"
        if load.learner_device == "cpu"
        else "give it a device of its own (--learner-device)"
        if load.learner_device == load.device
        else "give it a faster device"
    )
    others = f"the replay ratio pauses the actors for {load.actors_paused:.0%} of theirs" if is_behind else "the actors keep up with it"
    return (
        f"The learner is the limit: it is busy {load.learner_busy:.0%} of the time, and {others}, so that more actors will not "
        f"train faster: {faster}, make its network or batch smaller, or train less on each move "
        f"(--set replay.replay_ratio, now {load.replay_ratio:g})."
    )


def _device(load: Load) -> str | None:
    if load.device_busy < BUSY_SHARE or (load.is_device_of_host and not load.has_idle_cores):
        return None
    if load.is_device_of_host:
        remedy = "give it a GPU (--device cuda) or threads (--set inference.num_threads)"
    elif load.mean_batch < SMALL_BATCH:
        remedy = f"larger batches cost a GPU little more (--games-per-actor, now {load.games_per_actor}); else use {_more_devices(load)}"
    else:
        remedy = f"use {_more_devices(load)}, or bfloat16 (--set inference.precision=bfloat16)"
    return (
        f"The inference device ({load.device}) is the limit: it is busy {load.device_busy:.0%} of the time, with {load.mean_batch:.0f} "
        f"leaves a batch: {remedy}, take fewer --simulations or a smaller network."
    )


def _more_devices(load: Load) -> str:
    """Returns what is more than the devices of a run."""
    return f"a faster one or one more (--servers, now {load.num_servers})"


def _server(load: Load) -> str | None:
    if load.server_busy < BUSY_SHARE or not load.has_idle_cores:
        return None
    return (
        f"The inference server's own work is the limit: it is busy {load.server_busy:.0%} of the time, its device only "
        f"{load.device_busy:.0%}: make requests fewer and larger (--games-per-actor, now {load.games_per_actor}), or share it among more "
        f"--servers (now {load.num_servers}; on GPUs each takes one)."
    )


def _replay_ratio(load: Load) -> str | None:
    if load.learner_paused < PAUSED_SHARE or load.wanted_growth <= OUT_OF_REACH * load.possible_growth:
        return None
    return (
        f"The replay ratio of {load.replay_ratio:g} is reached: the learner pauses {load.learner_paused:.0%} of the time for games. More "
        f"actors will not keep it busy: it could take {load.wanted_growth:.3g} times the games, and the machine has room for "
        f"{load.possible_growth:.2g} times: to train more on each game raise --set replay.replay_ratio."
    )


def _actors(load: Load) -> str | None:
    if not load.has_idle_cores:
        return None
    return (
        f"Actors are the limit: the device is idle {1.0 - load.device_busy:.0%} of the time and {load.idle_cores:.1f} of "
        f"{load.num_cores:g} cores are idle: give more --actors (now {load.num_actors}) or --games-per-actor (now {load.games_per_actor})."
    )


def _cores(load: Load) -> str:
    if load.are_cores_taken:
        taken = f"{load.foreign_cores:.1f} of {load.num_cores:g}"
        return f"All cores are busy, but other programs take {taken}: end them, or take another machine."
    role, used = max(load.cores_of.items(), key=lambda item: item[1], default=("nobody", 0.0))
    remedies = {
        "server": "a GPU (--device cuda), fewer --simulations or a smaller network would free it",
        "learner": "a GPU (--learner-device cuda) or a lower --set replay.replay_ratio would free it",
    }
    remedy = remedies.get(role, "more cores, or fewer --simulations, would play more games")
    busy = f"{load.num_cores - load.idle_cores:.1f} of {load.num_cores:g}"
    return f"All cores are busy ({busy}), most with the {role} ({used:.1f}): {remedy}; more actors will not."


RULES: tuple[tuple[Limit, Callable[[Load], str | None]], ...] = (
    (Limit.ONE_PROCESS, _one_process),
    (Limit.START, _start),
    (Limit.REANALYSIS, _reanalysis),
    (Limit.DATA, _data),
    (Limit.LEARNER, _learner),
    (Limit.DEVICE, _device),
    (Limit.SERVER, _server),
    (Limit.REPLAY_RATIO, _replay_ratio),
    (Limit.ACTORS, _actors),
    (Limit.CORES, _cores),
)
"""The first rule that holds names the limit: what pauses all others comes before what some of them are short of."""
