"""The one-process mode is bit-for-bit reproducible and resumes exactly."""

import signal
from pathlib import Path

import numpy as np
import pytest

from engine.checkpoint_manifest import Checkpoint, newest_checkpoint
from engine.config import RunConfig
from engine.errors import MachineProblem
from engine.load_network import load_for_evaluation
from engine.stop_signals import StopSignals
from engine.training import train
from tests.engine.run_examples import RememberingDisplay, tiny_config

OPTIONS = {"consistency_loss_weight": 2.0, "target_network_steps": 4, "ema_decay": 0.9}


def run(config: RunConfig, run_dir: Path, mode: str = "new") -> Checkpoint:
    """Trains in this process and returns the last checkpoint."""
    code = train(config, run_dir=run_dir, mode=mode, display=RememberingDisplay(), command_line=["test"])  # type: ignore[arg-type]
    checkpoint = newest_checkpoint(run_dir)
    assert code == 0
    assert checkpoint is not None
    return checkpoint


def require_equal(one: object, other: object, name: str = "state") -> None:
    """Asserts that two nested states are equal to the last bit."""
    if isinstance(one, np.ndarray):
        np.testing.assert_array_equal(one, other, err_msg=name)
    elif isinstance(one, dict) and isinstance(other, dict):
        assert one.keys() == other.keys(), name
        for key in one:
            require_equal(one[key], other[key], f"{name}.{key}")
    elif isinstance(one, list) and isinstance(other, list):
        assert len(one) == len(other), name
        for index, (left, right) in enumerate(zip(one, other, strict=True)):
            require_equal(left, right, f"{name}.{index}")
    else:
        assert one == other, name


def require_equal_runs(one: Checkpoint, other: Checkpoint) -> None:
    require_equal(one.network(), other.network(), "network")
    require_equal(one.state(), other.state())
    assert one.manifest["env_steps"] == other.manifest["env_steps"]
    assert one.manifest["counters"][0]["NEXT_GAME"] == other.manifest["counters"][0]["NEXT_GAME"]


def test_the_same_seed_gives_the_same_weights_games_and_state(tmp_path: Path) -> None:
    require_equal_runs(run(tiny_config(), tmp_path / "a"), run(tiny_config(), tmp_path / "b"))


def test_another_seed_gives_another_run(tmp_path: Path) -> None:
    one, other = run(tiny_config(), tmp_path / "a"), run(tiny_config(seed=8), tmp_path / "b")
    assert any(not np.array_equal(array, other.network()[name]) for name, array in one.network().items())


@pytest.mark.parametrize("game", ["tictactoe", "cartpole"])
@pytest.mark.parametrize("is_prioritized", [False, True])
def test_a_resumed_run_equals_one_straight_through(tmp_path: Path, game: str, is_prioritized: bool) -> None:
    changes = {"env": {"name": game}, "replay": {"is_prioritized": is_prioritized, "capacity_steps": 1000}}
    straight = run(tiny_config(steps=20, **changes), tmp_path / "straight")
    run(tiny_config(steps=10, **changes), tmp_path / "parts")
    resumed = run(tiny_config(steps=20, **changes), tmp_path / "parts", mode="resume")
    require_equal_runs(straight, resumed)


def test_a_run_with_all_options_of_training_resumes_exactly_and_saves_what_it_published(tmp_path: Path) -> None:
    changes = {"training": {**OPTIONS, "td_steps": 2}}
    straight = run(tiny_config(steps=14, **changes), tmp_path / "straight")
    run(tiny_config(steps=9, **changes), tmp_path / "parts")
    resumed = run(tiny_config(steps=14, **changes), tmp_path / "parts", mode="resume")
    require_equal_runs(straight, resumed)
    _, values, steps = load_for_evaluation(tmp_path / "straight")
    assert steps == 14  # published at every 7th
    np.testing.assert_array_equal(values, straight.state()["published"])
    assert {name.split(".")[0] for name in straight.state()["trainer"]} == {"network", "target", "consistency", "optimizer", "steps"}


