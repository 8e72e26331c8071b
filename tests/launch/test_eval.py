"""`muzero eval`, with a fresh network instead of a trained one."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from engine.config import ActorsConfig, RunConfig
from engine.errors import CorruptCheckpoint
from launch.cli import muzero
from muzero.config import EnvConfig, NetworkConfig, SearchConfig
from muzero.games import make_game

KEYS = ["opponent", "games", "wins", "draws", "losses", "score", "losing_lines", "mean_return", "learner_steps", "seconds"]


@pytest.fixture
def fresh_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every run folder holds a small network that has learned nothing, after 300 steps."""
    from muzero.networks.flat_state import flatten_state, num_floats
    from muzero.networks.network import build_network

    def load(run_dir: Path, on_problem: object) -> tuple[RunConfig, np.ndarray, int]:
        config = RunConfig(
            env=EnvConfig(name=run_dir.name),
            network=NetworkConfig(hidden_size=16, head_size=16),
            search=SearchConfig(num_simulations=50),
            actors=ActorsConfig(num_actors=1),
        )
        game = make_game(config.env)
        network = build_network(game.spec, game.action_planes(), config.network, 1)
        values = np.zeros(num_floats(network), np.float32)
        flatten_state(network, values)
        return config, values, 300

    monkeypatch.setattr("engine.load_network.load_for_evaluation", load)


def run_eval(*arguments: str) -> Result:
    """Runs `muzero eval` with few simulations."""
    return CliRunner().invoke(muzero, ["eval", *arguments, "--simulations", "4", "--device", "cpu"], catch_exceptions=False)


@pytest.mark.usefixtures("fresh_checkpoint")
def test_a_match_is_one_json_object() -> None:
    record = json.loads(run_eval("tictactoe", "--games", "6", "--json").stdout.splitlines()[-1])

    assert list(record) == KEYS
    assert (record["opponent"], record["games"], record["learner_steps"], record["losing_lines"]) == ("random", 6, 300, None)
    assert record["wins"] + record["draws"] + record["losses"] == 6


@pytest.mark.usefixtures("fresh_checkpoint")
def test_the_perfect_opponent_walks_every_line() -> None:
    record = json.loads(run_eval("tictactoe", "--opponent", "perfect", "--json").stdout.splitlines()[-1])

    assert record["losing_lines"] == record["losses"] > 0
    assert record["games"] > 100


@pytest.mark.usefixtures("fresh_checkpoint")
def test_one_player_has_a_return_and_a_table() -> None:
    result = run_eval("cartpole", "--games", "2")

    assert result.exit_code == 0
    assert "mean return" in result.stdout and "learner steps   300" in result.stdout


@pytest.mark.usefixtures("fresh_checkpoint")
def test_an_unknown_opponent_is_exit_code_2() -> None:
    result = run_eval("tictactoe", "--opponent", "perfekt")

    assert result.exit_code == 2
    assert "did you mean perfect" in result.stderr


def test_a_corrupt_checkpoint_is_exit_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(run_dir: Path, on_problem: object) -> None:
        raise CorruptCheckpoint(f"no checkpoint in {run_dir} passed its checksums.")

    monkeypatch.setattr("engine.load_network.load_for_evaluation", load)

    result = run_eval("R")

    assert (result.exit_code, result.stderr) == (4, "Error: no checkpoint in R passed its checksums.\n")
