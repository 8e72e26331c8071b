"""What the tests of the command line share: a recorded status and a way to run a command. No tests."""

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from engine.status import Status
from launch.cli import launch

ROLES = {"actor-0": "READY", "actor-1": "STARTING", "server": "READY", "learner": "READY", "evaluator": "READY"}
RECORDED: dict[str, Any] = {
    "elapsed_seconds": 312.4,
    "run_seconds": 912.4,
    "learner_steps": 12345,
    "training_steps": 20000,
    "env_steps": 1234567,
    "games": 98765,
    "env_steps_per_second": 12345.6,
    "games_per_second": 1380.2,
    "simulations": 30864175,
    "simulations_per_second": 310234.0,
    "learner_steps_per_second": 82.4,
    "samples_per_second": 10547.0,
    "batch_size_mean": 24.13,
    "batch_fill": 0.7534,
    "policy_lag_versions": 1.83,
    "replay_ratio": 3.98,
    "replay_ratio_target": 4.0,
    "ring_steps": 120000,
    "ring_capacity": 200000,
    "total_loss": 1.2345,
    "value_loss": 0.3214,
    "reward_loss": 0.0123,
    "policy_loss": 0.9012,
    "consistency_loss": float("nan"),
    "learning_rate": 0.00213,
    "return_mean": 0.123,
    "length_mean": 7.81,
    "score": -3.0,
    "losing_lines": 3,
    "evaluations": 5,
    "evaluated_step": 12000,
    "evaluated_games": 1250,
    "opponent": "perfect",
    "version": 247,
    "roles": ROLES,
    "restarts": 1,
    "failed_games": 0,
    "throttled": "actors",
    "limit": "learner",
    "reanalyzed_positions": 0,
    "reanalyzed_per_second": 0.0,
    "reanalysis_share": 0.0,
    "fresh_fraction": 0.0,
    "fresh_target_fraction": 0.0,
    "fresh_age_mean": 0.0,
    "fresh_age_histogram": (0,) * 16,
    "policy_divergence": float("nan"),
    "fresh_wait_fraction": 0.0,
    "learner_throttled_seconds": 12.5,
    "data_wait_seconds": 0.75,
    "eta_seconds": 190.2,
}


@pytest.fixture
def status() -> Status:
    """A status as a run of tic-tac-toe showed it after five minutes."""
    return Status(**RECORDED)


@pytest.fixture
def young_status() -> Status:
    """The status of a run that has nothing to show yet."""
    unknown = {
        key: float("nan") for key in ("total_loss", "value_loss", "score", "return_mean", "length_mean", "replay_ratio", "batch_fill")
    }
    return Status(**{**RECORDED, **unknown, "learner_steps": 0, "evaluations": 0, "losing_lines": -1, "eta_seconds": None})


@pytest.fixture
def run_launch(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Runs muzero-launch with flags and variables given by the test alone."""

    def run(*arguments: str, **variables: str) -> Result:
        return CliRunner().invoke(launch, list(arguments), env=variables, catch_exceptions=False)

    return run


USER_WORLDS = """
from muzero.games.game import Step
from muzero.types import GameSpec


class Pile:
    num_players = 2

    def __init__(self, sticks=5):
        self.start = sticks
        self.spec = GameSpec(
            name="pile", num_players=self.num_players, num_actions=2, frame_shape=(1,), value_bounds=(-1.0, 1.0), max_moves=sticks
        )

    def reset(self, seed):
        self.sticks, self.player = self.start, 0

    def to_play(self):
        return self.player

    def legal_actions(self, out):
        out[:] = (self.sticks >= 1, self.sticks >= 2)

    def frame(self, out):
        out[0] = self.sticks

    def step(self, action):
        self.sticks -= action + 1
        self.player = (self.player + 1) % self.num_players
        return Step(float(self.sticks == 0), self.sticks == 0, False)


class PileAlone(Pile):
    num_players = 1


class MovesTwice(Pile):
    def to_play(self):
        return 0


class ForThree(Pile):
    num_players = 3


class TiresOut(Pile):
    num_steps = 0

    def step(self, action):
        TiresOut.num_steps += 1
        if TiresOut.num_steps > 1000:
            raise RuntimeError("out of sticks\\nafter a thousand")
        return super().step(action)
"""


@pytest.fixture
def user_worlds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A module of a user's with worlds Pile, PileAlone and, against the contract, MovesTwice, ForThree and TiresOut; returns its name."""
    name = f"user_worlds_{tmp_path.name.replace('-', '_')}"
    (tmp_path / f"{name}.py").write_text(USER_WORLDS)
    monkeypatch.syspath_prepend(tmp_path)
    return name