def test_a_run_with_convolutions_resumes_exactly_and_saves_what_it_published(tmp_path: Path) -> None:
    network = {"kind": "residual", "num_blocks": 1, "num_channels": 4, "head_size": 8}
    straight = run(tiny_config(steps=14, network=network), tmp_path / "straight")
    run(tiny_config(steps=9, network=network), tmp_path / "parts")
    resumed = run(tiny_config(steps=14, network=network), tmp_path / "parts", mode="resume")
    require_equal_runs(straight, resumed)
    _, values, steps = load_for_evaluation(tmp_path / "straight")
    assert steps == 14  # published at every 7th
    np.testing.assert_array_equal(values, straight.state()["published"])


def test_a_run_with_fast_searches_resumes_exactly_and_counts_their_simulations(tmp_path: Path) -> None:
    capped = {"self_play": {"full_search_fraction": 0.25, "fast_simulations": 2}, "env": {"name": "tictactoe"}}
    straight = run(tiny_config(steps=20, **capped), tmp_path / "straight")
    run(tiny_config(steps=10, **capped), tmp_path / "parts")
    resumed = run(tiny_config(steps=20, **capped), tmp_path / "parts", mode="resume")
    require_equal_runs(straight, resumed)
    for checkpoint in (straight, resumed):
        simulations = checkpoint.manifest["counters"][0]["SIMULATIONS"] / checkpoint.manifest["env_steps"]
        assert simulations == pytest.approx(0.25 * 8 + 0.75 * 2, rel=0.4)


def test_a_resumed_run_with_reanalysis_equals_one_straight_through(tmp_path: Path) -> None:
    changes = {"reanalyze": {"fraction": 0.8, "batch_size": 16, "chunk_steps": 4, "samples_per_position": 2.0, "max_policy_age": 2}}
    straight = run(tiny_config(steps=24, **changes), tmp_path / "straight")
    run(tiny_config(steps=11, **changes), tmp_path / "parts")
    resumed = run(tiny_config(steps=24, **changes), tmp_path / "parts", mode="resume")
    require_equal_runs(straight, resumed)
    fresh_samples, positions = straight.state()["fresh"]["samples"], straight.manifest["reanalyzed_positions"]
    assert positions == resumed.manifest["reanalyzed_positions"]
    assert 0.7 * 24 * 16 < fresh_samples <= 2.0 * positions + 16


def test_a_run_resumed_with_other_games_plays_them_anew_and_counts_on(tmp_path: Path) -> None:
    before = run(tiny_config(steps=10), tmp_path / "run")
    display = RememberingDisplay()
    config = tiny_config(steps=20, actors={"games_per_actor": 2})
    assert train(config, run_dir=tmp_path / "run", mode="resume", display=display, command_line=["test"]) == 0
    assert "resume: seed, self_play, actors or reanalysis changed, so the games that were going on are played anew" in display.messages
    after = newest_checkpoint(tmp_path / "run")
    assert after is not None
    assert after.manifest["env_steps"] > before.manifest["env_steps"]
    assert after.manifest["counters"][0]["NEXT_GAME"] > before.manifest["counters"][0]["NEXT_GAME"]


def test_a_full_disk_costs_a_checkpoint_not_the_run_but_the_last_one_is_missed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fill_the_disk(*_: object) -> None:
        raise OSError("No space left on device")

    monkeypatch.setattr("engine.checkpoint.array_bytes", fill_the_disk)
    display, config = RememberingDisplay(), tiny_config(steps=3, checkpoint={"interval_seconds": 1e-6})
    with pytest.raises(MachineProblem, match="No space left on device"):
        train(config, run_dir=tmp_path / "run", mode="new", display=display, command_line=["test"])
    assert sum("no checkpoint could be written" in text for text in display.messages) >= 3


def test_a_signal_ends_the_run_with_a_checkpoint_and_its_exit_code(tmp_path: Path) -> None:
    class Interrupting(RememberingDisplay):
        def update(self, status: object) -> None:
            signal.raise_signal(signal.SIGINT)

    code = train(tiny_config(steps=10**6), run_dir=tmp_path / "run", mode="new", display=Interrupting(), command_line=[])
    assert code == 130
    assert newest_checkpoint(tmp_path / "run") is not None


def test_the_first_signal_decides_the_exit_code() -> None:
    signals = StopSignals()
    signals.handle(signal.SIGTERM, None)
    signals.handle(signal.SIGINT, None)
    assert (signals.exit_code, signals.count) == (143, 2)
