"""Each way a run can be refused or fail ends with its exit code and a sentence that says what to do."""

import subprocess
from pathlib import Path

import pytest

from engine.training import train
from tests.end_to_end.launched_run import PATIENCE_SECONDS, LaunchedRun
from tests.engine.run_examples import RememberingDisplay, start_launch, tiny_config, tiny_flags

pytestmark = pytest.mark.timeout(240)


def launched(*arguments: str) -> tuple[int, str]:
    """Runs the command line to its end and returns its exit code and all it printed."""
    process = start_launch(*arguments)
    try:
        output, _ = process.communicate(timeout=PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
        raise
    return process.returncode, output


def refused(exit_code: int, *arguments: str) -> str:
    """Asserts that the command line refuses with one sentence, and returns what it printed."""
    code, output = launched(*arguments)
    assert code == exit_code, output
    assert "Traceback" not in output
    assert output.splitlines()[-1].startswith("Error: ")
    return output


@pytest.fixture(scope="module")
def finished_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run in one process with two checkpoints."""
    run_dir = tmp_path_factory.mktemp("finished") / "run"
    for steps, mode in ((5, "new"), (10, "resume")):
        config = tiny_config(steps=None, training={"training_steps": steps})
        assert train(config, run_dir=run_dir, mode=mode, display=RememberingDisplay(), command_line=["test"]) == 0  # type: ignore[arg-type]
    return run_dir


def test_an_unknown_environment_is_2_and_names_the_nearest(tmp_path: Path) -> None:
    assert "tictactoe" in refused(2, "--env", "tictacto", "--run-dir", str(tmp_path / "run"))
    assert not (tmp_path / "run").exists()


def test_a_run_folder_that_is_not_empty_is_2_and_names_the_three_flags(finished_run: Path) -> None:
    output = refused(2, *tiny_flags(finished_run))
    assert all(flag in output for flag in ("--resume", "--restart", "--overwrite"))


def test_too_little_memory_is_3_with_the_bytes_and_the_flag(tmp_path: Path) -> None:
    output = refused(3, *tiny_flags(tmp_path / "run", "--actors", "1", "--set", "replay.capacity_steps=100000000000"))
    assert "replay.capacity_steps" in output.splitlines()[-1]
    assert any(unit in output.splitlines()[-1] for unit in ("GiB", "TiB", "bytes"))


@pytest.mark.parametrize("actors", ["0", "1"])
def test_a_device_that_is_not_there_is_3(tmp_path: Path, actors: str) -> None:
    output = refused(3, *tiny_flags(tmp_path / "run", "--actors", actors, "--device", "cuda:7"))
    assert "'cuda:7' is not there" in output
    assert "--device cpu" in output


def test_a_corrupt_checkpoint_falls_back_to_the_one_before_and_only_corrupt_ones_are_4(finished_run: Path) -> None:
    flip_a_bit(finished_run / "checkpoints" / "step_000000010" / "weights.safetensors")
    code, output = launched("--run-dir", str(finished_run), "--resume", "--steps", "6")
    assert code == 0, output
    assert "step_000000010 is damaged: weights.safetensors does not match its checksum. Falling back to the one before." in output
    assert "resume: step_000000005" in output
    for path in (finished_run / "checkpoints").glob("step_*"):
        flip_a_bit(path / "state.safetensors")
    output = refused(4, "--run-dir", str(finished_run), "--resume")
    assert "no checkpoint in" in output.splitlines()[-1]


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_learner_that_keeps_failing_ends_the_run_with_1_and_its_traceback(tmp_path: Path) -> None:
    # So large a learning rate makes weights that are finite, whose loss is not: training itself fails, whenever it is started.
    sets = ("training.learning_rate=1e30", "training.lr_warmup_steps=1", "supervisor.max_restarts_per_minute=1")
    flags = [flag for key in sets for flag in ("--set", key)]
    with LaunchedRun.new(tmp_path / "run", *flags, "--steps", "100000") as run:
        run.wait_for("a role at work", lambda: "READY" in run.newest()["roles"].values())
        same_run = refused(2, "--run-dir", str(tmp_path / "run"), "--resume")
        assert f"another process (pid {run.process.pid}) runs in" in same_run
        assert run.exit_code() == 1, run.output
        assert "Error: learner died 2 times within 60 s" in run.output
        assert "RunFailed: loss or gradient was not finite 3 times in a row" in run.output
        assert "lower training.learning_rate" in run.output
