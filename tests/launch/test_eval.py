"""`muzero eval`, with a fresh network instead of a trained one."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result

from engine.config import ActorsConfig, RunConfig
from engine.errors import CorruptCheckpoint
from launch.cli import muzero
from launch.eval import progress_text
from launch.progress_line import progress_line
from muzero.config import EnvConfig, NetworkConfig, SearchConfig
from muzero.games import make_game

KEYS = [
    "opponent",
    "games",
    "wins",
    "draws",
    "losses",
    "score",
    "as_first",
    "as_second",
    "elo_difference",
    "elo_low",
    "elo_high",
    "losing_lines",
    "mean_return",
    "mean_length",
    "opening_moves",
    "distinct_games",
    "seed",
    "simulations",
    "learner_steps",
    "seconds",
]


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
    monkeypatch.setattr("engine.opponents.checkpoint.load_for_evaluation", load)


def run_eval(*arguments: str) -> Result:
    """Runs `muzero eval` with few simulations."""
    return CliRunner().invoke(muzero, ["eval", *arguments, "--simulations", "4", "--device", "cpu"], catch_exceptions=False)


@pytest.mark.usefixtures("fresh_checkpoint")
def test_a_match_is_one_json_object() -> None:
    record = json.loads(run_eval("tictactoe", "--games", "6", "--json").stdout.splitlines()[-1])

    assert list(record) == KEYS
    assert (record["opponent"], record["games"], record["learner_steps"], record["losing_lines"]) == ("random", 6, 300, None)
    assert record["wins"] + record["draws"] + record["losses"] == 6
    assert record["wins"] == record["as_first"]["wins"] + record["as_second"]["wins"]
    assert (record["seed"], record["simulations"], record["opening_moves"]) == (0, 4, 0)


@pytest.mark.usefixtures("fresh_checkpoint")
def test_the_perfect_opponent_walks_every_line() -> None:
    record = json.loads(run_eval("tictactoe", "--opponent", "perfect", "--json").stdout.splitlines()[-1])

    assert record["losing_lines"] == record["losses"] > 0
    assert record["games"] > 100


@pytest.mark.usefixtures("fresh_checkpoint")
def test_one_player_has_a_return_and_a_table() -> None:
    result = run_eval("cartpole", "--games", "2")

    assert result.exit_code == 0
    assert "mean return" in result.stdout and "mean length" in result.stdout and "learner steps   300" in result.stdout
    assert not any(word in result.stdout for word in ("wins", "losses", "elo", "first"))


@pytest.mark.usefixtures("fresh_checkpoint")
def test_an_unknown_opponent_is_exit_code_2() -> None:
    result = run_eval("tictactoe", "--opponent", "perfekt")

    assert result.exit_code == 2
    assert "did you mean perfect" in result.stderr


@pytest.mark.usefixtures("fresh_checkpoint")
@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("cartpole --opening-moves 2", "2 opening moves are for games against an opponent, but here one plays alone: leave them out."),
        ("tictactoe --opponent perfect --opening-moves 2", "not 2 opening moves: leave them out"),
        ("connect4 --opponent checkpoint:connect4;simulations=0", "has simulations 0: set at least 1"),
    ],
)
def test_what_makes_no_sense_is_exit_code_2_before_a_network_is_made(
    arguments: str, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engine.inference_core.InferenceCore", lambda *_, **__: pytest.fail("a network was made"))
    result = run_eval(*arguments.split())

    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.usefixtures("fresh_checkpoint")
def test_a_checkpoint_against_itself_is_even_in_every_pair_of_games() -> None:
    arguments = ("connect4", "--opponent", "checkpoint:connect4;simulations=4", "--games", "8", "--opening-moves", "3", "--json")
    record = json.loads(run_eval(*arguments).stdout.splitlines()[-1])

    assert (record["opponent"], record["opening_moves"], record["score"]) == ("checkpoint:connect4;simulations=4", 3, 0.5)
    assert record["as_first"]["wins"] == record["as_second"]["losses"] and record["distinct_games"] == 4
    assert record["elo_difference"] == 0 and record["elo_low"] < 0 < record["elo_high"]


@pytest.mark.usefixtures("fresh_checkpoint")
def test_a_checkpoint_of_another_world_is_refused() -> None:
    result = run_eval("connect4", "--opponent", "checkpoint:tictactoe")

    assert result.exit_code == 2
    assert "opponent 'checkpoint:tictactoe' was trained in 'tictactoe' and cannot play 'connect4'" in result.stderr


@pytest.mark.usefixtures("fresh_checkpoint")
def test_a_match_by_colours_is_shown_in_words() -> None:
    result = run_eval("connect4", "--opponent", "alphabeta:depth=5", "--games", "4")

    assert result.exit_code == 0
    assert "as first         0 won, 0 drawn, 2 lost" in result.stdout and "elo difference   -" in result.stdout


def test_progress_is_told_in_words_and_only_on_a_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert progress_text(np.zeros(0), 9, has_opponent=True) == "0 of 9 games"
    assert progress_text(np.array([1.0, 0.0, -1.0, 1.0]), 9, has_opponent=True) == "4 of 9 games: 2 won, 1 drawn, 1 lost"
    assert progress_text(np.array([10.0, 20.0]), 9, has_opponent=False) == "2 of 9 games: mean return 15"
    for is_terminal in (False, True):
        monkeypatch.setattr("sys.stderr.isatty", lambda is_terminal=is_terminal: is_terminal)
        with progress_line() as show:
            show(lambda: "0 of 9 games")
            show(lambda: "1 of 9 games")
        text = capsys.readouterr().err
        assert (text.count("0 of 9 games"), text.count("1 of 9 games")) == (is_terminal, 0)


def test_a_corrupt_checkpoint_is_exit_code_4(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(run_dir: Path, on_problem: object) -> None:
        raise CorruptCheckpoint(f"no checkpoint in {run_dir} passed its checksums.")

    monkeypatch.setattr("engine.load_network.load_for_evaluation", load)

    result = run_eval("R")

    assert (result.exit_code, result.stderr) == (4, "Error: no checkpoint in R passed its checksums.\n")
