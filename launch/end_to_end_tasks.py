"""The tasks of the benchmark `end-to-end`, as data: whose each is, what of it is the same here, what that peer reached, and what is
aimed at. Nothing is run.

The same are the game, the simulations a move, the batch and its unrolled steps; the network is an MLP, and both what is trained and what of
it the search calls have at least as many parameters. They differ only in LightZero, whose self-supervised loss trains a head of
3,288,576: here the consistency loss trains one as wide. How many games are played at a time is each engine's own matter, and so is the
arithmetic (`learner.precision`). Everything else is the preset's, the evaluator beside the training included, as the peers have theirs.

The peers ran on two cores of an x86 machine with AVX2 and without a GPU, torch 2.13 in float32, one run each in November 2026, whole
processes with their own evaluations; their rates are good to 10 %.
"""

from collections.abc import Mapping
from typing import NamedTuple

from launch.live_run import Setting


class Rates(NamedTuple):
    """What a whole loop does in a second: moves played by self-play and learner steps."""

    moves_per_second: float
    updates_per_second: float


class PeerTask(NamedTuple):
    """One task.

    Attributes:
        name: what its row is called.
        env: the world.
        settings: what differs from its preset `default`.
        peer: whose task it is.
        peer_parameters: all that the peer trains.
        peer_searched_parameters: those of them that its search calls.
        peer_rates: what the peer reached.
        peer_cpu: its processor seconds a second.
        target: what is aimed at, both at the same time.
    """

    name: str
    env: str
    settings: Mapping[str, Setting]
    peer: str
    peer_parameters: int
    peer_searched_parameters: int
    peer_rates: Rates
    peer_cpu: float
    target: Rates

    @property
    def replay_ratio(self) -> float:
        """Samples per move at which both targets are reached together; the governor holds it."""
        return self._samples_per_move(self.target)

    @property
    def peer_replay_ratio(self) -> float:
        """Samples per move that the peer trained on."""
        return self._samples_per_move(self.peer_rates)

    def _samples_per_move(self, rates: Rates) -> float:
        return rates.updates_per_second * int(self.settings["training.batch_size"]) / rates.moves_per_second


TASKS = (
    PeerTask(
        name="cartpole 3.46M",
        env="cartpole",
        settings={
            "search.num_simulations": 25,
            "network.kind": "mlp",
            "network.hidden_size": 168,
            "training.batch_size": 256,
            "training.unroll_steps": 5,
            "training.consistency_loss_weight": 2.0,
            "training.projection_size": 1024,
        },
        peer="LightZero",
        peer_parameters=3_459_412,
        peer_searched_parameters=170_836,
        peer_rates=Rates(37.0, 1.39),
        peer_cpu=1.71,
        target=Rates(400.0, 1.4),
    ),
    PeerTask(
        name="cartpole 1.5k",
        env="cartpole",
        settings={
            "search.num_simulations": 50,
            "network.kind": "mlp",
            "network.hidden_size": 8,
            "network.num_layers": 1,
            "network.head_size": 17,
            "network.support_size": 10,
            "training.batch_size": 128,
            "training.unroll_steps": 10,
            "replay.is_prioritized": True,
        },
        peer="muzero-general",
        peer_parameters=1_532,
        peer_searched_parameters=1_532,
        peer_rates=Rates(5.4, 7.7),
        peer_cpu=1.94,
        target=Rates(300.0, 7.7),
    ),
    PeerTask(
        name="tictactoe 126k",
        env="tictactoe",
        settings={
            "search.num_simulations": 25,
            "network.kind": "mlp",
            "network.hidden_size": 136,
            "training.batch_size": 128,
            "training.unroll_steps": 5,
        },
        peer="michaelnny/muzero",
        peer_parameters=126_092,
        peer_searched_parameters=126_092,
        peer_rates=Rates(76.0, 7.65),
        peer_cpu=1.94,
        target=Rates(1000.0, 7.6),
    ),
)
